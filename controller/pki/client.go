package pki

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"slices"
)

// serverURI is how a certificate says that it is sdnd's.
func serverURI() *url.URL { return &url.URL{Scheme: scheme, Host: "sdnd"} }

// isServer reports whether a certificate says that it is sdnd's.
func isServer(c *x509.Certificate) bool {
	return slices.ContainsFunc(c.URIs, func(u *url.URL) bool { return u.String() == serverURI().String() })
}

// Client returns a configuration for a client that dials host, a name or an
// address: of the authorities as they are when it dials, and with the newest
// certificate for each handshake, if there is one. The server's certificate
// must be of one of the authorities, for servers, and either say that it is
// sdnd's or name the host.
func (s *Source) Client(host string) *tls.Config {
	config := &tls.Config{
		MinVersion: tls.VersionTLS12,
		// Replaced, not left out: VerifyConnection does what crypto/tls would,
		// and accepts sdnd at any address.
		InsecureSkipVerify: true,
		VerifyConnection: func(c tls.ConnectionState) error {
			return verifyServer(c.PeerCertificates, s.current().pool, host)
		},
	}
	if s.current().cert != nil {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return s.current().cert, nil
		}
	}
	return config
}

func verifyServer(chain []*x509.Certificate, roots *x509.CertPool, host string) error {
	if len(chain) == 0 {
		return errors.New("the server has no certificate")
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	if _, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between}); err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: chain, Err: err}
	}
	if isServer(chain[0]) {
		return nil
	}
	return chain[0].VerifyHostname(host)
}

// Pinned returns a configuration for a client that knows nothing of sdnd's
// authority but its fingerprint, and has no certificate yet. The server must
// show the authority's certificate, and that its own is of it and sdnd's.
func Pinned(authority Fingerprint) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, // see Client
		VerifyConnection: func(c tls.ConnectionState) error {
			i := slices.IndexFunc(c.PeerCertificates, func(c *x509.Certificate) bool { return c.IsCA && FingerprintOf(c) == authority })
			if i < 0 {
				return fmt.Errorf("the server does not have the authority %s: is it the sdnd that the invitation is from?", authority)
			}
			roots := x509.NewCertPool()
			roots.AddCert(c.PeerCertificates[i])
			if err := verifyServer(c.PeerCertificates, roots, ""); err != nil {
				return fmt.Errorf("the server is not the sdnd that the invitation is from: %w", err)
			}
			return nil
		},
	}
}
