package pipeline

import (
	"net/netip"
	"slices"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// The tables of egress addresses. The port's node judges what the port sends, and sends it by the
// tunnel to the first gateway that its switch reaches. Between nodes the destination MAC is that of
// the egress address outside, by which the gateway knows it. There the source is translated twice,
// as everywhere: to the router's address, then to the egress address.
const (
	// TableByGateway sends what ports with an egress address send to a gateway.
	TableByGateway openflow.TableID = 113
	// TableUnanswered does that for what answers no connection to a floating address.
	TableUnanswered openflow.TableID = 114
	// TableAtGateway translates on a gateway to the address of the router.
	TableAtGateway openflow.TableID = 127
	// TableEgressAddress translates there to the egress address.
	TableEgressAddress openflow.TableID = 128
	// TableEgressTranslated lets out what has been translated, and nothing else.
	TableEgressTranslated openflow.TableID = 129
)

// Priorities of egress addresses.
const (
	prioBypass     = 120 // in by-gateway
	prioStandbyARP = 110 // in public
)

func byGatewayStage() stage {
	return stage{
		Table:    Table{TableByGateway, "by-gateway", "leaves with an egress address?", "router, nw_src; a node's address", "group, then tunnel or at-gateway; else translate"},
		node:     (*Compiler).byGatewayNode,
		port:     (*Compiler).byGatewayPort,
		bypass:   (*Compiler).bypassNode,
		egressIP: (*Compiler).gatewayGroup,

		groups: true,
	}
}

func unansweredStage() stage {
	return stage{
		Table: Table{TableUnanswered, "unanswered", "of a port with an egress address: an answer of a floating address?", "router, nw_src", "no: group; else translated"},
		entry: (*Compiler).sendsEgress,
		node:  (*Compiler).unansweredNode,
		port:  (*Compiler).unansweredPort,
	}
}

func atGatewayStage() stage {
	return stage{
		Table:  Table{TableAtGateway, "at-gateway", "on a gateway: source → address of the router", "router", "egress-address"},
		router: (*Compiler).atGatewayRouter,
	}
}

func egressAddressStage() stage {
	return stage{
		Table:    Table{TableEgressAddress, "egress-address", "source → egress address", "dl_dst, nw_src", "egress-translated; not translated: drop"},
		entry:    (*Compiler).egressGateway,
		router:   (*Compiler).egressAddressRouter,
		egressIP: (*Compiler).egressAddress,
	}
}

func egressTranslatedStage() stage {
	return stage{
		Table:    Table{TableEgressTranslated, "egress-translated", "has the source been translated?", "nw_src", "leave; else drop"},
		entry:    (*Compiler).egressGateway,
		egressIP: (*Compiler).egressTranslated,
	}
}

// sendsEgress reports whether ports of the node leave with egress addresses.
func (c *Compiler) sendsEgress() bool { return c.view.sendsEgress(c.node) }

// egressGateway reports whether the node is a gateway of an egress address.
func (c *Compiler) egressGateway() bool { return c.view.EgressGateway(c.node) }

// egressGroup is the number of the group that chooses the gateway. Groups of services begin at
// groupsOfService.
func egressGroup(e *topology.EgressIP) uint32 { return e.ID }

func (c *Compiler) byGatewayNode() {
	if !c.sendsEgress() {
		return
	}
	c.match = c.match[:0]
	c.actions = c.actions[:0].Resubmit(openflow.PortInPort, TableTranslate)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioDefault, "has all other packets leave by this node")
}

func (c *Compiler) unansweredNode() {
	if !c.sendsEgress() {
		return
	}
	c.match = c.match[:0]
	c.actions = c.actions[:0].Resubmit(openflow.PortInPort, TableTranslated)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioDefault, "has answers of floating addresses leave by this node")
}

// bypassNode has what is for another node itself leave as it does without egress address (P-NS-04).
func (c *Compiler) bypassNode(n *topology.Node) {
	to := append([]netip.Addr{n.Spec.TunnelIP}, n.Spec.Addresses...)
	for i, a := range to {
		if !a.IsValid() || slices.Contains(to[:i], a) || !c.view.sendsEgressIn(c.node, model.FamilyOf(a)) {
			continue
		}
		c.match = toPrefix(c.match[:0], host(a))
		c.actions = c.actions[:0].Resubmit(openflow.PortInPort, TableTranslate)
		c.instr = c.instr[:0].ApplyActions(c.actions)
		c.emit(prioBypass, rules{"has packets to a node itself leave by this node, without egress address", "has IPv6 packets to a node itself leave by this node, without egress address"}[model.FamilyOf(a)])
	}
}

