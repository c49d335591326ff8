package reconcile

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/sdnctl/sdnctl/controller/facts"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/openflow/session"
	"github.com/sdnctl/sdnctl/topology"
	"golang.org/x/sync/errgroup"
)

// Serve accepts connections of switches until ctx ends. Then it closes ln, and returns when all
// sessions have ended. Run must be running.
func (f *Fabric) Serve(ctx context.Context, ln net.Listener) error {
	stop := context.AfterFunc(ctx, func() { ln.Close() })
	defer stop()
	var sessions sync.WaitGroup
	defer sessions.Wait()
	for {
		conn, err := ln.Accept()
		if ctx.Err() != nil {
			if err == nil {
				conn.Close()
			}
			return nil
		}
		if errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("accept switches: %w", err)
		}
		if err != nil {
			// For example, there are no file descriptors left: the present connections
			// continue.
			f.log.Error("accept failed", "err", err)
			if !pause(ctx, 100*time.Millisecond) {
				return nil
			}
			continue
		}
		leave := f.handshakes.Acquire(ctx, conn.RemoteAddr(), 1, func() { conn.Close() })
		if leave == nil {
			conn.Close()
			return nil
		}
		sessions.Go(func() { f.session(ctx, conn, leave) })
	}
}

// session runs the session with one switch until the session or ctx ends. It calls
// handshakeDone when the handshake has succeeded or failed.
func (f *Fabric) session(ctx context.Context, conn net.Conn, handshakeDone func()) {
	proof, err := f.identify(ctx, conn)
	if err != nil {
		handshakeDone()
		if ctx.Err() == nil {
			f.warnings.Warn(conn.RemoteAddr(), "switch does not prove who it is", "err", err)
			f.metrics.handshakesFailed.Inc()
			f.showUnproven(conn.RemoteAddr(), err)
		}
		return
	}
	ports, cfg := f.newAdmission(conn), f.cfg.Session
	cfg.AdmitPorts = ports.admit
	sess, err := session.Handshake(ctx, conn, cfg)
	ports.member.Release()
	handshakeDone()
	if err != nil {
		if ctx.Err() == nil {
			f.warnings.Warn(conn.RemoteAddr(), "openflow handshake failed", "err", err)
			f.metrics.handshakesFailed.Inc()
			f.showRefused(conn.RemoteAddr(), err)
		}
		return
	}
	f.board.Accept(conn.RemoteAddr())
	p := &peer{
		f: f, sess: sess, proof: proof, dpid: topology.DatapathID(sess.Features().DatapathID),
		suspect: make(chan struct{}, 1), ports: map[openflow.PortNo]string{}, links: facts.Links{},
	}
	p.worker = f.workers.New(sess, p)
	for _, o := range sess.Ports() {
		p.setPort(o.No, o.Name)
		p.setContact(&o)
		if p.ports[o.No] != "" {
			p.links.Set(o.No, facts.LinkOf(&o))
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return sess.Run(ctx) })
	g.Go(func() error {
		f.post(switchUp{p})
		for e := range sess.Events() {
			p.received(e)
		}
		return nil
	})
	g.Go(func() error { return p.proveAlive(ctx) })
	g.Go(func() error { return p.worker.Run(ctx) })
	err = g.Wait()
	f.post(switchDown{p, err})
}

// received handles an asynchronous message of the switch.
func (p *peer) received(e session.Event) {
	switch e := e.(type) {
	case *openflow.PortStatus:
		p.f.post(portChanged{p, e})
	default:
		if m, ok := e.(*openflow.PacketIn); ok && p.offerPacketIn(m) {
			return
		}
		// No flow of sdnd's asks for this message.
		p.f.metrics.unexpected.Inc()
		p.f.log.Debug("unexpected message", "dpid", p.dpid, "type", e.Type())
	}
}
