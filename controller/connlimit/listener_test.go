package connlimit

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// bounded is a Listener that accepts until the test ends.
type bounded struct {
	t        *testing.T
	ln       *Listener
	accepted chan *Conn
}

func newBounded(t *testing.T, max, idle int) *bounded {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &bounded{t: t, ln: Listen(inner, max, idle), accepted: make(chan *Conn, 100)}
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			conn, err := b.ln.Accept()
			if err != nil {
				return
			}
			b.accepted <- conn.(*Conn)
		}
	})
	t.Cleanup(func() { b.ln.Close(); accepting.Wait() })
	return b
}

// dial connects from an address of this machine.
func (b *bounded) dial(from string) net.Conn {
	b.t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := d.DialContext(b.t.Context(), "tcp", b.ln.Addr().String())
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { conn.Close() })
	return conn
}

// closed waits until the other end has closed a connection.
func (b *bounded) closed(conn net.Conn) {
	b.t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		b.t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil || isTimeout(err) {
		b.t.Fatalf("not closed: %v", err)
	}
}

func isTimeout(err error) bool {
	e, ok := err.(net.Error)
	return ok && e.Timeout()
}

func (b *bounded) accept() *Conn {
	b.t.Helper()
	select {
	case c := <-b.accepted:
		return c
	case <-time.After(10 * time.Second):
		b.t.Fatal("not accepted")
		return nil
	}
}

// Connections that ask for nothing make room, the oldest first; those that do
// are safe, until they wait again.
func TestListenerIdle(t *testing.T) {
	b := newBounded(t, 10, 2)
	works := b.dial("127.0.0.1")
	working := b.accept()
	working.Busy()
	first, second := b.dial("127.0.0.1"), b.dial("127.0.0.1")
	b.accept()
	b.accept()
	b.dial("127.0.0.2")
	newcomer := b.accept() // after the first has had its moment
	b.closed(first)
	working.Idle()
	b.closed(second) // or the one that waits again would be the third
	for _, conn := range []net.Conn{working, newcomer} {
		if _, err := conn.Write([]byte("x")); err != nil {
			t.Errorf("%v: %v", conn.RemoteAddr(), err)
		}
	}
	if _, err := io.ReadFull(works, make([]byte, 1)); err != nil {
		t.Errorf("the one that asked: %v", err)
	}
}

// Whoever has all the room gives to who has none, and gets no more.
func TestListenerIsShared(t *testing.T) {
	b := newBounded(t, 3, 3)
	var many []net.Conn
	for range 3 {
		many = append(many, b.dial("127.0.0.1"))
		b.accept().Busy()
	}
	b.closed(b.dial("127.0.0.1"))
	b.dial("127.0.0.2")
	conn := b.accept()
	conn.Busy()
	b.closed(many[2]) // the newest
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if err := conn.Close(); err == nil {
		t.Error("closed twice without an error")
	}
	b.dial("127.0.0.1") // into the room of the one that left
	b.accept()
	if ConnOf(conn) != conn || ConnOf(many[0]) != nil {
		t.Error("ConnOf")
	}
}