// eachEgressSource calls emit for each range from which a port of this node sends that leaves with
// an egress address.
func (c *Compiler) eachEgressSource(p *topology.Port, emit func(from netip.Prefix, router *topology.Router, e *EgressIP)) {
	r, routed := c.view.Topo.RouterOf(p.Spec.Network)
	if !c.place.here || !routed || r.Spec.Egress == nil {
		return
	}
	for _, family := range model.Families() {
		o, ok := c.view.leavesWith(p, family)
		if !ok {
			continue
		}
		e := c.view.EgressIPOf(o)
		if a, ok := p.Address(family); ok {
			emit(host(a), r, e)
		}
		for _, f := range furtherOf(p) {
			if model.FamilyOf(f.prefix.Addr()) == family {
				emit(f.prefix, r, e)
			}
		}
	}
}

// byGatewayPort sends to a gateway what a port sends. If a floating address leads to the port, its
// answers leave as they came.
func (c *Compiler) byGatewayPort(p *topology.Port) {
	c.eachEgressSource(p, func(from netip.Prefix, r *topology.Router, e *EgressIP) {
		f := model.FamilyOf(from.Addr())
		if _, forwarded := c.view.floatsWhole(p.Name, f); !forwarded {
			c.toGateway(from, r, e, p)
			return
		}
		leaving, ok := c.view.egressOf(r.Name)
		if !ok {
			return
		}
		c.match = fromPrefix(c.match[:0], from).Reg(regRouter, r.ID)
		c.actions = c.actions[:0].CT(openflow.CT{Zone: uint16(leaving.zone), NAT: &openflow.NAT{}, Table: TableUnanswered})
		c.instr = c.instr[:0].ApplyActions(c.actions)
		c.emit(prioNormal, rules{"translates what a port with an egress address answers as a floating address", "translates IPv6 that a port with an egress address answers as a floating address"}[f])
	})
}

func (c *Compiler) unansweredPort(p *topology.Port) {
	c.eachEgressSource(p, func(from netip.Prefix, r *topology.Router, e *EgressIP) {
		if _, forwarded := c.view.floatsWhole(p.Name, model.FamilyOf(from.Addr())); forwarded {
			c.toGateway(from, r, e, p)
		}
	})
}

func (c *Compiler) toGateway(from netip.Prefix, r *topology.Router, e *EgressIP, p *topology.Port) {
	f := model.FamilyOf(from.Addr())
	c.match = fromPrefix(c.match[:0], from).Reg(regRouter, r.ID)
	c.actions = c.actions[:0].SetEthDst(model.OutsideMAC(e.AddressOf(p.Name, f))).Group(egressGroup(e.EgressIP))
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioNormal, rules{"sends what the port sends to a gateway of its egress address", "sends IPv6 that the port sends to a gateway of its egress address"}[f])
}

// gatewayGroup adds the group that chooses the first gateway which the switch itself finds alive. One
// without a probe counts as long as sdnd reaches it. If the switch finds none alive it takes the last: a
// node that is short of time may miss the probes of all of them, which go on forwarding.
func (c *Compiler) gatewayGroup(e *EgressIP) {
	if !e.sends(c.node) {
		return
	}
	tun := c.view.Tunnel(c.node)
	g := openflow.Group{ID: egressGroup(e.EgressIP), Type: openflow.GroupTypeFastFailover}
	add := func(watch openflow.PortNo) {
		g.Buckets = g.Buckets.Add(openflow.Bucket{WatchPort: watch, WatchGroup: openflow.GroupAny, Actions: c.actions})
	}
	last := openflow.Actions(nil)
	for _, gw := range e.Gateways {
		if !gw.Bridge || gw.Node == c.node && gw.Out == 0 {
			continue
		}
		if gw.Node == c.node {
			c.actions = c.actions[:0].Resubmit(openflow.PortInPort, TableAtGateway)
			add(gw.Out)
			last = nil
			continue
		}
		vtep, watch := c.vtepOf(gw.Node), c.view.ContactAt(c.node, gw.Node).No
		if watch == 0 && gw.Reached {
			watch = tun
		}
		if tun == 0 || watch == 0 || !vtep.IsValid() {
			continue
		}
		c.actions = c.actions[:0].SetTunnelDst(vtep).Resubmit(openflow.PortInPort, TableTunnel)
		add(watch)
		if last = nil; watch != tun {
			last = slices.Clone(c.actions)
		}
	}
	if last != nil {
		c.actions = append(c.actions[:0], last...)
		add(tun)
	}
	c.emitGroup(g, "chooses the first gateway that is alive")
}

