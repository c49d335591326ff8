package pki

import (
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// CheckClient checks the files of a client as the server will, and returns the identity
// and the expiry of the certificate.
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

// CheckServer returns why sdnd needs a new certificate: the files are unusable, the certificate
// expires within the given time, or it lacks one of the hosts. It returns nil if sdnd needs
// none.
func (f Files) CheckServer(now time.Time, within time.Duration, hosts []string) error {
	m, err := f.load()
	if err != nil {
		return err
	}
	leaf := m.cert.Leaf
	if !isServer(leaf) || len(m.cert.Certificate) < 2 {
		return errors.New("it does not say that it is sdnd's, or comes without the certificate of its CA")
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: m.pool, CurrentTime: now}); err != nil {
		return err
	}
	if left := leaf.NotAfter.Sub(now); left < within {
		return fmt.Errorf("it ends in %v", left.Round(time.Hour))
	}
	for _, h := range hosts {
		if err := leaf.VerifyHostname(h); err != nil && checkName(h) == nil {
			return err
		}
	}
	return nil
}
