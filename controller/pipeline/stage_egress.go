package pipeline

import (
	"net/netip"
	"slices"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TableEgress drops packets that may not leave by an uplink, whatever policies say.
const TableEgress openflow.TableID = 91

// TableTranslate translates the source of what leaves to an address of its router.
const TableTranslate openflow.TableID = 92

// TableTranslated lets out what has been translated, and nothing else.
const TableTranslated openflow.TableID = 93

// TableUplink sends to the node's kernel.
const TableUplink openflow.TableID = 94

func egressStage() stage {
	return stage{
		Table: Table{TableEgress, "egress", "leaves by an uplink: may anything leave to there?", "nw_dst, udp, tp_dst", "translate; else drop"},
		node:  (*Compiler).egressNode,
	}
}

func translateStage() stage {
	return stage{
		Table:    Table{TableTranslate, "translate", "source → address of the router, or a floating address", "router, nw_src", "translated"},
		router:   (*Compiler).translateRouter,
		floating: (*Compiler).translateFloating,
	}
}

func translatedStage() stage {
	return stage{
		Table:    Table{TableTranslated, "translated", "has the source been translated?", "router, nw_src", "uplink; else drop"},
		entry:    (*Compiler).uplinkedNode,
		router:   (*Compiler).translatedRouter,
		floating: (*Compiler).translatedFloating,
	}
}

func uplinkStage() stage {
	return stage{
		Table: Table{TableUplink, "uplink", "Ethernet addresses; send", "–", "output to the node's kernel"},
		node:  (*Compiler).uplinkNode,
	}
}

// Priorities in egress, and in translated below all that lets packets leave.
const (
	prioShut         = 100
	prioNoSourcePort = 50
)

// vxlanPort is the UDP port of VXLAN (RFC 7348, 5).
const vxlanPort = 4789

// shut holds the destinations that no packet may leave for: the node itself, its links
// (which have metadata services, too), multicast groups and broadcast.
var shut = [...]struct {
	prefix netip.Prefix
	is     Rule
}{
	{netip.PrefixFrom(netip.AddrFrom4([4]byte{}), 8), "drops packets that would leave to \"this network\""},
	{netip.PrefixFrom(netip.AddrFrom4([4]byte{127}), 8), "drops packets that would leave to loopback addresses"},
	{netip.PrefixFrom(netip.AddrFrom4([4]byte{169, 254}), 16), "drops packets that would leave to link-local addresses, such as those of metadata services"},
	{netip.PrefixFrom(netip.AddrFrom4([4]byte{224}), 3), "drops packets that would leave to multicast groups or broadcast"},
	{netip.PrefixFrom(netip.AddrFrom16([16]byte{}), 96), "drops packets that would leave to the unspecified or loopback IPv6 address"},
	{netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfe, 0x80}), 10), "drops packets that would leave to IPv6 link-local addresses"},
	{netip.PrefixFrom(netip.AddrFrom16([16]byte{0xff}), 8), "drops packets that would leave to IPv6 multicast groups"},
}

// egressNode drops VXLAN packets, whatever their destination. They leave with the node's
// source address, so a peer could take them for the node's own.
func (c *Compiler) egressNode() {
	if !c.uplinkedNode() {
		return
	}
	c.instr = c.instr[:0]
	for _, s := range shut {
		c.match = toPrefix(c.match[:0], s.prefix)
		c.emit(prioShut, s.is)
	}
	for _, f := range model.Families() {
		for _, port := range c.tunnelUDP() {
			c.match = c.match[:0].EthType(ethTypes[f]).IPProto(protoUDP).UDPDst(port)
			c.emit(prioShut, rules{"drops VXLAN packets that would leave, since peers could take them for the node's own", "drops VXLAN packets over IPv6 that would leave, since peers could take them for the node's own"}[f])
		}
	}
	c.shutNode()
	c.match = c.match[:0]
	if c.view.sendsEgress(c.node) {
		c.instr = c.instr[:0].GotoTable(TableByGateway)
		c.emit(prioDefault, "lets all other packets leave, by this node or another")
		return
	}
	c.instr = c.instr[:0].GotoTable(TableTranslate)
	c.emit(prioDefault, "lets all other packets leave")
}