// admittedEgress takes what leaves by this node from the nodes of its ports.
func (c *Compiler) admittedEgress(e *EgressIP) {
	if e.gateway(c.node) == nil {
		return
	}
	for _, a := range e.Spec.Addresses {
		f := model.FamilyOf(a)
		c.match = c.match[:0].EthDst(model.OutsideMAC(a)).EthType(ethTypes[f])
		c.instr = c.instr[:0].GotoTable(c.next(TableAtGateway))
		c.emit(prioEntered, rules{"takes from other nodes what leaves with an egress address", "takes from other nodes what leaves with an IPv6 egress address"}[f])
	}
}

// eachAtGateway calls a function for each family in which ports of a router leave by this node with egress addresses.
func (c *Compiler) eachAtGateway(e *egress, emit func(f topology.Family, a netip.Addr)) {
	families := c.view.egressFamilies(e.router.Ref().String(), c.node)
	e.each(func(f topology.Family, a netip.Addr) {
		if families[f] {
			emit(f, a)
		}
	})
}

func (c *Compiler) atGatewayRouter(e *egress) {
	c.eachAtGateway(e, func(f topology.Family, a netip.Addr) {
		c.match = c.match[:0].EthType(ethTypes[f]).Reg(regRouter, e.router.ID)
		c.actions = c.actions[:0].CT(openflow.CT{
			Commit: true, Zone: uint16(e.zone), Table: TableEgressAddress,
			NAT: &openflow.NAT{Direction: openflow.NATSource, First: a},
		})
		c.instr = c.instr[:0].ApplyActions(c.actions)
		c.emit(prioNormal, rules{"translates the source of what leaves with an egress address to the router's address", "translates the source of IPv6 that leaves with an egress address to the router's address"}[f])
	})
}

// routerRanges returns the ranges of a family that addresses of routers are in.
func (c *Compiler) routerRanges(f topology.Family) []netip.Prefix {
	all := []netip.Prefix{model.DefaultUplinkRanges()[f]}
	if u, ok := c.view.Topo.HostUplink(); ok {
		for _, r := range u.Spec.Ranges {
			if model.FamilyOf(r.Addr()) == f && !slices.Contains(all, r) {
				all = append(all, r)
			}
		}
	}
	return all
}

// egressAddress translates a second time, in the zone that all routers share.
func (c *Compiler) egressAddress(e *EgressIP) {
	gw := e.gateway(c.node)
	if gw == nil {
		return
	}
	for _, a := range e.Spec.Addresses {
		f := model.FamilyOf(a)
		for _, from := range c.routerRanges(f) {
			c.match = fromPrefix(c.match[:0].EthDst(model.OutsideMAC(a)), from)
			c.actions = c.actions[:0].SetReg(regOutPort, uint32(gw.Out)).SetEthSrc(model.OutsideMAC(a)).CT(openflow.CT{
				Commit: true, Zone: zonePublic, Table: TableEgressTranslated,
				NAT: &openflow.NAT{Direction: openflow.NATSource, First: a},
			})
			c.instr = c.instr[:0].ApplyActions(c.actions)
			c.emit(prioNormal, rules{"translates the source of what leaves to the egress address", "translates the source of IPv6 that leaves to the egress address"}[f])
		}
	}
}

