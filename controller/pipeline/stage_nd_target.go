package pipeline

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TableNDTarget completes the answer to a neighbour solicitation.
const TableNDTarget openflow.TableID = 13

func ndTargetStage() stage {
	return stage{
		Table:   Table{TableNDTarget, "nd-target", "neighbour solicitations answered here", "network or bridge, nd_target", "back out of the port it came from"},
		node:    (*Compiler).ndUplinks,
		network: (*Compiler).ndNetwork,
		block:   (*Compiler).ndBlock,
		port:    (*Compiler).ndPort,
		service: (*Compiler).ndService,

		floating: (*Compiler).ndFloating,
		egressIP: (*Compiler).ndEgress,
	}
}

// ndUplinks completes answers to solicitations from bridges of uplinks for the node's own addresses.
func (c *Compiler) ndUplinks() {
	for u := range c.view.bridgeUplinks(c.node) {
		c.ndUplink(u, u.address6)
	}
}

// ndUplink completes answers for an address on an uplink, which publicAnswers has begun; it does nothing unless
// the address is IPv6. Who asks whether an address is taken has none, so the answer goes to everybody, and
// says that it is not solicited (RFC 4861, 7.2.4).
func (c *Compiler) ndUplink(u bridgeUplink, a netip.Addr) {
	if !a.Is6() {
		return
	}
	c.ndSolicited(u, a)
	c.advertised(u, a, ndOverride)
	c.match = c.match.IPv6Dst(host(netip.IPv6LinkLocalAllNodes()))
	c.emit(prioNormal+1, "answers everybody that the address on the uplink is taken")
}

// ndSolicited is ndUplink without answers to who has no address yet.
func (c *Compiler) ndSolicited(u bridgeUplink, a netip.Addr) {
	c.advertised(u, a, ndSolicited|ndOverride)
	c.emit(prioNormal, "answers neighbour solicitations for the address on the uplink")
}

// advertised begins a flow that completes advertisements of an address on an uplink.
func (c *Compiler) advertised(u bridgeUplink, a netip.Addr, flags uint32) {
	c.match = c.match[:0].EthType(ethTypeIPv6).IPProto(protoICMPv6).ICMPv6Type(neighbourAdvertisement).
		NDTarget(host(a)).Reg(regOutPort, uint32(u.port))
	c.actions = c.actions[:0].SetEthSrc(model.OutsideMAC(a)).SetIPv6Src(a).SetNDTLL(model.OutsideMAC(a)).SetNDReserved(flags).Output(openflow.PortInPort)
	c.instr = c.instr[:0].ApplyActions(c.actions)
}

func (c *Compiler) ndNetwork(n *topology.Network) {
	if n.Spec.Mode == topology.Segmented || !c.routed && !answersOf(n).atGateway(topology.IPv6) || !c.local || !n.Spec.Has(topology.IPv6) {
		return
	}
	for _, s := range n.Spec.Subnets {
		if !s.Prefix.Addr().Is4() {
			c.ndGateway(s.Gateway.Addr, n.GatewayMAC, ndForGateway)
		}
	}
	c.ndGateway(model.LinkLocal(n.GatewayMAC), n.GatewayMAC, ndForLinkLocal)
}

func (c *Compiler) ndBlock(b *topology.Block) {
	if r, ok := b.Of(topology.IPv6); ok && b.Node == c.node && c.local {
		c.ndGateway(r.Gateway, b.GatewayMAC, ndForGateway)
		c.ndGateway(model.LinkLocal(b.GatewayMAC), b.GatewayMAC, ndForLinkLocal)
	}
}

// ndPort answers solicitations for a port's address on every node where ports can ask for
// it, also while its interface is missing, as arpPort does.
func (c *Compiler) ndPort(p *topology.Port) {
	if !c.place.here && !(c.place.vtep.IsValid() && c.local) {
		return
	}
	c.ndFurther(p)
	ip, ok := p.Address(topology.IPv6)
	if !ok {
		return
	}
	c.ndAnswer(ip, p.MAC, ndSolicited|ndOverride, c.notItsOwn("answers neighbour solicitations for the port"))
	c.ndAnswer(model.LinkLocal(p.MAC), p.MAC, ndSolicited|ndOverride, c.notItsOwn("answers neighbour solicitations for the port's link-local address"))
}

// ndGateway answers for a gateway. Without the router flag hosts would delete their default
// route through it (RFC 4861, 7.2.5).
func (c *Compiler) ndGateway(ip netip.Addr, mac topology.MAC, why Rule) {
	c.ndAnswer(ip, mac, ndRouter|ndSolicited|ndOverride, why)
}

// The rules of flows that answer solicitations for a gateway.
const (
	ndForGateway   Rule = "answers neighbour solicitations for the gateway"
	ndForLinkLocal Rule = "answers neighbour solicitations for the gateway's link-local address"
)

// ndAnswer completes an advertisement of an address and sends it out of the port that the
// solicitation came from (RFC 4861, 7.2.4). Nothing is flooded, and the owner is not asked.
func (c *Compiler) ndAnswer(ip netip.Addr, mac topology.MAC, flags uint32, why Rule) {
	c.match = c.match[:0].EthType(ethTypeIPv6).IPProto(protoICMPv6).ICMPv6Type(neighbourAdvertisement).
		NDTarget(host(ip)).Metadata(metadata(c.network))
	c.actions = c.actions[:0].
		SetEthSrc(mac).
		SetIPv6Src(ip).
		SetNDTLL(mac).
		SetNDReserved(flags)
	c.instr = c.instr[:0].ApplyActions(c.toOthers(c.actions))
	c.emit(prioNormal, why)
}

// toOthers appends actions that send an answer out of the port that the question came from,
// unless that is the port of this unit, as arpReplyToOthers explains.
func (c *Compiler) toOthers(a openflow.Actions) openflow.Actions {
	owner := c.place.number
	if c.unit.Kind != UnitPort || owner == 0 {
		return a.Output(openflow.PortInPort)
	}
	return a.
		Move(openflow.FieldInPort, openflow.FieldReg(regInPort), 0, 0, 16).
		Load(openflow.FieldInPort, 0, 16, uint64(uint16(owner))). // OFPP_LOCAL has 16 bits there: 0xfffe
		OutputReg(openflow.FieldReg(regInPort), 0, 16)
}

// notItsOwn completes the rule of a flow that sends an answer as toOthers does.
func (c *Compiler) notItsOwn(why Rule) Rule {
	if c.place.number != 0 {
		why += ", but not its own"
	}
	return why
}
