package crowd

import (
	"context"
	"net"
	"sync"
	"time"
)

// waitingGrace is how long a connection may take to say something useful before
// it can be closed to make room for others.
const waitingGrace = 250 * time.Millisecond

// Listener bounds the connections that it accepts: in all, and those that wait,
// which are those that have asked for nothing yet or were answered. Room is
// shared fairly by address. It belongs beneath TLS, so that a connection is
// counted from its first byte on.
type Listener struct {
	net.Listener
	all, waiting *Crowd
	ctx          context.Context // ends with Close
	close        context.CancelFunc
}

// Listen has inner accept at most max connections at a time, of which at most
// waiting may wait. When more than that wait, the address with the most of them
// loses its oldest; when there are more than max, the address with the most
// loses its newest if it has more than the newcomer's, and else the newcomer is
// closed.
func Listen(inner net.Listener, max, waiting int) *Listener {
	ctx, cancel := context.WithCancel(context.Background())
	return &Listener{Listener: inner, all: New(max, 0), waiting: New(waiting, waitingGrace), ctx: ctx, close: cancel}
}

// Accept waits for the next connection that there is room for.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &Conn{Conn: conn, l: l}
		// Both only close the socket: the rest is done by whoever serves it.
		drop := func() { _ = conn.Close() }
		if c.leaveAll = l.all.TryEnter(conn.RemoteAddr(), drop); c.leaveAll == nil {
			drop()
			continue
		}
		if c.leaveWaiting = l.waiting.Enter(l.ctx, conn.RemoteAddr(), 1, drop); c.leaveWaiting == nil {
			c.leaveAll()
			drop()
			continue
		}
		return c, nil
	}
}

// Close stops accepting.
func (l *Listener) Close() error {
	l.close()
	return l.Listener.Close()
}

// Conn is a connection of a Listener.
type Conn struct {
	net.Conn
	l        *Listener
	leaveAll func()

	mu           sync.Mutex
	leaveWaiting func() // guarded by mu; nil while it does not wait
	closed       bool   // guarded by mu
}

// ConnOf returns the Conn that conn is, or that it is a layer on, such as TLS;
// nil if there is none.
func ConnOf(conn net.Conn) *Conn {
	for {
		if c, ok := conn.(*Conn); ok {
			return c
		}
		outer, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return nil
		}
		conn = outer.NetConn()
	}
}

// NetConn returns the connection beneath.
func (c *Conn) NetConn() net.Conn { return c.Conn }

// Work says that the connection waits no more: somebody who may ask has asked
// for something.
func (c *Conn) Work() {
	c.mu.Lock()
	leave := c.leaveWaiting
	c.leaveWaiting = nil
	c.mu.Unlock()
	if leave != nil {
		leave()
	}
}

// Wait says that the connection waits again. It may take a moment when many do.
func (c *Conn) Wait() {
	c.mu.Lock()
	waits := c.leaveWaiting != nil || c.closed
	c.mu.Unlock()
	if waits {
		return
	}
	leave := c.l.waiting.Enter(c.l.ctx, c.RemoteAddr(), 1, func() { _ = c.Conn.Close() })
	if leave == nil {
		return // the listener has ended, and its connections will
	}
	c.mu.Lock()
	if !c.closed {
		c.leaveWaiting, leave = leave, nil
	}
	c.mu.Unlock()
	if leave != nil {
		leave()
	}
}

// Close closes the connection and gives its room to others.
func (c *Conn) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.Work()
	c.leaveAll()
	return c.Conn.Close()
}
