package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"

	"github.com/sdnctl/sdnctl/controller/pki"
	"github.com/sdnctl/sdnctl/controller/reconcile"
	"github.com/sdnctl/sdnctl/controller/server"
)

// security is who may connect, and how (docs/decisions/0008-security.md).
type security struct {
	// source has the certificates; nil without TLS.
	source *pki.Source
	// access is who may use the API by TCP; nil for everybody.
	access *server.Access
	// insecure says what is open to whoever can reach it.
	insecure []string
}

// secure reads the certificates and tokens that the options name, and refuses
// what would be open without having been asked for. Where plain TCP was not
// asked for it changes the addresses in o to ones of this machine.
func secure(o *options, log *slog.Logger) (*security, error) {
	s := &security{}
	files := pki.Files{CA: o.tlsCA, Cert: o.tlsCert, Key: o.tlsKey}
	switch {
	case files == pki.Files{}:
		if err := s.plain(o); err != nil {
			return nil, err
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
	if err := s.forAPI(*o, log); err != nil {
		return nil, err
	}
	for _, text := range s.insecure {
		log.Warn("insecure", "what", text)
	}
	return s, nil
}

// plain decides what may be done without certificates.
func (s *security) plain(o *options) error {
	if o.insecure {
		s.insecure = append(s.insecure, "switches and nodes connect by plain TCP (--insecure): whoever can reach sdnd can pose as any of them, or as sdnd")
		return nil
	}
	s.insecure = append(s.insecure, "switches and nodes connect by plain TCP, and from this machine only: for others give sdnd certificates (--tls-cert), or --insecure")
	for flag, addr := range map[string]*string{"openflow-listen": &o.openflowListen, "ovsdb-listen": &o.ovsdbListen} {
		if err := keepLocal(flag, addr); err != nil {
			return err
		}
	}
	return nil
}

// keepLocal makes an address one of this machine: one that names no host is
// changed, one that names another is refused.
func keepLocal(flag string, addr *string) error {
	host, port, err := net.SplitHostPort(*addr)
	if err != nil {
		return nil // empty, or listening will say what is wrong
	}
	if host == "" {
		*addr = net.JoinHostPort("127.0.0.1", port)
		return nil
	}
	if local(host) {
		return nil
	}
	return fmt.Errorf("--%s %s: switches and nodes would connect by plain TCP, where whoever can reach it can pose as any of them: give certificates (--tls-ca, --tls-cert, --tls-key; 'sdnctl pki init' makes them), or say --insecure where the network itself is trusted", flag, *addr)
}

// local reports whether a host is this machine.
func local(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
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
	l.openflow = pki.NewListener(l.openflow, nodes)
	if l.ovsdb != nil {
		l.ovsdb = pki.NewListener(l.ovsdb, nodes)
	}
	for i, ln := range l.api {
		if ln.Addr().Network() == "tcp" && !apiInsecure {
			// Who has a token needs no certificate.
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
