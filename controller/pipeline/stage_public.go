package pipeline

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TablePublic takes what comes in by a bridge for an address that the node has there: it answers
// ARP or neighbour solicitations for it, learns from these where neighbours are, and translates.
const TablePublic openflow.TableID = 4

// Priorities in public.
const (
	// prioGratuitous is of ARP, or an advertisement, that the gateway of an uplink sends to all.
	prioGratuitous = 90
	// prioDiscovery is of neighbour discovery, above all else that is for an address, prioDiscoverySame
	// of what the same messages do without the sender's MAC, prioDiscoveryNone without its address.
	prioDiscovery     = 130
	prioDiscoverySame = 131
	prioDiscoveryNone = 132
)

func publicStage() stage {
	return stage{
		Table: Table{TablePublic, "public", "from a bridge: for which address there?", "bridge, arp_op, arp_tpa or nd_target; dl_dst, nw_dst", "ARP: back to the bridge; nd-target; return, floating; else drop"},
		node:  (*Compiler).publicNode,

		router: (*Compiler).publicRouted,

		floating: (*Compiler).publicFloating,
		egressIP: (*Compiler).publicEgress,
		service:  (*Compiler).publicService,
	}
}

// classifyBridges takes ARP and IP of the uplink's families from bridges of uplinks, and drops all
// else, and what comes by a bridge of no uplink.
func (c *Compiler) classifyBridges() {
	for u := range c.view.bridgeUplinks(c.node) {
		c.actions = c.actions[:0].SetReg(regOutPort, uint32(u.port))
		c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(c.next(TablePublic))
		if u.Spec.Subnet.IsValid() {
			c.match = c.match[:0].InPort(u.port).EthType(ethTypeARP).VLANUntagged()
			c.emit(prioNormal, "takes ARP from the bridge of an uplink")
			c.match = c.match[:0].InPort(u.port).EthType(ethTypeIPv4).VLANUntagged()
			c.emit(prioNormal, "takes IP packets from the bridge of an uplink")
		}
		if u.Spec.Subnet6.IsValid() {
			c.match = c.match[:0].InPort(u.port).EthType(ethTypeIPv6).VLANUntagged()
			c.emit(prioNormal, "takes IPv6 packets from the bridge of an uplink")
			c.match = c.match[:0].InPort(u.port).EthType(ethTypeIPv6).VLANUntagged().IPProto(protoICMPv6).IPv6Src(host(netip.IPv6Unspecified())).
				ICMPv6Type(neighbourSolicitation).ICMPv6Code(0)
			c.emit(prioAsk, "takes neighbour solicitations from the bridge of an uplink that ask whether an address is taken")
		}
	}
	for bridge := range c.view.BridgesOf(c.node) {
		c.match = c.match[:0].InPort(c.view.Bridge(c.node, bridge))
		c.instr = c.instr[:0]
		c.emit(prioUnaccepted, "drops all else from a bridge")
	}
}

func (c *Compiler) publicNode() {
	for u := range c.view.bridgeUplinks(c.node) {
		c.publicIPv6(u)
		if u.Spec.Gateway.IsValid() {
			c.match = c.match[:0].EthType(ethTypeARP).ARPSpa(u.Spec.Gateway).Reg(regOutPort, uint32(u.port))
			c.actions = c.learnsNextHop(c.actions[:0], u)
			c.instr = c.instr[:0].ApplyActions(c.actions)
			c.emit(prioGratuitous, "learns the MAC of the uplink's gateway from what it tells everybody")
		}
		if !u.address.IsValid() {
			continue
		}
		c.publicAnswers(u, u.address)
		c.match = c.toPublic(u, u.address)
		c.actions = c.actions[:0].CT(openflow.CT{Zone: zonePublic, NAT: &openflow.NAT{}, Table: TableReturn})
		c.instr = c.instr[:0].ApplyActions(c.actions)
		c.emit(prioNormal, "translates what comes back to the node's address to that of the router")
	}
}

