package pki

import (
	"crypto/tls"
	"net"
)

// NewListener is crypto/tls.NewListener, but its connections close without a TLS closure
// alert, and so never wait for a peer that does not read. It is for protocols that mark
// the end of their messages.
func NewListener(inner net.Listener, config *tls.Config) net.Listener {
	return &listener{inner, config}
}

type listener struct {
	net.Listener
	config *tls.Config
}

// Accept waits for the next connection. The first use of it does the handshake.
func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return abruptConn{tls.Server(conn, l.config)}, nil
}

// abruptConn is a TLS connection that closes without a closure alert.
type abruptConn struct{ *tls.Conn }

// Close closes the connection at once.
func (c abruptConn) Close() error { return c.NetConn().Close() }