// egressAddressRouter counts what the router's address has no source port for. Ranges of source ports, as in
// translate, would have each node choose ports of its own, and connections would end with their node.
func (c *Compiler) egressAddressRouter(e *egress) {
	any := false
	c.eachAtGateway(e, func(topology.Family, netip.Addr) { any = true })
	if any {
		c.match = c.match[:0].CTState(begun, begun).Reg(regRouter, e.router.ID)
		c.instr = c.instr[:0]
		c.emit(prioNoSourcePort, "drops and counts packets that begin connections for which no source port of the router is free on a gateway")
	}
}

func (c *Compiler) egressTranslated(e *EgressIP) {
	if e.gateway(c.node) == nil {
		return
	}
	for _, a := range e.Spec.Addresses {
		c.match = fromPrefix(c.match[:0], host(a))
		c.actions = c.actions[:0].Resubmit(openflow.PortInPort, TableLeave)
		c.instr = c.instr[:0].ApplyActions(c.actions)
		c.emit(prioNormal, rules{"lets packets with the egress address leave by the bridge", "lets packets with the IPv6 egress address leave by the bridge"}[model.FamilyOf(a)])
		c.match = c.match[:0].EthSrc(model.OutsideMAC(a)).CTState(begun, begun)
		c.instr = c.instr[:0]
		c.emit(prioNoSourcePort, "drops and counts packets that begin connections for which no source port of the egress address is free")
	}
}

// publicEgress answers ARP, or neighbour solicitations, for the addresses, and translates what comes back. A
// gateway that does not have the addresses answers only who asks its own MAC: if switches have begun to use
// it while sdnd is away, that is how others find out whether the address is still there.
func (c *Compiler) publicEgress(e *EgressIP) {
	gw := e.gateway(c.node)
	if gw == nil {
		return
	}
	for _, a := range e.Spec.Addresses {
		u := e.by(gw)
		switch {
		case e.Holder == c.node:
			c.publicAnswers(u, a)
		case a.Is4():
			c.standbyARP(u, a)
		default:
			c.standbyND(u, a)
		}
		c.match = c.toPublic(u, a)
		c.actions = c.actions[:0]
		why := rules{"translates what comes back to the egress address to that of the router", "translates IPv6 that comes back to the egress address to that of the router"}[model.FamilyOf(a)]
		if c.entryNode() {
			// The port may be on another node, which is not to take this for what has entered here
			// (tunnelEntered).
			c.actions = c.actions.Load(openflow.FieldInPort, 0, 16, 0)
			why += ", and forgets where it came in"
		}
		c.actions = c.actions.CT(openflow.CT{Zone: zonePublic, NAT: &openflow.NAT{}, Table: TableReturn})
		c.instr = c.instr[:0].ApplyActions(c.actions)
		c.emit(prioNormal, why)
	}
}

func (c *Compiler) standbyARP(u bridgeUplink, a netip.Addr) {
	mac := model.OutsideMAC(a)
	c.match = c.match[:0].EthDst(mac).EthType(ethTypeARP).ARPOp(arpRequest).ARPTpa(a).Reg(regOutPort, uint32(u.port))
	c.actions = becomeARPReply(c.learnsNextHop(c.actions[:0], u), a, mac).Output(openflow.PortInPort)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioStandbyARP, "answers ARP requests that are for this node alone, and learns the MAC of who asks")
	c.match = c.match[:0].EthType(ethTypeARP).ARPOp(arpReply).ARPTpa(a).Reg(regOutPort, uint32(u.port))
	c.actions = c.learnsNextHop(c.actions[:0], u)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioNormal, "learns the MAC of who answers")
}

// ndEgress completes answers to neighbour solicitations for the addresses.
func (c *Compiler) ndEgress(e *EgressIP) {
	gw := e.gateway(c.node)
	if gw == nil {
		return
	}
	for _, a := range e.Spec.Addresses {
		if e.Holder == c.node {
			c.ndUplink(e.by(gw), a)
		} else if a.Is6() {
			c.ndSolicited(e.by(gw), a)
		}
	}
}

// leaveEgress takes what leaves for the addresses on their own node as if it came in.
func (c *Compiler) leaveEgress(e *EgressIP) {
	if gw := e.gateway(c.node); gw != nil && e.Holder == c.node {
		for _, a := range e.Spec.Addresses {
			c.around(e.by(gw), a)
		}
	}
}
