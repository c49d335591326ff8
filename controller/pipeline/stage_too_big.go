package pipeline

import (
	"iter"
	"math/bits"
	"net/netip"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TableTooBig sends to the controller what machines outside say about packets that were too big for their way
// (ICMPv6 "packet too big", RFC 4443, 3.2), besides forwarding it. Open vSwitch's own datapath damages it when it
// translates it (seen in 3.1): if it is about UDP, it says another MTU then.
const TableTooBig openflow.TableID = 139

// tooBigMeter limits how much of it is looked at on a node. It is behind the other meters of a node.
const tooBigMeter = tunnelProbeMeter + 1

// tooBigRate is how many messages a second pass tooBigMeter, and how many at once. What is beyond is lost; who sent
// what was too big sends again, and is answered again.
const tooBigRate = 500

// packetTooBig is the type of these messages.
const packetTooBig = 2

// prioTooBig is above prioLarge: messages of this kind have at most 1,280 bytes (RFC 4443, 3.2).
const prioTooBig = prioLarge + 1

func tooBigStage() stage {
	return stage{
		Table:  Table{TableTooBig, "too-big", "messages from outside that a packet was too big", "all", "controller, at a bounded rate, which sends them again if they are damaged"},
		groups: true,
		node:   (*Compiler).tooBigNode,
	}
}

// leavesIPv6 reports whether IPv6 comes in from outside at the node.
func (c *Compiler) leavesIPv6() bool { return c.uplinkedNode() && c.view.CarriesIPv6(c.node) }

// gatewayTooBig has the controller look at the messages, and forwards them.
func (c *Compiler) gatewayTooBig() {
	if !c.leavesIPv6() {
		return
	}
	c.match = c.match[:0].EthType(ethTypeIPv6).IPProto(protoICMPv6).ICMPv6Type(packetTooBig).RegMasked(regFlags, flagReturned, flagReturned|flagSized)
	c.actions = c.actions[:0].
		Load(openflow.FieldReg(regFlags), bits.TrailingZeros32(flagSized), 1, 1).
		Resubmit(openflow.PortInPort, TableTooBig).
		Resubmit(openflow.PortInPort, TableGateway)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioTooBig, "has sdnd look at messages from outside that a packet was too big, and forwards them")
}

func (c *Compiler) tooBigNode() {
	if !c.leavesIPv6() {
		return
	}
	c.emitMeter(openflow.Meter{
		ID: tooBigMeter, Flags: openflow.MeterPktps | openflow.MeterBurst,
		Bands: openflow.Bands(nil).Drop(tooBigRate, tooBigRate),
	}, "limits how many messages that a packet was too big come in")
	c.match = c.match[:0].EthType(ethTypeIPv6) // not a table miss, which sdnd would not get
	c.actions = c.actions[:0].Controller(openflow.ControllerNoBuffer)
	c.instr = c.instr[:0].Meter(tooBigMeter).ApplyActions(c.actions)
	c.emit(prioNormal, "has sdnd look at messages that a packet was too big")
}

// ReturnedAgain returns the actions that forward a packet once more which flows of gateway sent to the controller, like
// one that comes from outside, without the controller.
func ReturnedAgain(m *openflow.PacketIn) openflow.Actions {
	return openflow.Actions(nil).
		SetReg(regFlags, flagReturned|flagSized).
		SetReg(regRouter, register(m.Match, openflow.FieldReg(regRouter))).
		Resubmit(openflow.PortInPort, TableRoute)
}

// SeenOutside yields the addresses of a family by which machines outside may know a port whose packets leave by a node: those to
// which they answer. Some may be there twice, or not in use.
func (v *View) SeenOutside(node string, p *topology.Port, f topology.Family) iter.Seq[netip.Addr] {
	var all []netip.Addr
	if n, ok := v.Topo.Node(node); ok {
		all = append(all, n.Spec.UplinkAddresses...)
	}
	if r, ok := v.Topo.RouterOf(p.Spec.Network); ok {
		if e, ok := v.egressOf(r.Name); ok {
			all = append(all, e.address[f])
		}
	}
	if u, ok := v.Topo.HostUplink(); ok {
		if r, ok := u.Spec.Range(f); ok {
			all = append(all, model.UplinkAddr(r, model.UplinkSwitch)) // to which the kernel sends what is for node ports
		}
	}
	for o := range v.Topo.FloatingIPsNaming(p.Ref()) {
		all = append(all, o.Spec.Address)
	}
	for _, o := range v.Topo.EgressIPsOf(p) {
		all = append(all, o.Spec.Addresses...)
	}
	for _, o := range v.Topo.ServicesWith(p) {
		if o.Spec.Uplink != nil {
			all = append(all, o.Spec.Uplink.Addresses...)
		}
	}
	return func(yield func(netip.Addr) bool) {
		for _, a := range all {
			if a.IsValid() && model.FamilyOf(a) == f && !yield(a) {
				return
			}
		}
	}
}
