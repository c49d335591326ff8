package pki

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Files name the files that a TLS endpoint needs, all in PEM.
type Files struct {
	// CA holds the authorities that may have signed the peer's certificate.
	CA string
	// Cert is the endpoint's own certificate, followed by the intermediate ones up to the
	// authority, and Key is its key. A client may have neither.
	Cert, Key string
}

// material is what the files contain.
type material struct {
	cert        *tls.Certificate // nil without Files.Cert
	authorities []*x509.Certificate
	pool        *x509.CertPool
}

// Source provides the certificates in a set of files. It reads the files again when they have
// changed. It is safe for concurrent use.
type Source struct {
	files Files
	log   *slog.Logger

	mu      sync.Mutex // guards what follows
	using   *material
	looked  [3]stamp // the versions of the files when they were last read
	failure error    // why the contents of these versions are not in use
}

// stamp identifies a version of a file.
type stamp struct {
	info os.FileInfo
}

func (s stamp) same(o stamp) bool {
	if s.info == nil || o.info == nil {
		return s.info == o.info
	}
	return os.SameFile(s.info, o.info) && s.info.ModTime().Equal(o.info.ModTime()) && s.info.Size() == o.info.Size()
}

// Open reads the files. It logs later changes of them.
func Open(files Files, log *slog.Logger) (*Source, error) {
	s := &Source{files: files, log: log}
	s.looked = s.look()
	m, err := files.load()
	if err != nil {
		return nil, err
	}
	s.using = m
	return s, nil
}

// look returns the versions of the files.
func (s *Source) look() (now [3]stamp) {
	for i, name := range []string{s.files.CA, s.files.Cert, s.files.Key} {
		if info, err := os.Stat(name); err == nil {
			now[i].info = info
		}
	}
	return now
}

// current returns the contents of the files, or the last contents that were usable.
func (s *Source) current() *material {
	s.mu.Lock()
	defer s.mu.Unlock()
	// Note the versions before reading, so that a change in between is seen next time.
	now := s.look()
	if now[0].same(s.looked[0]) && now[1].same(s.looked[1]) && now[2].same(s.looked[2]) {
		return s.using
	}
	s.looked = now
	m, err := s.files.load()
	if s.failure = err; err != nil {
		s.log.Warn("new certificates cannot be used, the old ones stay", "err", err)
		return s.using
	}
	s.using = m
	if m.cert != nil {
		s.log.Info("certificates were changed", "expires", m.cert.Leaf.NotAfter)
	}
	return m
}

// load reads the files.
func (f Files) load() (*material, error) {
	m := &material{pool: x509.NewCertPool()}
	data, err := os.ReadFile(f.CA)
	if err != nil {
		return nil, fmt.Errorf("CA: %w", err)
	}
	if m.authorities, err = ParseCertificates(data); err != nil {
		return nil, fmt.Errorf("CA %s: %w", f.CA, err)
	}
	for _, c := range m.authorities {
		m.pool.AddCert(c)
	}
	if f.Cert == "" && f.Key == "" {
		return m, nil
	}
	if f.Cert == "" || f.Key == "" {
		return nil, errors.New("a certificate and its key must be given together")
	}
	cert, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		return nil, fmt.Errorf("certificate %s with key %s: %w", f.Cert, f.Key, err)
	}
	m.cert = &cert
	return m, nil
}

// Server returns the TLS configuration of a server. Changed files take effect with the
// next handshake.
func (s *Source) Server(clients tls.ClientAuthType) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			m := s.current()
			if m.cert == nil {
				return nil, errors.New("no certificate is given for the server")
			}
			return &tls.Config{
				MinVersion:   tls.VersionTLS12,
				Certificates: []tls.Certificate{*m.cert},
				ClientAuth:   clients,
				ClientCAs:    m.pool,
				// What HTTP/2 adds, many streams on one connection, serves
				// nobody here and is one more thing to bound.
				NextProtos: []string{"http/1.1"},
				// A resumed session would not be checked against the newest files.
				SessionTicketsDisabled: true,
			}, nil
		},
	}
}

// Expiry is when a certificate ends.
type Expiry struct {
	// Certificate is "own", or "ca" for the CA whose certificate expires first.
	Certificate string
	NotAfter    time.Time
}

// Expiries returns the expiry of each certificate in use.
func (s *Source) Expiries() []Expiry {
	m := s.current()
	ca := Expiry{"ca", m.authorities[0].NotAfter}
	for _, c := range m.authorities {
		if c.NotAfter.Before(ca.NotAfter) {
			ca.NotAfter = c.NotAfter
		}
	}
	if m.cert == nil {
		return []Expiry{ca}
	}
	return []Expiry{{"own", m.cert.Leaf.NotAfter}, ca}
}

// Err says why the present files are not in use; nil if they are.
func (s *Source) Err() error {
	s.current()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failure
}
