package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"strings"
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology/model"
)

// probeTimeout is how long the switch of an idle connection may take to answer an echo request
// after another connection with its datapath id has opened.
const probeTimeout = time.Second

// errNoAnswer ends a session whose switch has reconnected.
var errNoAnswer = errors.New("the switch connected again and its old connection did not answer")

// setPort records a port's name, or with "" that the port is gone, and reports whether that is
// a change. It ignores numbers that no interface has (OpenFlow 1.3.5, 7.2.1).
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
	maps.DeleteFunc(p.contacts, func(_ string, c pipeline.Contact) bool { return c.No == number })
	maps.DeleteFunc(p.bridges, func(_ string, of openflow.PortNo) bool { return of == number })
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
	default:
		if bridge, ok := strings.CutPrefix(name, model.BridgeUplinkPrefix); ok {
			if p.bridges == nil {
				p.bridges = map[string]openflow.PortNo{}
			}
			p.bridges[bridge] = number
		}
		if _, ok := model.EgressProbed(name); ok {
			if p.contacts == nil {
				p.contacts = map[string]pipeline.Contact{}
			}
			p.contacts[name] = pipeline.Contact{No: number}
		}
	}
	return true
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

// proveAlive waits for probes, and returns an error if the switch does not answer one in time.
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

func (p *peer) addr() netip.Addr { return addrOf(p.sess.RemoteAddr()) }
