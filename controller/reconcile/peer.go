package reconcile

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sdnctl/sdnctl/controller/facts"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/worker"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/openflow/session"
	"github.com/sdnctl/sdnctl/topology"
)

// probeTimeout is how long the switch of an idle connection may take to answer an echo when
// another connection with its datapath id has come.
const probeTimeout = time.Second

// peer is one connected switch.
type peer struct {
	f    *Fabric
	sess *session.Session
	dpid topology.DatapathID
	// proof is what the connection proved; nil if it did not have to.
	proof *Proof
	// worker works on the switch when it is known to be a node's.
	worker *worker.Worker
	// suspect has an element when the connection must prove that it is alive.
	suspect chan struct{}

	// The dispatcher's: the ports' names by number, those of the tunnel, the uplink and
	// host access, and whether it is, or was, a node's.
	ports                map[openflow.PortNo]string
	tunnel, uplink, host openflow.PortNo
	// links are the ports that are not as they should be.
	links facts.Links
	// leave removes it from the unassigned switches; nil if it is not one of them.
	leave   func()
	claimed bool
	// quarantined is why it is in quarantine; "" if it is not.
	quarantined string
}

// errNoAnswer ends a session whose switch has reconnected.
var errNoAnswer = errors.New("the switch connected again and its old connection did not answer")

// Serve takes connections of switches until ctx ends; then it closes ln, and
// returns when all sessions have ended. Run must be running.
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
			// Out of file descriptors, say: those who are here go on.
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

// session runs the session with one switch until it or ctx ends; it calls handshakeDone when the
// handshake has succeeded or failed.
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

// setPort notes a port's name, or with "" that it is gone, and reports whether
// that is new. It passes over the numbers that no interface has (OpenFlow 1.3.5,
// 7.2.1).
func (p *peer) setPort(number openflow.PortNo, name string) bool {
	if number == 0 || number > openflow.PortMax && number != openflow.PortLocal || p.ports[number] == name {
		return false
	}
	switch number {
	case p.tunnel:
		p.tunnel = 0
	case p.uplink:
		p.uplink = 0
	case p.host:
		p.host = 0
	}
	if name == "" {
		delete(p.ports, number)
		return true
	}
	p.ports[number] = name
	switch name {
	case pipeline.TunnelPort:
		p.tunnel = number
	case pipeline.UplinkPort:
		p.uplink = number
	case pipeline.HostPort:
		p.host = number
	}
	return true
}

// received takes the switch's asynchronous messages.
func (p *peer) received(e session.Event) {
	switch e := e.(type) {
	case *openflow.PortStatus:
		p.f.post(portChanged{p, e})
	default:
		if m, ok := e.(*openflow.PacketIn); ok && p.offerPacketIn(m) {
			return
		}
		// None of our flows asks for it.
		p.f.metrics.unexpected.Inc()
		p.f.log.Debug("unexpected message", "dpid", p.dpid, "type", e.Type())
	}
}

// offerPacketIn queues a packet-in for its answer. It reports false if nobody answers it, or if the
// switch is not a node's.
func (p *peer) offerPacketIn(m *openflow.PacketIn) bool {
	n, ok := p.f.View().Topo.NodeByDatapath(p.dpid)
	return ok && p.f.peerOf(n.Name) == p && p.f.cfg.PacketIns.Offer(n.Name, m)
}

// PacketOut sends a packet by the node's switch. It never waits, and reports false if the
// switch is away, or so much waits for it that it has to be left out.
func (f *Fabric) PacketOut(node string, m *openflow.PacketOut) bool { return f.trySend(node, m) }

// CTFlush deletes an entry of the connection tracker of the node's switch, as PacketOut sends
// packets.
func (f *Fabric) CTFlush(node string, m *openflow.CTFlush) bool { return f.trySend(node, m) }

func (f *Fabric) trySend(node string, m openflow.Message) bool {
	p := f.peerOf(node)
	if p == nil {
		return false
	}
	sent, err := p.sess.TrySend(m)
	return sent && err == nil
}

// probe asks the connection to prove that it is alive.
func (p *peer) probe() {
	select {
	case p.suspect <- struct{}{}:
	default:
	}
}

// proveAlive waits for probes, and returns an error if the switch does not answer an echo in
// time.
func (p *peer) proveAlive(ctx context.Context) error {
	for {
		select {
		case <-p.suspect:
			if err := p.sess.Prove(ctx, probeTimeout); err != nil {
				return fmt.Errorf("%w: %w", errNoAnswer, err)
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// pause waits, and reports false when ctx ended meanwhile.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
