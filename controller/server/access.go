package server

import (
	"context"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/pki"
	"github.com/sdnctl/sdnctl/topology/model"
)

// Access says who may use the API over TCP. Everybody who can open the unix socket may do
// everything; its file permissions decide who that is.
type Access struct {
	// Tokens are the valid bearer tokens (RFC 6750); nil means none. The TLS listener
	// verifies client certificates, which name their user.
	Tokens *pki.Tokens
}

// caller is the user or node that makes a request, authenticated by a certificate or token.
type caller struct{ pki.Identity }

type callerKey struct{}

// guard authenticates and authorizes requests, and limits the number and rate of each
// client's.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		switch {
		case local(r):
			ctx = context.WithValue(ctx, clientKey{}, unixClient)
		case r.URL.Path == "/healthz", r.URL.Path == "/readyz":
			// These reveal nothing, so they need no authentication. The connection counts
			// as idle, and is among the first to be closed at the limit.
			next.ServeHTTP(w, r)
			return
		default:
			who, p := s.identify(r)
			if r.URL.Path == enrollPath {
				who, p = nil, nil // the invitation in the body authenticates the caller
			}
			c := client{name: hostOf(r.RemoteAddr)}
			if who != nil {
				c.name = who.String()
				ctx = context.WithValue(ctx, callerKey{}, who)
			}
			if !s.rates.allow(c.name) {
				p = s.tooMany("more than %g requests a second from %s: wait a second and send fewer", s.cfg.MaxRate, c.name)
			} else if p == nil && who != nil {
				p = s.authorize(who, r)
			}
			if p == nil {
				var release func()
				if release, p = s.begin(r, c); p == nil {
					defer release()
				}
			}
			if p != nil {
				s.deny(w, r, p)
				return
			}
			c.proof = r
			ctx = context.WithValue(ctx, clientKey{}, c)
		}
		markBusy(ctx)
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// reauthorize refuses a client that has lost its rights since its request began: its
// token was revoked, or its certificate has expired.
func (s *Server) reauthorize(c client) *problem {
	if c.local {
		return nil
	}
	who, p := s.identify(c.proof)
	if p != nil || who == nil {
		return p
	}
	return s.authorize(who, c.proof)
}

// begin counts a request of a client, or refuses it. Watches have their own limit.
func (s *Server) begin(r *http.Request, c client) (release func(), p *problem) {
	if r.URL.Path == watchPath {
		return func() {}, nil
	}
	release, why := s.requests.acquire(c)
	if why != granted {
		return nil, s.tooMany("%d requests of %s are under way, which is the limit: wait for their answers first", s.cfg.MaxRequests, c.name)
	}
	return release, nil
}

// tooMany returns the problem of a client that is at one of its limits.
func (s *Server) tooMany(format string, args ...any) *problem {
	return newProblem(http.StatusTooManyRequests, api.CodeTooMany, format, args...)
}

// deny answers a request that guard refuses.
func (s *Server) deny(w http.ResponseWriter, r *http.Request, p *problem) {
	s.metrics.denied.WithLabelValues(p.Code).Inc()
	s.log.Debug("request denied", "client", r.RemoteAddr, "method", r.Method, "path", r.URL.Path, "err", p)
	w.Header().Set("Connection", "close")
	s.writeProblem(w, r, p)
}

// identify returns who makes a request; nil if the server has no access control.
func (s *Server) identify(r *http.Request) (*caller, *problem) {
	if s.cfg.Access == nil {
		return nil, nil
	}
	// RFC 9110, section 11.1: the name of the scheme may be in any case.
	if scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		if s.cfg.Access.Tokens != nil {
			if who, ok := s.cfg.Access.Tokens.Lookup(strings.TrimSpace(token)); ok {
				return &caller{who}, nil
			}
		}
		return nil, newProblem(http.StatusUnauthorized, api.CodeUnauthenticated, "sdnd does not know this token: ask an administrator for another")
	}
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return nil, newProblem(http.StatusUnauthorized, api.CodeUnauthenticated, "sdnd does not know who you are: give a client certificate (sdnctl --cert and --key) or a token (SDNCTL_TOKEN)")
	}
	cert := r.TLS.PeerCertificates[0]
	if time.Now().After(cert.NotAfter) { // since the handshake
		return nil, newProblem(http.StatusUnauthorized, api.CodeUnauthenticated, "the certificate has expired: ask an administrator for another")
	}
	who, err := pki.IdentityOf(cert)
	if err != nil {
		return nil, newProblem(http.StatusUnauthorized, api.CodeUnauthenticated, "%v", err)
	}
	return &caller{who}, nil
}

// requiredRole returns the least role that a request needs. Once the changes of a
// transaction are known, authorizeChange checks them, too. A request that is not listed
// needs Admin.
func requiredRole(r *http.Request) pki.Role {
	path := strings.TrimPrefix(r.URL.Path, "/v1/")
	kind, _, _ := strings.Cut(path, "/")
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch {
	case kind == "backup": // contains the whole history
		return pki.Admin
	case read, kind == "apply":
		return pki.Viewer
	}
	for _, k := range model.Kinds() {
		if kind == k.Plural() {
			return userRole(k.Writer())
		}
	}
	return pki.Admin
}

// userRole returns the least role of a user for an action that needs a role of the model.
// An operator may do what a node may do by itself.
func userRole(r model.Role) pki.Role {
	switch {
	case r <= model.Viewer:
		return pki.Viewer
	case r <= model.Operator:
		return pki.Operator
	}
	return pki.Admin
}

// authorize refuses a request that the caller may not make.
func (s *Server) authorize(who *caller, r *http.Request) *problem {
	if node := who.node(); node != "" {
		return s.authorizeNode(node, r)
	}
	return who.may(requiredRole(r))
}

// may refuses a caller who does not have the role.
func (c *caller) may(needed pki.Role) *problem {
	if c.Role.May(needed) {
		return nil
	}
	return newProblem(http.StatusForbidden, api.CodeForbidden, "%s is %s, this needs %s", c, article(c.Role), article(needed))
}

// article returns a role with its article.
func article(r pki.Role) string {
	if r == pki.Viewer {
		return "a " + string(r)
	}
	return "an " + string(r)
}

// hostOf returns the host of "host:port".
func hostOf(addr string) string {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		return host
	}
	return addr
}
