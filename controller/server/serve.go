package server

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/sdnctl/sdnctl/controller/connlimit"
	"github.com/sdnctl/sdnctl/controller/warn"
)

const (
	// headerTimeout ends a connection that does not finish its header.
	headerTimeout = 10 * time.Second
	// answerTimeout ends a request whose client does not read the response. It is longer
	// than maxWait; a watch sets its own for every event.
	answerTimeout = 10 * time.Minute
	// idleTimeout ends a connection without requests.
	idleTimeout = 2 * time.Minute
	// maxHeader is the size limit of a request's header, in bytes.
	maxHeader = 64 << 10
	// drainTimeout is how long open requests have to end at shutdown.
	drainTimeout = 5 * time.Second
)

type (
	// drainKey is the context key of a channel that is closed when the server stops.
	drainKey struct{}
	// peerKey is the context key of the user id at the other end of a unix socket, a uint32.
	peerKey struct{}
)

// Serve answers requests from a listener until the context ends, and closes the listener.
// At the end, watches and waits end at once, and other requests have a few seconds to
// finish. Serve returns nil if the context ended it.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	return serve(ctx, ln, s.Handler(), s.log)
}

// ServeHealth does what Serve does, but serves only /metrics, /healthz and /readyz, without
// authentication.
func (s *Server) ServeHealth(ctx context.Context, ln net.Listener) error {
	mux := http.NewServeMux()
	for _, path := range []string{"/metrics", "/healthz", "/readyz"} {
		mux.Handle("GET "+path, s.mux)
	}
	return serve(ctx, ln, s.problemsFor(mux), s.log)
}

// serve serves h until the context ends.
func serve(ctx context.Context, ln net.Listener, h http.Handler, logger *slog.Logger) error {
	hs := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		WriteTimeout:      answerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          log.New(errorLog{logger, warn.New(logger)}, "", 0),
		BaseContext: func(net.Listener) context.Context {
			return context.WithValue(context.Background(), drainKey{}, ctx.Done())
		},
		ConnContext: func(c context.Context, conn net.Conn) context.Context {
			if bounded := connlimit.ConnOf(conn); bounded != nil {
				c = context.WithValue(c, connKey{}, bounded)
				conn = bounded.NetConn()
			}
			if uid, ok := peerUID(conn); ok {
				return context.WithValue(c, peerKey{}, uid)
			}
			return c
		},
		ConnState: connState,
	}
	done := make(chan error, 1)
	go func() { done <- hs.Serve(ln) }()
	select {
	case err := <-done:
		return fmt.Errorf("serve the API on %s: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	err := hs.Shutdown(grace)
	if err != nil {
		err = hs.Close()
	}
	if served := <-done; err == nil && !errors.Is(served, http.ErrServerClosed) {
		err = served
	}
	return err
}

// errorLog receives the log of net/http. Anybody can cause failed handshakes, so they are
// logged at a limited rate.
type errorLog struct {
	log      *slog.Logger
	warnings *warn.Limiter
}

// Write logs a line of net/http.
func (l errorLog) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	if rest, ok := strings.CutPrefix(text, "http: TLS handshake error from "); ok {
		from, why, _ := strings.Cut(rest, ": ")
		if addr, err := netip.ParseAddrPort(from); err == nil {
			l.warnings.Warn(net.TCPAddrFromAddrPort(addr), "TLS handshake failed", "err", why)
			return len(line), nil
		}
	}
	l.log.Warn(text)
	return len(line), nil
}

// draining returns a channel that is closed when the server stops. Outside of Serve it is
// nil and is never closed.
func draining(ctx context.Context) <-chan struct{} {
	c, _ := ctx.Value(drainKey{}).(<-chan struct{})
	return c
}
