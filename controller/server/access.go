package server

import (
	"context"
	"net"
	"net/http"
	"strings"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/pki"
)

// Access tells who may use the API over TCP. Who can use the unix socket is
// for its permissions to say, and may do everything.
type Access struct {
	// Tokens are the bearer tokens (RFC 6750) that are good; nil for none.
	// Client certificates are judged by the TLS listener, and name their user.
	Tokens *pki.Tokens
}

// caller is who makes a request, proven by a certificate or token.
type caller struct{ pki.Identity }

type callerKey struct{}

// guard lets requests through to next that their makers may make, and bounds
// how many those are.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if open(r) {
			next.ServeHTTP(w, r)
			return
		}
		who, p := s.identify(r)
		key := hostOf(r.RemoteAddr)
		if who != nil {
			key = who.String()
		}
		if !s.rates.allow(key) {
			w.Header().Set("Retry-After", "1")
			p = newProblem(http.StatusTooManyRequests, api.CodeTooMany, "more than %g requests a second from %s: wait a second and send fewer", s.cfg.MaxRate, key)
		} else if p == nil && who != nil {
			p = who.may(needed(r))
		}
		if p != nil {
			s.metrics.denied.WithLabelValues(p.Code).Inc()
			s.log.Debug("request denied", "client", r.RemoteAddr, "method", r.Method, "path", r.URL.Path, "err", p)
			if p.Status == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", `Bearer realm="sdnd"`)
			}
			w.Header().Set("Connection", "close") // the body is not read
			writeProblem(w, p)
			return
		}
		if who != nil {
			r = r.WithContext(context.WithValue(r.Context(), callerKey{}, who))
		}
		next.ServeHTTP(w, r)
	})
}

// open reports whether a request needs no proof: it came by the unix socket,
// or asks for what tells nothing.
func open(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return ok && local.Network() == "unix" || r.URL.Path == "/healthz" || r.URL.Path == "/readyz"
}

// identify returns who makes a request, nil if nobody needs to say so.
func (s *Server) identify(r *http.Request) (*caller, *problem) {
	if s.cfg.Access == nil {
		return nil, nil
	}
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
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
	who, err := pki.IdentityOf(r.TLS.PeerCertificates[0])
	if err != nil {
		return nil, newProblem(http.StatusUnauthorized, api.CodeUnauthenticated, "%v", err)
	}
	if who.Kind != pki.User {
		return nil, newProblem(http.StatusForbidden, api.CodeForbidden, "the certificate is for %s: the API is for users", who)
	}
	return &caller{who}, nil
}

// needed returns the role that a request needs at least. What a transaction
// changes is judged when it is known (mayChange); what is not listed needs the
// greatest.
func needed(r *http.Request) pki.Role {
	path := strings.TrimPrefix(r.URL.Path, "/v1/")
	kind, _, _ := strings.Cut(path, "/")
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch {
	case kind == "backup": // has the history, and with it all that ever was
		return pki.Admin
	case read, kind == "apply":
		return pki.Viewer
	case kind == api.KindNetwork.Plural(), kind == api.KindRouter.Plural(), kind == api.KindPort.Plural():
		return pki.Operator
	}
	return pki.Admin
}

// may refuses a caller who has not the role.
func (c *caller) may(needed pki.Role) *problem {
	if c.Role.May(needed) {
		return nil
	}
	return newProblem(http.StatusForbidden, api.CodeForbidden, "%s is %s, this needs %s", c, article(c.Role), article(needed))
}

func article(r pki.Role) string {
	if r == pki.Viewer {
		return "a " + string(r)
	}
	return "an " + string(r)
}

func hostOf(addr string) string {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		return host
	}
	return addr
}
