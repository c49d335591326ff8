package pki

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"
)

// NodeOf does the server's TLS handshake on conn, unless it is done, and returns the node
// in the client's certificate and the expiry of the certificate. For a connection without
// TLS that NewMixedListener has accepted, the node is "".
func NodeOf(ctx context.Context, conn net.Conn) (node string, expires time.Time, err error) {
	if m, ok := conn.(*mixedConn); ok {
		if err := m.decide(ctx); err != nil || !m.tls {
			return "", time.Time{}, err
		}
		conn = m.speaks
	}
	t, ok := conn.(interface {
		HandshakeContext(context.Context) error
		ConnectionState() tls.ConnectionState
	})
	if !ok {
		return "", time.Time{}, errors.New("the connection is not TLS")
	}
	if err := t.HandshakeContext(ctx); err != nil {
		return "", time.Time{}, explainHandshake(err)
	}
	certs := t.ConnectionState().PeerCertificates
	if len(certs) == 0 {
		return "", time.Time{}, errors.New("it has no certificate")
	}
	who, err := IdentityOf(certs[0])
	if err != nil {
		return "", time.Time{}, err
	}
	if who.Kind != Node {
		return "", time.Time{}, fmt.Errorf("its certificate is for %s, not for a node", who)
	}
	return who.Name, certs[0].NotAfter, nil
}

// explainHandshake adds the usual reason for a failed handshake to its error.
func explainHandshake(err error) error {
	var record tls.RecordHeaderError
	var alert *net.OpError // the type by which crypto/tls reports an alert of the peer
	var verify *tls.CertificateVerificationError
	switch {
	case errors.As(err, &record) && record.Conn != nil:
		return errors.New("it speaks plain TCP where TLS is required; invite the node with 'sdnctl node invite NAME', and run on it the line that this prints")
	case errors.As(err, &verify):
		return fmt.Errorf("its certificate is refused: %w", verify.Err)
	case errors.As(err, &alert) && alert.Op == "remote error":
		return fmt.Errorf("it refuses our certificate, or TLS with us: %w", err)
	}
	return fmt.Errorf("tls handshake: %w", err)
}
