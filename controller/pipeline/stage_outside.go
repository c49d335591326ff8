package pipeline

import (
	"net/netip"
	"slices"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// The tables by which packets leave by a bridge.
const (
	// TableNodeAddress translates the address of a router to that of the node on the uplink.
	TableNodeAddress openflow.TableID = 116
	// TableLeave finds the next hop: the destination itself, or the gateway of the uplink.
	TableLeave openflow.TableID = 117
	// TableNextHop holds what is learned from ARP and neighbour discovery: the MACs of neighbours.
	TableNextHop openflow.TableID = 118
	// TableOutside sends to the next hop, or has sdnd ask for its MAC.
	TableOutside openflow.TableID = 119
)

// Priorities in leave, by family, above all prefixes and static routes.
var (
	prioUntranslated = [...]uint16{topology.IPv4: 210, topology.IPv6: 310}
	prioAround       = [...]uint16{topology.IPv4: 200, topology.IPv6: 300}
)

func nodeAddressStage() stage {
	return stage{
		Table: Table{TableNodeAddress, "node-address", "source → the node's address on the uplink", "bridge", "leave"},
		node:  (*Compiler).nodeAddress,
	}
}

func nextHopStage() stage {
	return stage{
		Table: Table{TableLeave, "leave", "by a bridge: to which next hop?", "bridge, nw_dst", "outside, with what next-hop has learned; several next hops: group; an address of this node: public"},
		entry: (*Compiler).bridgedNode,
		node:  (*Compiler).leaveNode,

		floating: (*Compiler).leaveFloating,
		egressIP: (*Compiler).leaveEgress,
		service:  (*Compiler).leaveService,
		static:   (*Compiler).leaveStatic,
	}
}

func nextHopMACStage() stage {
	return stage{
		Table: Table{TableNextHop, "next-hop", "learned: the MACs of neighbours on uplinks", "bridge, next hop", "back to leave"},
	}
}

func outsideStage() stage {
	return stage{
		Table:  Table{TableOutside, "outside", "Ethernet address of the next hop; send", "next hop's MAC", "output to the bridge; unknown: controller, which asks by ARP or neighbour discovery"},
		node:   (*Compiler).outsideNode,
		static: (*Compiler).outsideStatic,
		groups: true,
	}
}

// shutNode drops what would leave to the node itself. By a bridge it could reach the node's
// kernel, which is on the network of the bridge or routes to it.
func (c *Compiler) shutNode() {
	if !c.bridgedNode() {
		return
	}
	for _, a := range c.ownAddresses() {
		c.match = toPrefix(c.match[:0], host(a))
		c.instr = c.instr[:0]
		c.emit(prioShut, rules{"drops packets that would leave to the node itself", "drops IPv6 packets that would leave to the node itself"}[model.FamilyOf(a)])
	}
}

// ownAddresses returns the addresses of the node itself.
func (c *Compiler) ownAddresses() []netip.Addr {
	n, ok := c.view.Topo.Node(c.node)
	if !ok {
		return nil
	}
	own := slices.Clone(n.Spec.Addresses)
	if a := n.Spec.TunnelIP; a.IsValid() && !slices.Contains(own, a) {
		own = append(own, a)
	}
	return own
}

// nodeAddress translates a second time, in a zone that all routers share: each has an address
// of its own there, so equal addresses of two routers' ports are never confused. A bit of that
// address chooses a part of the source ports, so that one router cannot take all of them: the last but
// one, since routers that are made one after the other mostly have every second address.
func (c *Compiler) nodeAddress() {
	for u := range c.view.bridgeUplinks(c.node) {
		for _, f := range model.Families() {
			a, ok := u.own(f)
			if !ok {
				continue
			}
			for part := range uint16(nodeParts) {
				c.match = fromPart(c.match[:0], f, byte(part)<<1, (nodeParts-1)<<1).Reg(regOutPort, uint32(u.port))
				nat := sourcePorts(part, nodeParts)
				nat.First = a
				c.actions = c.actions[:0].SetEthSrc(model.OutsideMAC(a)).CT(openflow.CT{Commit: true, Zone: zonePublic, Table: TableLeave, NAT: &nat})
				c.instr = c.instr[:0].ApplyActions(c.actions)
				c.emit(prioNormal, rules{"translates the source of what leaves to the node's address on the uplink", "translates the source of IPv6 that leaves to the node's address on the uplink"}[f])
			}
		}
	}
}

// fromPart appends the match of packets of a family whose source address has, in its last byte, the
// bits that a mask selects.
func fromPart(m openflow.Match, f topology.Family, bits, mask byte) openflow.Match {
	m = m.EthType(ethTypes[f])
	if f == topology.IPv4 {
		return m.IPv4SrcMasked(uint32(bits), uint32(mask))
	}
	return m.IPv6SrcMasked(netip.AddrFrom16([16]byte{15: bits}), [16]byte{15: mask})
}

func (c *Compiler) leaveNode() {
	for u := range c.view.bridgeUplinks(c.node) {
		for _, f := range model.Families() {
			if subnet, ok := u.Spec.SubnetOf(f); ok {
				c.leaveBy(u, f, subnet)
			}
		}
	}
}

// leaveBy finds the next hops of packets of a family that leave by a bridge.
func (c *Compiler) leaveBy(u bridgeUplink, f topology.Family, subnet netip.Prefix) {
	c.match = fromPrefix(c.match[:0], model.DefaultUplinkRanges()[f]).Reg(regOutPort, uint32(u.port))
	c.instr = c.instr[:0]
	c.emit(prioUntranslated[f], rules{"drops packets whose source could not be translated", "drops IPv6 packets whose source could not be translated"}[f])
	c.match = c.match.CTState(begun, begun)
	c.emit(prioUntranslated[f]+1, rules{"drops and counts packets that begin connections for which no source port of the node is free", "drops and counts IPv6 packets that begin connections for which no source port of the node is free"}[f])
	if a, ok := u.own(f); ok {
		c.around(u, a)
	}
	c.match = toPrefix(c.match[:0], subnet).Reg(regOutPort, uint32(u.port))
	c.actions = toDestination(c.actions[:0], f)
	c.lookUpNextHop()
	c.emit(prioRoute+uint16(subnet.Bits()), rules{"sends to machines of the uplink's subnet directly", "sends to machines of the uplink's IPv6 subnet directly"}[f])
	g, ok := u.Spec.GatewayOf(f)
	if !ok {
		return
	}
	c.match = c.match[:0].EthType(ethTypes[f]).Reg(regOutPort, uint32(u.port))
	c.actions = toNextHop(c.actions[:0], g)
	c.lookUpNextHop()
	c.emit(prioRoute, rules{"sends all else to the uplink's gateway", "sends all else of IPv6 to the uplink's gateway"}[f])
}

// toDestination appends actions that take the destination of a packet for the next hop.
func toDestination(a openflow.Actions, f topology.Family) openflow.Actions {
	if f == topology.IPv4 {
		return a.Move(openflow.FieldIPv4Dst, openflow.FieldReg(regNextHop), 0, 0, 32)
	}
	return toNextHop6(a, openflow.FieldIPv6Dst).SetReg(regNextHop, 0)
}

// toNextHop appends actions that take an address for that of the next hop.
func toNextHop(a openflow.Actions, hop netip.Addr) openflow.Actions {
	if hop.Is4() {
		return a.SetReg(regNextHop, words(hop)[0])
	}
	for i, w := range words(hop) {
		a = a.SetReg(regNextHop6+i, w)
	}
	return a.SetReg(regNextHop, 0)
}

// toNextHop6 appends actions that take an IPv6 address from a field for that of the next hop.
func toNextHop6(a openflow.Actions, field openflow.Field) openflow.Actions {
	for i := range ipv6Words {
		a = a.Move(field, openflow.FieldReg(regNextHop6+i), 32*(ipv6Words-1-i), 0, 32)
	}
	return a
}

// lookUpNextHop completes a flow that looks up the MAC of the next hop.
func (c *Compiler) lookUpNextHop() {
	c.actions = c.actions.SetReg(regNextHopMAC, 0).SetReg(regNextHopMAC+1, 0).Resubmit(openflow.PortInPort, TableNextHop)
	c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(TableOutside)
}

// around takes what leaves for an address that this node itself has on the uplink as if it came
// in by the bridge, which would not send it back. With floating addresses the packet may be for
// the port that sent it, and leaves by the port that it came from only if that is another now.
func (c *Compiler) around(u bridgeUplink, a netip.Addr) { c.aroundTo(u, a, c.view.floats(c.node)) }

// aroundTo is around; own says that the packet may be for the port that sent it.
func (c *Compiler) aroundTo(u bridgeUplink, a netip.Addr, own bool) {
	c.match = toPrefix(c.match[:0], host(a)).Reg(regOutPort, uint32(u.port))
	c.actions = c.actions[:0].CTClear().SetMetadata(0)
	for _, r := range []int{regFlags, regRouter, regGateway, regSource, regDestination, regZone, regEgressRule, regIngressRule, regServiceZone, regService} {
		c.actions = c.actions.SetReg(r, 0)
	}
	why := rules{"takes what is for an address of this node as if it came from outside", "takes IPv6 that is for an address of this node as if it came from outside"}[model.FamilyOf(a)]
	if own {
		why += ", and lets its own port have it"
		c.actions = c.actions.Load(openflow.FieldInPort, 0, 16, uint64(u.port))
	}
	c.actions = c.actions.SetEthDst(model.OutsideMAC(a)).Resubmit(u.port, TablePublic)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioAround[model.FamilyOf(a)], why)
}

