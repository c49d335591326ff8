package pki

import (
	"crypto/tls"
	"net"
)

// NewListener has connections speak TLS, as crypto/tls.NewListener does, but
// for their Close: it says no goodbye, and so never waits for one that does not
// listen. It is for protocols that tell their own ends.
func NewListener(inner net.Listener, config *tls.Config) net.Listener {
	return &listener{inner, config}
}

type listener struct {
	net.Listener
	config *tls.Config
}

// Accept waits for the next connection; the handshake is done when it is used.
func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return brusque{tls.Server(conn, l.config)}, nil
}

type brusque struct{ *tls.Conn }

// Close closes the connection at once.
func (c brusque) Close() error { return c.NetConn().Close() }