// translateRouter gives leaving packets the address of their router, and a source port that
// no other connection of the router has on the node. The kernel translates them again, to
// an address of the node and a port that no other router and no process of the node uses.
// So two routers whose ports have equal addresses are never confused.
//
// The lowest bits of the sender's address choose a part of the source ports, so that one port
// cannot take all of them.
func (c *Compiler) translateRouter(e *egress) {
	c.translateRouted(e)
	e.each(func(f topology.Family, a netip.Addr) {
		if f == topology.IPv6 && e.router.Spec.RoutesIPv6() {
			return
		}
		for part := range uint16(routerParts) {
			c.match = fromPart(c.match[:0], f, byte(part), routerParts-1).Reg(regRouter, e.router.ID)
			nat := sourcePorts(part, routerParts)
			nat.First = a
			if !e.bridged() {
				nat = kernelSourcePorts(a, part)
			}
			c.actions = c.actions[:0].CT(openflow.CT{Commit: true, Zone: uint16(e.zone), Table: TableTranslated, NAT: &nat})
			c.instr = c.instr[:0].ApplyActions(c.actions)
			c.emit(prioNormal, rules{"translates the source of what leaves to the router's address", "translates the source of IPv6 that leaves to the router's address"}[f])
		}
	})
}

func (c *Compiler) translatedRouter(e *egress) {
	e.each(func(f topology.Family, a netip.Addr) {
		c.match = fromPrefix(c.match[:0], host(a)).Reg(regRouter, e.router.ID)
		if e.bridged() {
			if out := c.view.Bridge(c.node, e.uplink.Spec.Bridge); out != 0 {
				c.actions = c.actions[:0].SetReg(regOutPort, uint32(out))
				c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(TableNodeAddress)
				c.emit(prioNormal, rules{"lets packets with the router's address leave by the bridge, with the node's address", "lets IPv6 packets with the router's address leave by the bridge, with the node's address"}[f])
			}
			return
		}
		c.instr = c.instr[:0].GotoTable(TableUplink)
		c.emit(prioNormal, rules{"lets packets with the router's address leave", "lets IPv6 packets with the router's address leave"}[f])
	})
	c.match = c.match[:0].CTState(begun, begun).Reg(regRouter, e.router.ID)
	c.instr = c.instr[:0]
	c.emit(prioNoSourcePort, "drops and counts packets that begin connections for which no source port is free")
}

// uplinkNode adds the one flow that has the number of the uplink port.
func (c *Compiler) uplinkNode() {
	out := c.view.Uplink(c.node)
	if out == 0 {
		return
	}
	c.match = c.match[:0]
	c.actions = c.actions[:0].SetEthSrc(model.UplinkSwitchMAC()).SetEthDst(model.UplinkKernelMAC()).Output(out)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioDefault, "sends to the node's kernel")
}

// routeRouter sends to the uplink the packets for none of the router's networks. An address
// in no node's block of a segmented network still belongs to that network.
func (c *Compiler) routeRouter(e *egress) {
	e.each(func(f topology.Family, a netip.Addr) {
		if slices.ContainsFunc(e.router.Spec.Routes, func(r model.Route) bool { return r.To.Bits() == 0 && model.FamilyOf(r.To.Addr()) == f }) {
			return // a static route takes its place
		}
		c.match = c.match[:0].EthType(ethTypes[f]).RegMasked(regFlags, 0, flagReturned).Reg(regRouter, e.router.ID)
		c.actions = c.actions[:0].SetReg(regFlags, flagOutside)
		c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(c.next(TableGateway))
		c.emit(prioDefaultRoute, rules{"routes packets for none of the router's networks to the uplink", "routes IPv6 packets for none of the router's networks to the uplink"}[f])
	})
	c.routeUnassigned(e.router)
}

// routeUnassigned keeps packets for a segmented network that are for no node's block from routes
// with shorter prefixes.
func (c *Compiler) routeUnassigned(r *topology.Router) {
	for _, name := range r.Spec.Networks {
		n, ok := c.view.Topo.Network(name)
		if !ok || n.Spec.Mode != topology.Segmented {
			continue
		}
		for _, s := range n.Spec.Subnets {
			c.match = toPrefix(c.match[:0], s.Prefix).Reg(regRouter, r.ID)
			c.instr = c.instr[:0]
			c.emit(prioDefaultRoute+uint16(s.Prefix.Bits()), rules{"drops packets for the network that are for no node's block", "drops IPv6 packets for the network that are for no node's block"}[model.FamilyOf(s.Prefix.Addr())])
		}
	}
}

