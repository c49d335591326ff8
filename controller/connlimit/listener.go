package connlimit

import (
	"context"
	"net"
	"sync"
	"time"
)

// idleGrace is how long a new connection may be idle before it can be closed in favour
// of others.
const idleGrace = 250 * time.Millisecond

// Listener limits the connections that it accepts: all of them, and the idle ones, which
// have sent no request yet or whose request is answered. Both limits are shared fairly
// by address. A Listener belongs below TLS, so that it counts a connection from its
// first byte on.
type Listener struct {
	net.Listener
	all, idle *Limiter
	ctx       context.Context // ends with Close
	close     context.CancelFunc
}

// Listen returns a Listener that accepts at most max connections at a time from inner, of
// which at most idle may be idle. At the limit of idle ones, the address with the most
// of them loses its oldest. At the limit of all, the address with the most connections
// loses its newest if it has more than the new one's address; otherwise the new one is
// closed.
func Listen(inner net.Listener, max, idle int) *Listener {
	ctx, cancel := context.WithCancel(context.Background())
	return &Listener{Listener: inner, all: New(max, 0), idle: New(idle, idleGrace), ctx: ctx, close: cancel}
}

// Accept waits for the next connection that the limits allow.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &Conn{Conn: conn, l: l}
		// drop only closes the socket. Whoever serves the connection does the rest.
		drop := func() { _ = conn.Close() }
		if c.releaseAll = l.all.TryAcquire(conn.RemoteAddr(), drop); c.releaseAll == nil {
			drop()
			continue
		}
		if c.releaseIdle = l.idle.Acquire(l.ctx, conn.RemoteAddr(), 1, drop); c.releaseIdle == nil {
			c.releaseAll()
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
	l          *Listener
	releaseAll func()

	mu          sync.Mutex
	releaseIdle func() // guarded by mu; nil while it is not idle
	closed      bool   // guarded by mu
}

// ConnOf returns the Conn that conn is or that it is a layer on, such as TLS; nil if there
// is none.
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

// NetConn returns the connection below.
func (c *Conn) NetConn() net.Conn { return c.Conn }

// Busy marks the connection as not idle: a client with the right to ask has sent a request.
func (c *Conn) Busy() {
	c.mu.Lock()
	release := c.releaseIdle
	c.releaseIdle = nil
	c.mu.Unlock()
	if release != nil {
		release()
	}
}

// Idle marks the connection as idle again. It blocks while the limit of idle ones is reached.
func (c *Conn) Idle() {
	c.mu.Lock()
	waits := c.releaseIdle != nil || c.closed
	c.mu.Unlock()
	if waits {
		return
	}
	release := c.l.idle.Acquire(c.l.ctx, c.RemoteAddr(), 1, func() { _ = c.Conn.Close() })
	if release == nil {
		return // the listener has ended, and its connections will
	}
	c.mu.Lock()
	if !c.closed {
		c.releaseIdle, release = release, nil
	}
	c.mu.Unlock()
	if release != nil {
		release()
	}
}

// Close closes the connection and releases its share.
func (c *Conn) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.Busy()
	c.releaseAll()
	return c.Conn.Close()
}
