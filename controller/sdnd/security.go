package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"

	"github.com/sdnctl/sdnctl/controller/enroll"
	"github.com/sdnctl/sdnctl/controller/pki"
	"github.com/sdnctl/sdnctl/controller/reconcile"
	"github.com/sdnctl/sdnctl/controller/server"
)

// security is who may connect, and how (docs/decisions/0008-security.md and
// 0015-enrolment.md).
type security struct {
	// source has the certificates; nil without TLS.
	source *pki.Source
	// own is sdnd's own authority; nil if others' certificates, or none, are used.
	own *enroll.Authority
	// access is who may use the API by TCP; nil for everybody.
	access *server.Access
	// insecure says what is open to whoever can reach it.
	insecure []string
}

// secure reads the certificates and tokens that the options name, or makes an
// authority where they name none, and refuses what would be open without having
// been asked for. It settles what o leaves to it.
func secure(o *options, notes enroll.Notes, log *slog.Logger) (*security, error) {
	s := &security{}
	files := pki.Files{CA: o.tlsCA, Cert: o.tlsCert, Key: o.tlsKey}
	switch {
	case files == pki.Files{} && o.insecure:
		s.insecure = append(s.insecure, "switches and nodes connect by plain TCP (--insecure): everybody who can reach sdnd can impersonate any of them, or sdnd")
	case files == pki.Files{}:
		var err error
		if s.own, err = enroll.Open(filepath.Join(filepath.Dir(o.data), "pki"), notes, enroll.Options{Logger: log}); err != nil {
			return nil, err
		}
		if s.source, err = pki.Open(s.own.Files(), log); err != nil {
			return nil, fmt.Errorf("sdnd's own CA: %w", err)
		}
	case files.CA == "" || files.Cert == "" || files.Key == "":
		return nil, errors.New("--tls-ca, --tls-cert and --tls-key must be given together")
	case o.insecure:
		return nil, errors.New("with certificates (--tls-cert) there is no plain TCP: leave out --insecure")
	default:
		var err error
		if s.source, err = pki.Open(files, log); err != nil {
			return nil, fmt.Errorf("--tls-ca, --tls-cert, --tls-key: %w", err)
		}
	}
	if o.apiListen == apiAuto {
		if o.apiListen = ""; s.own != nil && !o.apiInsecure {
			o.apiListen = apiDefault
		}
	}
	if err := s.forAPI(*o, log); err != nil {
		return nil, err
	}
	for _, text := range s.insecure {
		log.Warn("insecure", "what", text)
	}
	return s, nil
}

// local reports whether an address is of this machine alone.
func local(a net.Addr) bool {
	t, ok := a.(*net.TCPAddr)
	return ok && t.IP.IsLoopback()
}

// forAPI decides who may use the API by TCP.
func (s *security) forAPI(o options, log *slog.Logger) error {
	var tokens *pki.Tokens
	if o.apiTokens != "" {
		var err error
		if tokens, err = pki.OpenTokens(o.apiTokens, log); err != nil {
			return fmt.Errorf("--api-tokens: %w", err)
		}
	}
	if s.source != nil && !o.apiInsecure || tokens != nil {
		s.access = &server.Access{Tokens: tokens}
	}
	switch {
	case o.apiListen == "" || s.source != nil && !o.apiInsecure:
	case !o.apiInsecure:
		return fmt.Errorf("--api-listen %s: the API would be served by plain TCP: give certificates (--tls-ca, --tls-cert, --tls-key; 'sdnctl pki init' makes them), or --api-insecure", o.apiListen)
	case tokens != nil:
		s.insecure = append(s.insecure, "the API is served by plain TCP (--api-insecure): tokens can be read on their way")
	default:
		s.insecure = append(s.insecure, "the API is served by plain TCP without login (--api-insecure): whoever can reach it may do everything")
	}
	return nil
}

// wrap has the listeners speak TLS, if there are certificates.
func (s *security) wrap(l *listeners, apiInsecure bool) {
	if s.source == nil {
		return
	}
	nodes := s.source.Server(tls.RequireAndVerifyClientCert)
	listen := func(inner net.Listener) net.Listener {
		if s.own != nil {
			// Open vSwitch on this machine needs no certificate.
			return pki.NewMixedListener(inner, nodes, local)
		}
		return pki.NewListener(inner, nodes)
	}
	l.openflow = listen(l.openflow)
	if l.ovsdb != nil {
		l.ovsdb = listen(l.ovsdb)
	}
	for i, ln := range l.api {
		if ln.Addr().Network() == "tcp" && !apiInsecure {
			// A client with a token needs no certificate.
			l.api[i] = tls.NewListener(ln, s.source.Server(tls.VerifyClientCertIfGiven))
		}
	}
}

// identify is for reconcile.Config; nil without TLS.
func (s *security) identify() func(context.Context, net.Conn) (reconcile.Proof, error) {
	if s.source == nil {
		return nil
	}
	return func(ctx context.Context, conn net.Conn) (reconcile.Proof, error) {
		node, expires, err := pki.NodeOf(ctx, conn)
		return reconcile.Proof{Node: node, Expires: expires}, err
	}
}

// identifyNode is for ovsdb.Config; nil without TLS.
func (s *security) identifyNode() func(context.Context, net.Conn) (string, error) {
	if s.source == nil {
		return nil
	}
	return func(ctx context.Context, conn net.Conn) (string, error) {
		node, _, err := pki.NodeOf(ctx, conn)
		return node, err
	}
}
