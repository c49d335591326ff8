package ovsdb

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/sdnctl/sdnctl/controller/warn"
)

// acceptPause is how long Serve waits after an accept that failed for lack of a resource
// that may become free, such as file descriptors.
const acceptPause = 100 * time.Millisecond

// Serve accepts the connections of nodes on ln and reports to h what they send, until ctx
// ends; then it returns nil. It returns an error only if ln fails for good. In either case
// ln is closed, and every connection and goroutine has ended, when Serve returns.
func Serve(ctx context.Context, ln net.Listener, h Handler, cfg Config) error {
	cfg = cfg.withDefaults()
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() {
		<-ctx.Done()
		ln.Close()
	})
	s := newServer(h, cfg)
	wg.Go(func() { cfg.Reconsider.run(ctx, s.claims) })
	for {
		conn, err := ln.Accept()
		if ctx.Err() != nil {
			if err == nil {
				conn.Close()
			}
			return nil
		}
		if errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("accept OVSDB connections: %w", err)
		}
		if err != nil {
			cfg.Logger.Warn("cannot accept an OVSDB connection", "err", err)
			pause(ctx, acceptPause)
			continue
		}
		if ctx, g := s.admit(ctx, conn); g != nil {
			wg.Go(func() {
				defer g.leave()
				s.serve(ctx, g, conn)
			})
		}
	}
}

// server is what the connections of one Serve share.
type server struct {
	cfg    Config
	claims *claims
	pool   *pool
	admission
	// warnings logs faults of peers, at a limited rate.
	warnings *warn.Limiter
}

func newServer(h Handler, cfg Config) *server {
	return &server{
		cfg: cfg, claims: newClaims(h, cfg), pool: newPool(cfg.MaxMessage),
		admission: newAdmission(cfg), warnings: warn.New(cfg.Logger),
	}
}

// serve serves one connection to its end.
func (s *server) serve(ctx context.Context, g *admitted, conn net.Conn) {
	log := s.cfg.Logger.With("remote", conn.RemoteAddr().String())
	log.Debug("OVSDB connection accepted")
	node, err := s.identify(ctx, conn)
	if err != nil {
		conn.Close()
		if errors.Is(context.Cause(ctx), errNoRoom) {
			err = errNoRoom
		}
		if !stopping(ctx) {
			s.warnings.Warn(conn.RemoteAddr(), "OVSDB connection does not prove who it is", "err", err)
		}
		return
	}
	session := s.newSession(g, conn, node, log)
	err = session.run(ctx)
	switch {
	case stopping(ctx):
		log.Debug("OVSDB connection closed")
	case session.ready:
		log.Info("OVSDB connection ended", "err", err)
	default:
		s.warnings.Warn(conn.RemoteAddr(), "OVSDB connection failed: check set-manager on the node", "err", err)
	}
}

// identify authenticates a connection.
func (s *server) identify(ctx context.Context, conn net.Conn) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.HandshakeTimeout)
	defer cancel()
	return s.cfg.Identify(ctx, conn)
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