// askNextHopRate is how many packets a second may have sdnd ask for MACs on one uplink of a
// node, and askNextHopBurst how many at once.
const (
	askNextHopRate  = 50
	askNextHopBurst = 100
)

func (c *Compiler) outsideNode() {
	if !c.bridgedNode() {
		return
	}
	for u := range c.view.bridgeUplinks(c.node) {
		c.emitMeter(openflow.Meter{ID: uint32(u.port), Flags: openflow.MeterPktps | openflow.MeterBurst, Bands: openflow.Bands(nil).Drop(askNextHopRate, askNextHopBurst)},
			"limits how often sdnd asks for MACs on an uplink")
		c.match = c.match[:0].Reg(regOutPort, uint32(u.port)).Reg(regNextHopMAC, 0).Reg(regNextHopMAC+1, 0)
		c.actions = c.actions[:0].Controller(openflow.ControllerNoBuffer)
		c.instr = c.instr[:0].Meter(uint32(u.port)).ApplyActions(c.actions)
		c.emit(prioNormal, "has sdnd ask for the MAC of the next hop, which is not known")
	}
	c.match = c.match[:0]
	c.actions = c.actions[:0].
		Move(openflow.FieldReg(regNextHopMAC), openflow.FieldEthDst, 0, 0, 32).
		Move(openflow.FieldReg(regNextHopMAC+1), openflow.FieldEthDst, 0, 32, 16).
		OutputReg(openflow.FieldReg(regOutPort), 0, 16)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioDefault, "sends to the next hop")
}
