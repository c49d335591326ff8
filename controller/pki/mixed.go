package pki

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// speakFirst is how long a client may be silent before it counts as one that waits for the
// server to send first. No TLS client does that.
const speakFirst = 250 * time.Millisecond

// recordHandshake is the first byte of TLS: the type of its first record (RFC 8446, section
// 5.1). Neither OpenFlow nor JSON begins with it.
const recordHandshake = 0x16

// NewMixedListener does what NewListener does, but also accepts connections without TLS from
// the addresses for which plain returns true. The first byte decides which it is. A connection
// without TLS is not authenticated; NodeOf returns an empty name for it.
func NewMixedListener(inner net.Listener, config *tls.Config, plain func(net.Addr) bool) net.Listener {
	return &mixedListener{NewListener(inner, config), inner, config, plain}
}

type mixedListener struct {
	net.Listener
	inner  net.Listener
	config *tls.Config
	plain  func(net.Addr) bool
}

// Accept waits for the next connection. The first use of it finds out whether it speaks
// TLS, and does the handshake.
func (l *mixedListener) Accept() (net.Conn, error) {
	conn, err := l.inner.Accept()
	if err != nil {
		return nil, err
	}
	if !l.plain(conn.RemoteAddr()) {
		return abruptConn{tls.Server(conn, l.config)}, nil
	}
	return &mixedConn{Conn: conn, config: l.config}, nil
}

// mixedConn is a connection whose first byte shows whether it speaks TLS.
type mixedConn struct {
	net.Conn // the accepted connection
	config   *tls.Config

	once   sync.Once // guards what follows
	speaks net.Conn  // TLS, or the plain connection with the byte that was read
	tls    bool
	err    error
}

// decide waits for the first byte, at most for speakFirst.
func (c *mixedConn) decide(ctx context.Context) error {
	c.once.Do(func() {
		stop := context.AfterFunc(ctx, func() { c.Conn.Close() })
		defer stop()
		p := &prefixed{Conn: c.Conn}
		c.speaks = p
		b := make([]byte, 1)
		if c.err = c.SetReadDeadline(time.Now().Add(speakFirst)); c.err != nil {
			return
		}
		_, err := io.ReadFull(c.Conn, b)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded): // it waits for the server
		case err != nil:
			c.err = err
			return
		default:
			p.first = b
			if c.tls = b[0] == recordHandshake; c.tls {
				c.speaks = abruptConn{tls.Server(p, c.config)}
			}
		}
		c.err = c.SetReadDeadline(time.Time{})
	})
	return c.err
}

// Read is part of net.Conn.
func (c *mixedConn) Read(b []byte) (int, error) {
	if err := c.decide(context.Background()); err != nil {
		return 0, err
	}
	return c.speaks.Read(b)
}

// Write is part of net.Conn.
func (c *mixedConn) Write(b []byte) (int, error) {
	if err := c.decide(context.Background()); err != nil {
		return 0, err
	}
	return c.speaks.Write(b)
}

// NetConn returns the connection below.
func (c *mixedConn) NetConn() net.Conn { return c.Conn }

// prefixed is a connection whose first bytes have been read already.
type prefixed struct {
	net.Conn
	first []byte
}

// Read is part of net.Conn.
func (p *prefixed) Read(b []byte) (int, error) {
	if len(p.first) > 0 && len(b) > 0 {
		n := copy(b, p.first)
		p.first = p.first[n:]
		return n, nil
	}
	return p.Conn.Read(b)
}