// toPublic begins a match of IP packets from a bridge to an address.
func (c *Compiler) toPublic(u bridgeUplink, a netip.Addr) openflow.Match {
	return toPrefix(c.match[:0].EthDst(model.OutsideMAC(a)), host(a)).Reg(regOutPort, uint32(u.port))
}

// publicAnswers answers ARP requests or neighbour solicitations for an address, and learns where neighbours
// are. For an IPv6 address ndUplink completes the answers.
func (c *Compiler) publicAnswers(u bridgeUplink, a netip.Addr) {
	if a.Is4() {
		c.publicARP(u, a)
		return
	}
	c.publicND(u, a)
}

// publicARP answers ARP requests for an address, also those without a sender's address, which ask
// whether the address is taken (RFC 5227). It learns from who asks, and from who answers.
func (c *Compiler) publicARP(u bridgeUplink, a netip.Addr) {
	mac := model.OutsideMAC(a)
	c.match = c.match[:0].EthType(ethTypeARP).ARPOp(arpRequest).ARPTpa(a).Reg(regOutPort, uint32(u.port))
	c.actions = c.learnsNextHop(c.actions[:0], u)
	c.actions = becomeARPReply(c.actions, a, mac).Output(openflow.PortInPort)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioNormal, "answers ARP requests for the address, and learns the MAC of who asks")
	c.match = c.match[:0].EthType(ethTypeARP).ARPOp(arpReply).ARPTpa(a).Reg(regOutPort, uint32(u.port))
	c.actions = c.learnsNextHop(c.actions[:0], u)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioNormal, "learns the MAC of who answers")
}

// publicIPv6 is publicNode for IPv6. What a router advertises is not for the node, and is dropped with
// all else that is for no address of it.
func (c *Compiler) publicIPv6(u bridgeUplink) {
	if !u.Spec.Subnet6.IsValid() {
		return
	}
	c.match = discovery(c.match[:0], u, neighbourAdvertisement).NDTLL(topology.MAC{})
	c.instr = c.instr[:0]
	c.emit(prioDiscoverySame, "drops neighbour advertisements that do not say the MAC")
	if g := u.Spec.Gateway6; g.IsValid() {
		c.match = discovery(c.match[:0], u, neighbourAdvertisement).NDTarget(host(g))
		c.learnsAdvertised(u)
		c.emit(prioGratuitous, "learns the MAC of the uplink's gateway from what it advertises to everybody")
	}
	if !u.address6.IsValid() {
		return
	}
	c.publicAnswers(u, u.address6)
	c.match = c.toPublic(u, u.address6)
	c.actions = c.actions[:0].CT(openflow.CT{Zone: zonePublic, NAT: &openflow.NAT{}, Table: TableReturn})
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioNormal, "translates IPv6 that comes back to the node's address to that of the router")
}

// discovery begins a match of messages of neighbour discovery from a bridge. A hop limit of 255 shows that
// no router has passed them on (RFC 4861, 7.1).
func discovery(m openflow.Match, u bridgeUplink, kind uint8) openflow.Match {
	return m.EthType(ethTypeIPv6).IPProto(protoICMPv6).IPTTL(255).Reg(regOutPort, uint32(u.port)).ICMPv6Type(kind).ICMPv6Code(0)
}

// publicND answers neighbour solicitations for an address, also those without a sender's address, which
// ask whether the address is taken (RFC 4862, 5.4.3). It learns from who asks, and from who answers.
func (c *Compiler) publicND(u bridgeUplink, a netip.Addr) {
	asked := func() openflow.Match { return discovery(c.match[:0], u, neighbourSolicitation).NDTarget(host(a)) }
	c.match = asked()
	c.becomesAnswer(answerTo(c.learnsNextHop6(c.actions[:0], u, openflow.FieldIPv6Src, openflow.FieldNDSLL)))
	c.emit(prioDiscovery, "turns neighbour solicitations for the address into advertisements, and learns the MAC of who asks")
	c.match = asked().NDSLL(topology.MAC{})
	c.becomesAnswer(answerTo(c.actions[:0]))
	c.emit(prioDiscoverySame, "turns neighbour solicitations for the address that do not say the asker's MAC into advertisements")
	c.match = asked().IPv6Src(host(netip.IPv6Unspecified()))
	c.becomesAnswer(c.actions[:0].SetEthDst(allNodesMAC()).SetIPv6Dst(netip.IPv6LinkLocalAllNodes()))
	c.emit(prioDiscoveryNone, "turns neighbour solicitations that ask whether the address is taken into advertisements to everybody")
	c.learnsAnswers(u, a)
}

