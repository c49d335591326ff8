package chaos_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/sdnctl/sdnctl/integration/chaos"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// message makes a message of a type, n bytes long.
func message(typ uint8, n int) []byte {
	b := make([]byte, n)
	b[0], b[1] = 4, typ
	binary.BigEndian.PutUint16(b[2:], uint16(n))
	return b
}

// ends are a proxy, and a listener on either side of it.
type ends struct {
	*testing.T
	sw, ctl net.Listener
	proxy   *chaos.Proxy
}

func start(t *testing.T, cfg chaos.Config) *ends {
	t.Helper()
	listen := func() net.Listener {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ln.Close() })
		return ln
	}
	e := &ends{T: t, sw: listen(), ctl: listen()}
	cfg.Switch = chaos.Dial("tcp", e.sw.Addr().String())
	cfg.Controller = chaos.Dial("tcp", e.ctl.Addr().String())
	e.proxy = chaos.New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { e.proxy.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return e
}

// accept takes the next connection of one side.
func (e *ends) accept(ln net.Listener) net.Conn {
	e.Helper()
	if err := ln.(*net.TCPListener).SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		e.Fatal(err)
	}
	c, err := ln.Accept()
	if err != nil {
		e.Fatal(err)
	}
	e.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		e.Fatal(err)
	}
	return c
}

func (e *ends) write(c net.Conn, b []byte) {
	e.Helper()
	if _, err := c.Write(b); err != nil {
		e.Fatal(err)
	}
}

// read reads n bytes.
func (e *ends) read(c net.Conn, n int) {
	e.Helper()
	if _, err := io.ReadFull(c, make([]byte, n)); err != nil {
		e.Fatal(err)
	}
}

// plan has the first connection suffer one fault.
func plan(f chaos.Fault) func(int) []chaos.Fault {
	return func(conn int) []chaos.Fault {
		if conn > 0 {
			return nil
		}
		return []chaos.Fault{f}
	}
}

// Messages pass, however they are cut into writes, and are counted; echoes are
// not.
func TestPasses(t *testing.T) {
	var mu sync.Mutex
	var seen []chaos.Message
	e := start(t, chaos.Config{Observe: func(m chaos.Message) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, m)
	}})
	sw, ctl := e.accept(e.sw), e.accept(e.ctl)
	hello := message(0, 16)
	e.write(ctl, hello[:3])
	e.write(ctl, append(hello[3:], message(2, 8)...))
	e.read(sw, 24)
	e.write(ctl, message(14, 60000))
	e.read(sw, 60000)
	e.write(sw, message(1, 12))
	e.read(ctl, 12)
	mu.Lock()
	defer mu.Unlock()
	want := []chaos.Message{
		{Dir: chaos.ToSwitch, At: 0, Type: 0, Len: 16},
		{Dir: chaos.ToSwitch, At: 1, Type: 14, Len: 60000},
		{Dir: chaos.ToController, At: 0, Type: 1, Len: 12},
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("seen (-want +got):\n%s", diff)
	}
}

// Each way of ending a connection ends it at its place, as seen from the
// controller, and the switch is connected again, after it has read all that was
// passed on.
func TestEnds(t *testing.T) {
	tests := []struct {
		kind chaos.Kind
		want error // what the controller reads
	}{
		{chaos.Cut, io.EOF},
		{chaos.Reset, nil}, // any error, for the system has a choice
		{chaos.HalfOpen, os.ErrDeadlineExceeded},
		{chaos.Truncate, io.EOF},
	}
	for _, test := range tests {
		t.Run(test.kind.String(), func(t *testing.T) {
			f := chaos.Fault{Kind: test.kind, Dir: chaos.ToSwitch, At: 1}
			e := start(t, chaos.Config{Plan: plan(f)})
			sw, ctl := e.accept(e.sw), e.accept(e.ctl)
			e.write(ctl, append(message(14, 100), message(14, 100)...))
			got, err := io.ReadAll(sw)
			if want := map[bool]int{true: 150, false: 100}[test.kind == chaos.Truncate]; len(got) != want || err != nil {
				t.Errorf("the switch read %d bytes (%v), want %d", len(got), err, want)
			}
			sw.Close()
			e.accept(e.sw) // anew
			if test.kind == chaos.HalfOpen {
				if err := ctl.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := ctl.Read(make([]byte, 1)); err == nil || test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("the controller reads %v, want %v", err, test.want)
			}
			if diff := cmp.Diff([]chaos.Strike{{Fault: f}}, e.proxy.Strikes()); diff != "" {
				t.Errorf("strikes (-want +got):\n%s", diff)
			}
		})
	}
}

// A duplicate is a second connection beside the first; with Takeover the first
// then ends.
func TestDuplicates(t *testing.T) {
	for _, kind := range []chaos.Kind{chaos.Duplicate, chaos.Takeover} {
		t.Run(kind.String(), func(t *testing.T) {
			e := start(t, chaos.Config{Plan: plan(chaos.Fault{Kind: kind, Dir: chaos.ToController, At: 1})})
			sw, ctl := e.accept(e.sw), e.accept(e.ctl)
			e.write(sw, append(message(0, 8), message(1, 8)...))
			e.read(ctl, 8)
			sw2, ctl2 := e.accept(e.sw), e.accept(e.ctl)
			e.write(sw2, message(21, 8)) // its handshake is done
			e.read(ctl2, 8)
			if kind == chaos.Duplicate {
				e.read(ctl, 8)
				return
			}
			if n, err := sw.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("the first connection goes on: %d bytes, %v", n, err)
			}
			sw.Close()
			if n, err := ctl.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("the first connection goes on: %d bytes, %v", n, err)
			}
			e.write(ctl2, message(14, 8))
			e.read(sw2, 8)
		})
	}
}

// TestHarm: a connection can be disturbed and then continue.
func TestHarm(t *testing.T) {
	e := start(t, chaos.Config{})
	sw, ctl := e.accept(e.sw), e.accept(e.ctl)
	e.write(ctl, message(14, 8))
	e.read(sw, 8)
	e.proxy.Harm(chaos.Fault{Kind: chaos.Cut, Dir: chaos.ToSwitch, At: 1})
	e.proxy.Calm()
	for range 3 {
		e.write(ctl, message(14, 8))
		e.read(sw, 8)
	}
	e.proxy.Harm(chaos.Fault{Kind: chaos.Cut, Dir: chaos.ToSwitch, At: 1})
	e.write(ctl, append(message(14, 8), message(14, 8)...))
	if got, err := io.ReadAll(sw); len(got) != 8 || err != nil {
		t.Errorf("the switch read %d bytes more (%v), want 8", len(got), err)
	}
}

// The same seed gives the same faults, and every kind comes up.
func TestRandom(t *testing.T) {
	draw := func() (all []chaos.Fault) {
		r := rand.New(rand.NewPCG(1, 2))
		for range 200 {
			all = append(all, chaos.Random(r, 10, time.Millisecond))
		}
		return all
	}
	first := draw()
	if diff := cmp.Diff(first, draw()); diff != "" {
		t.Errorf("two draws differ:\n%s", diff)
	}
	seen := map[chaos.Kind]bool{}
	for _, f := range first {
		seen[f.Kind] = true
	}
	if len(seen) != len(chaos.Kinds()) {
		t.Errorf("kinds drawn: %v", seen)
	}
}
