package pki

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
)

// serverURI is the URI that identifies sdnd in a certificate.
func serverURI() *url.URL { return &url.URL{Scheme: scheme, Host: "sdnd"} }

// isServer reports whether a certificate identifies sdnd.
func isServer(c *x509.Certificate) bool {
	return slices.ContainsFunc(c.URIs, func(u *url.URL) bool { return u.String() == serverURI().String() })
}

// Client returns the TLS configuration of a client that dials host, a name or an address.
// It trusts the authorities that the files have when it dials, and uses the newest client
// certificate in each handshake, if there is one. The server's certificate must be a
// server certificate of one of the authorities, and either identify sdnd or name the
// host.
func (s *Source) Client(host string) *tls.Config {
	config := &tls.Config{
		MinVersion: tls.VersionTLS12,
		// Verification is replaced, not left out: VerifyConnection does what
		// crypto/tls would, but accepts sdnd at any address.
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

// Pinned returns the TLS configuration of a client that knows only the fingerprint of
// sdnd's authority and has no certificate yet. The server must present the authority's
// certificate, and its own certificate must be signed by it and identify sdnd.
func Pinned(authority Fingerprint) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, // see Client
		VerifyConnection: func(c tls.ConnectionState) error {
			i := slices.IndexFunc(c.PeerCertificates, func(c *x509.Certificate) bool { return c.IsCA && FingerprintOf(c) == authority })
			if i < 0 {
				return fmt.Errorf("the server is not of the CA %s: is it the sdnd that the invitation is from?", authority)
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

// ClientTLS returns the TLS configuration of a client that dials host, a URL. With an
// authority it is that of [Source.Client]. Without one the server's certificate must be
// of the machine's authorities. It is nil if there are no files at all.
func (f Files) ClientTLS(host string) (*tls.Config, error) {
	switch {
	case f == Files{}:
		return nil, nil
	case f.CA != "":
		source, err := Open(f, slog.New(slog.DiscardHandler))
		if err != nil {
			return nil, err
		}
		u, err := url.Parse(host)
		if err != nil {
			return nil, err
		}
		return source.Client(u.Hostname()), nil
	}
	cert, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		return nil, fmt.Errorf("certificate %q with key %q: %w", f.Cert, f.Key, err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}}, nil
}