// standbyND is publicND for an address that another node has: it answers solicitations to the MAC of the address
// alone, which only this node gets if switches have it here.
func (c *Compiler) standbyND(u bridgeUplink, a netip.Addr) {
	asked := func() openflow.Match {
		return discovery(c.match[:0].EthDst(model.OutsideMAC(a)), u, neighbourSolicitation).NDTarget(host(a))
	}
	c.match = asked()
	c.becomesAnswer(answerTo(c.learnsNextHop6(c.actions[:0], u, openflow.FieldIPv6Src, openflow.FieldNDSLL)))
	c.emit(prioDiscovery, "turns neighbour solicitations that are for this node alone into advertisements, and learns the MAC of who asks")
	c.match = asked().NDSLL(topology.MAC{})
	c.becomesAnswer(answerTo(c.actions[:0]))
	c.emit(prioDiscoverySame, "turns neighbour solicitations that are for this node alone, and do not say the asker's MAC, into advertisements")
	c.learnsAnswers(u, a)
}

// becomesAnswer completes a flow that makes a solicitation an advertisement, but for what nd-target sets.
func (c *Compiler) becomesAnswer(a openflow.Actions) {
	c.actions = a.SetICMPv6Type(neighbourAdvertisement).SetNDOptionsType(optionTargetMAC)
	c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(TableNDTarget)
}

// answerTo appends actions that address a packet to its sender.
func answerTo(a openflow.Actions) openflow.Actions {
	return a.Move(openflow.FieldEthSrc, openflow.FieldEthDst, 0, 0, 48).Move(openflow.FieldIPv6Src, openflow.FieldIPv6Dst, 0, 0, 128)
}

// learnsAnswers learns from advertisements to an address.
func (c *Compiler) learnsAnswers(u bridgeUplink, a netip.Addr) {
	c.match = discovery(c.match[:0], u, neighbourAdvertisement).IPv6Dst(host(a))
	c.learnsAdvertised(u)
	c.emit(prioDiscovery, "learns the MAC of who answers by neighbour discovery")
}

// learnsAdvertised completes a flow that learns from a neighbour advertisement.
func (c *Compiler) learnsAdvertised(u bridgeUplink) {
	c.actions = c.learnsNextHop6(c.actions[:0], u, openflow.FieldNDTarget, openflow.FieldNDTLL)
	c.instr = c.instr[:0].ApplyActions(c.actions)
}

// learnsNextHop6 appends actions that learn the MAC of an IPv6 neighbour from the fields that have its
// address and its MAC.
func (c *Compiler) learnsNextHop6(a openflow.Actions, u bridgeUplink, address, mac openflow.Field) openflow.Actions {
	return toNextHop6(a, address).
		Move(mac, openflow.FieldReg(regNextHopMAC), 0, 0, 32).
		Move(mac, openflow.FieldReg(regNextHopMAC+1), 32, 0, 16).
		Learn(nextHop(u.Uplink, topology.IPv6))
}

// learnsNextHop appends actions that learn the MAC of the sender of an ARP packet.
func (c *Compiler) learnsNextHop(a openflow.Actions, u bridgeUplink) openflow.Actions {
	return a.
		Move(openflow.FieldARPSpa, openflow.FieldReg(regNextHop), 0, 0, 32).
		Move(openflow.FieldARPSha, openflow.FieldReg(regNextHopMAC), 0, 0, 32).
		Move(openflow.FieldARPSha, openflow.FieldReg(regNextHopMAC+1), 32, 0, 16).
		Learn(nextHop(u.Uplink, topology.IPv4))
}
