package pipeline

import (
	"math/bits"
	"net/netip"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TableTooLarge takes packets that are larger than the MTU of the network that they are for, from
// outside or from another network. Their sender has to learn of it (RFC 1191, 4; RFC 8201, 4), and no
// switch can say so.
const TableTooLarge openflow.TableID = 124

// largeMeter limits the answers to what is too large, or whose TTL ends, of a node: who sends it is outside. It
// is behind the meter of errors of routers.
const largeMeter = errorMeter + 1

// Priorities in gateway of what comes from outside or another network, above that of packets whose TTL
// ends; and in too-large of what ports of the node have sent.
const (
	prioExpiredIn = 71 // of that, whose TTL ends
	prioSize      = 72
	prioLarge     = 73
	prioLargeSent = 110
)

// ethernetHeader is how many bytes a packet has before its IP header.
const ethernetHeader = 14

func tooLargeStage() stage {
	return stage{
		Table:   Table{TableTooLarge, "too-large", "larger than the MTU of the network that it is for, from outside or another network", "network, too large", "controller, at a bounded rate, which answers"},
		node:    (*Compiler).tooLargeNode,
		network: (*Compiler).tooLargeNetwork,
		groups:  true,
	}
}

// gatewaySize compares what comes from outside for a network with the MTU there, before the router
// passes it on.
func (c *Compiler) gatewaySize(e *egress) {
	for _, name := range e.router.Spec.Networks {
		n, ok := c.view.Topo.Network(name)
		if !ok {
			continue
		}
		e.each(func(f topology.Family, _ netip.Addr) {
			if !n.Spec.Has(f) {
				return
			}
			c.match = c.match[:0].EthType(ethTypes[f]).RegMasked(regFlags, flagReturned, flagReturned|flagSized).Metadata(metadata(n))
			c.compareSize(n)
			c.emit(prioSize, rules{"compares what comes from outside with the network's MTU", "compares IPv6 that comes from outside with the network's MTU"}[f])
		})
	}
}

// compareSize completes a flow that compares packets with the MTU of a network, and has the gateway
// look at them again.
func (c *Compiler) compareSize(n *topology.Network) {
	c.actions = c.actions[:0].
		CheckLarger(uint16(n.Spec.PortMTU()+ethernetHeader), openflow.FieldReg(regFlags), bits.TrailingZeros32(flagLarge)).
		Load(openflow.FieldReg(regFlags), bits.TrailingZeros32(flagSized), 1, 1).
		Resubmit(openflow.PortInPort, TableGateway)
	c.instr = c.instr[:0].ApplyActions(c.actions)
}

// notSent are the flags of packets that no port of the node has sent, or that are answers.
const notSent = flagRouted | flagReturned | flagFromHost | flagAnswer

// widest returns the largest MTU of a router's networks, in bytes.
func (v *View) widest(r *topology.Router) (mtu int) {
	for _, name := range r.Spec.Networks {
		if n, ok := v.Topo.Network(name); ok {
			mtu = max(mtu, n.Spec.PortMTU())
		}
	}
	return mtu
}

// narrower reports whether ports of another network can send larger packets than the ports of a
// network can receive: a router joins both.
func (c *Compiler) narrower(n *topology.Network) bool {
	r, ok := c.view.Topo.RouterOf(n.Name)
	if !ok {
		return false
	}
	if c.widestIn != c.view.Topo {
		c.widest, c.widestIn = map[string]int{}, c.view.Topo
	}
	mtu, ok := c.widest[r.Name]
	if !ok {
		mtu = c.view.widest(r)
		c.widest[r.Name] = mtu
	}
	return n.Spec.PortMTU() < mtu
}

// sizes marks the networks of a router whose packets are compared with another MTU, or not any more,
// when the MTU of one of them changes.
func (a *affected) sizes(r *topology.Router, changed string) {
	was, is := a.before.widest(r), a.after.widest(r)
	for _, name := range r.Spec.Networks {
		before, ok := a.before.Topo.Network(name)
		after, also := a.after.Topo.Network(name)
		if !ok || !also {
			continue
		}
		narrow := after.Spec.PortMTU() < is
		if narrow != (before.Spec.PortMTU() < was) || narrow && name == changed {
			for n := range a.nodesOf(name) {
				a.mark(n, Unit{Kind: UnitNetwork, Name: name})
			}
		}
	}
}

// gatewaySizes compares what ports send to a network with the MTU there, if theirs is larger.
func (c *Compiler) gatewaySizes(n *topology.Network) {
	if !c.narrower(n) {
		return
	}
	for _, f := range model.Families() {
		if !n.Spec.Has(f) {
			continue
		}
		c.match = c.match[:0].EthType(ethTypes[f]).RegMasked(regFlags, 0, notSent|flagSized).Metadata(metadata(n))
		c.compareSize(n)
		c.emit(prioSize, rules{"compares what other networks send with the network's MTU", "compares IPv6 that other networks send with the network's MTU"}[f])
	}
	c.match = c.match[:0].RegMasked(regFlags, flagLarge, flagLarge|notSent).Metadata(metadata(n))
	c.instr = c.instr[:0].GotoTable(c.next(TableTooLarge))
	c.emit(prioLarge, "takes packets from other networks that are larger than the network's MTU")
}

// tooLargeNetwork answers as the gateway of the port that sends, within the limit of a router's errors.
// It does not answer what is for a service, since its destination has been translated.
func (c *Compiler) tooLargeNetwork(n *topology.Network) {
	if !c.narrower(n) {
		return
	}
	c.match = c.match[:0].RegMasked(regFlags, flagLarge, flagLarge|notSent).RegMasked(regService, 0, serviceMet).Metadata(metadata(n))
	c.actions = c.actions[:0].Controller(RejectBytes)
	c.instr = c.instr[:0].Meter(errorMeter).ApplyActions(c.actions)
	c.emit(prioLargeSent, "has sdnd tell ports of other networks that send packets that are too large")
}

// Sent reports whether a packet that the gateway cannot pass on was sent by a port of its switch, rather
// than from outside.
func Sent(m *openflow.PacketIn) bool {
	return register(m.Match, openflow.FieldReg(regFlags))&notSent == 0
}

// gatewayLarge takes what is too large from outside, and what is not and whose TTL ends.
func (c *Compiler) gatewayLarge() {
	if !c.uplinkedNode() {
		return
	}
	c.match = c.match[:0].RegMasked(regFlags, flagLarge, flagLarge)
	c.instr = c.instr[:0].GotoTable(c.next(TableTooLarge))
	c.emit(prioLarge, "takes packets from outside that are larger than the network's MTU")
	for _, f := range c.view.familiesAt(c.node) {
		c.match = c.match[:0].EthType(ethTypes[f]).IPTTL(1).RegMasked(regFlags, flagReturned, flagReturned|flagAnswer)
		c.actions = c.actions[:0].Controller(RejectBytes)
		c.instr = c.instr[:0].Meter(largeMeter).ApplyActions(c.actions)
		c.emit(prioExpiredIn, rules{"has sdnd answer packets from outside whose TTL ends here", "has sdnd answer packets from outside whose hop limit ends here"}[f])
	}
}

func (c *Compiler) tooLargeNode() {
	if !c.uplinkedNode() {
		return
	}
	c.emitMeter(openflow.Meter{
		ID: largeMeter, Flags: openflow.MeterPktps | openflow.MeterBurst,
		Bands: openflow.Bands(nil).Drop(rejectsPerSecond, rejectsAtOnce),
	}, "limits how many packets from outside are answered that are too large, or whose TTL ends")
	c.match = c.match[:0].RegMasked(regFlags, flagLarge, flagLarge) // not a table miss, which sdnd would not get
	c.actions = c.actions[:0].Controller(RejectBytes)
	c.instr = c.instr[:0].Meter(largeMeter).ApplyActions(c.actions)
	c.emit(prioNormal, "has sdnd tell who sends packets that are too large")
}