// gatewayOutside counts the router as a hop of packets that leave. Policies judge them on
// this node, where they leave, since no other node gets them.
func (c *Compiler) gatewayOutside() {
	if !c.uplinkedNode() {
		return
	}
	for _, f := range model.Families() {
		c.gatewayOnward(f, onward{
			flag: flagOutside, to: TableEgress, priority: prioRemote,
			passes: rules{"takes one from the TTL of what leaves", "takes one from the hop limit of what leaves"},
			judged: rules{"has policies judge packets that leave", "has policies judge IPv6 packets that leave"},
			again:  rules{"looks up again the connection of what leaves, which was noted just now, and has policies judge", "looks up again the connection of IPv6 that leaves, which was noted just now, and has policies judge"},
		})
	}
}

// onward is where packets go on that are for no port, and the reasons of their flows: of all
// packets, of those that are judged, and of those whose connection was noted on this way.
type onward struct {
	flag                  uint32
	to                    openflow.TableID
	priority              uint16
	passes, judged, again rules
}

// gatewayOnward counts the router as a hop of packets that are for no port, and has policies
// judge them if policies judge what their port sends. Such packets have a zone. Those whose
// connection was noted have no connection state any more, since noting takes it.
func (c *Compiler) gatewayOnward(f topology.Family, o onward) {
	match := func() openflow.Match { return c.match[:0].EthType(ethTypes[f]).RegMasked(regFlags, o.flag, o.flag) }
	c.match = match()
	c.actions = c.actions[:0].DecTTL()
	c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(c.next(o.to))
	if !c.view.PolicedNode(c.node) {
		c.emit(o.priority, o.passes[f])
		return
	}
	c.match = c.match.Reg(regZone, 0)
	c.emit(prioUnjudged, o.passes[f])
	c.match = match().CTState(openflow.CTStateTracked, openflow.CTStateTracked)
	c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(TableInbound)
	c.emit(prioJudgedOutside, o.judged[f])
	c.match = match()
	c.actions = c.actions.CT(openflow.CT{ZoneField: openflow.FieldReg(regZone), Table: TableInbound})
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(o.priority, o.again[f])
}

// inboundOutside passes the ICMP errors that ports send about packets from outside.
func (c *Compiler) inboundOutside() {
	if !c.uplinkedNode() {
		return
	}
	c.match = c.match[:0].RegMasked(regFlags, flagOutside, flagOutside).CTState(related, related).CTMarkMasked(0, markDenied)
	c.instr = c.instr[:0].GotoTable(TableEgress)
	c.emit(prioOutside, "lets errors leave about connections that are not denied")
}

// verdictOutside lets out what policies allow. The record says already that the port began
// the connection; this flow records that it is no longer denied.
func (c *Compiler) verdictOutside() {
	if !c.uplinkedNode() {
		return
	}
	const judged = flagOutside | flagDenied
	for _, f := range c.view.familiesAt(c.node) {
		c.match = c.match[:0].EthType(ethTypes[f]).RegMasked(regFlags, flagOutside, judged).CTState(established, established).CTMarkMasked(markDenied, markDenied)
		c.actions = c.actions[:0].CT(c.record(openflow.Actions(nil).Load(openflow.FieldCTMark, 0, 1, 0)))
		c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(TableEgress)
		c.emit(prioOutsideAgain, rules{"lets packets leave that were denied and are allowed again", "lets IPv6 packets leave that were denied and are allowed again"}[f])
	}
	c.match = c.match[:0].RegMasked(regFlags, flagOutside, judged)
	c.instr = c.instr[:0].GotoTable(TableEgress)
	c.emit(prioAllowedOutside, "lets packets leave that are allowed")
	c.match = c.match[:0].RegMasked(regFlags, judged, judged)
	c.instr = c.instr[:0]
	c.emit(prioDeniedOutside, "drops packets that may not leave")
}

// Priorities of packets that leave: in gateway, inbound and verdict above those of other
// packets; in route below all prefixes.
const (
	prioDefaultRoute   = prioRoute - 1
	prioJudgedOutside  = 55
	prioUnjudged       = 54
	prioOutside        = 170
	prioNoteOutside    = 201
	prioOutsideAgain   = 199
	prioAllowedOutside = 198
	prioRejectOnward   = 198 // of what is denied, so of other packets
	prioDeniedOutside  = 197
)
