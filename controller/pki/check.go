package pki

import (
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// CheckClient reads the files of a client as the server will judge them, and
// returns who they are for and when the certificate ends.
func (f Files) CheckClient(now time.Time) (Identity, time.Time, error) {
	m, err := f.load()
	if err != nil {
		return Identity{}, time.Time{}, err
	}
	if m.cert == nil {
		return Identity{}, time.Time{}, errors.New("no certificate is given")
	}
	between := x509.NewCertPool()
	for _, der := range m.cert.Certificate[1:] {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return Identity{}, time.Time{}, fmt.Errorf("%s: %w", f.Cert, err)
		}
		between.AddCert(c)
	}
	if _, err := m.cert.Leaf.Verify(x509.VerifyOptions{
		Roots: m.pool, Intermediates: between, CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}); err != nil {
		return Identity{}, time.Time{}, fmt.Errorf("%s: %w", f.Cert, err)
	}
	who, err := IdentityOf(m.cert.Leaf)
	if err != nil {
		return Identity{}, time.Time{}, fmt.Errorf("%s: %w", f.Cert, err)
	}
	return who, m.cert.Leaf.NotAfter, nil
}
