package pipeline

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TableFloating admits what comes in by a bridge for a floating address, once it is translated to
// a port's address.
const TableFloating openflow.TableID = 111

// Priorities of floating addresses.
const (
	// prioShutIn is of what stays shut.
	prioShutIn = 110
	// prioForward is of a port of an address, above what is for the address.
	prioForward = 110
	// prioFloating is of a port that leaves with an address of its own, in translate.
	prioFloating = 110
	// prioReplyOutside is of replies in inbound, above those that are delivered.
	prioReplyOutside = 171
)

func floatingStage() stage {
	return stage{
		Table:    Table{TableFloating, "floating", "for a floating address: translated to one of its ports? Routed IPv6: may it come in?", "address, ct_state, nw_src, nw_dst; router", "route; else drop"},
		entry:    (*Compiler).floatingNode,
		node:     (*Compiler).floatingShut,
		router:   (*Compiler).admitRouted,
		floating: (*Compiler).admitFloating,
	}
}

// floatingNode reports whether the node has floating addresses and a bridge of an uplink.
func (c *Compiler) floatingNode() bool { return c.bridgedNode() && c.view.floats(c.node) }

// floatingShut drops from outside what may not leave to there either (see shut), since no answer
// could: it would only be an attack on a port.
func (c *Compiler) floatingShut() {
	c.shutIn6()
	if !c.bridgedNode() || !c.view.floatsIn(c.node, topology.IPv4) {
		return
	}
	c.instr = c.instr[:0]
	for _, s := range shut {
		if s.prefix.Addr().Is4() {
			c.match = c.match[:0].EthType(ethTypeIPv4).IPv4Src(s.prefix)
			c.emit(prioShutIn, "drops packets for floating addresses from addresses that nothing may leave to")
		}
	}
	for _, a := range c.ownAddresses() {
		if a.Is4() {
			c.match = c.match[:0].EthType(ethTypeIPv4).IPv4Src(host(a))
			c.emit(prioShutIn, "drops packets for floating addresses from the node itself")
		}
	}
	for _, port := range c.tunnelUDP() {
		c.match = c.match[:0].EthType(ethTypeIPv4).IPProto(protoUDP).UDPDst(port)
		c.emit(prioShutIn, "drops VXLAN packets for floating addresses")
	}
}

// shutIn6 is floatingShut for IPv6, which comes in for floating addresses, or routed.
func (c *Compiler) shutIn6() {
	if !c.view.routedNode(c.node) && !(c.bridgedNode() && c.view.floatsIn(c.node, topology.IPv6)) {
		return
	}
	c.instr = c.instr[:0]
	for _, s := range shut {
		if !s.prefix.Addr().Is4() {
			c.match = fromPrefix(c.match[:0], s.prefix)
			c.emit(prioShutIn, "drops IPv6 from outside from addresses that nothing may leave to")
		}
	}
	for _, a := range c.ownAddresses() {
		if !a.Is4() {
			c.match = fromPrefix(c.match[:0], host(a))
			c.emit(prioShutIn, "drops IPv6 from outside from the node itself")
		}
	}
	for _, port := range c.tunnelUDP() {
		c.match = c.match[:0].EthType(ethTypeIPv6).IPProto(protoUDP).UDPDst(port)
		c.emit(prioShutIn, "drops VXLAN packets over IPv6 from outside")
	}
}

// setFloating appends actions that note the floating address that a packet is for, and ofFloating the match of
// such packets.
func setFloating(a openflow.Actions, address netip.Addr) openflow.Actions {
	for i, word := range words(address) {
		a = a.SetReg(regFloating+i, word)
	}
	return a
}

func ofFloating(m openflow.Match, address netip.Addr) openflow.Match {
	for i, word := range words(address) {
		m = m.Reg(regFloating+i, word)
	}
	return m
}

// publicFloating answers ARP or neighbour solicitations for the address, and translates what is sent to it: in the zone of the
// port's router, which has all translations of its ports, so that an answer is translated back by
// the connection that it belongs to, whatever else the port's packets leave with.
func (c *Compiler) publicFloating(f *Floating) {
	u := f.uplink()
	c.publicAnswers(u, f.Spec.Address)
	to := func(t netip.Addr, port uint16) {
		ct := openflow.CT{Zone: uint16(f.zone), NAT: &openflow.NAT{}, Table: TableFloating}
		if t.IsValid() {
			ct.Commit, ct.NAT = true, &openflow.NAT{Direction: openflow.NATDestination, First: t, FirstPort: port}
		}
		c.actions = setFloating(c.actions[:0].SetReg(regRouter, f.Router.ID), f.Spec.Address).CT(ct)
		c.instr = c.instr[:0].ApplyActions(c.actions)
	}
	c.match = c.toPublic(u, f.Spec.Address)
	if t, ok := f.target(f.Spec.Port); ok {
		to(t, 0)
		c.emit(prioNormal, rules{"translates what comes for the floating address to the port's address", "translates IPv6 that comes for the floating address to the port's address"}[f.Family()])
		return
	}
	to(netip.Addr{}, 0)
	c.emit(prioNormal, rules{"translates errors and fragments for the floating address, of connections that there are", "translates errors and fragments of IPv6 for the floating address, of connections that there are"}[f.Family()])
	for _, w := range f.Spec.Forwards {
		t, ok := f.target(w.To)
		if !ok {
			continue
		}
		c.match = toPrefix(c.match[:0].EthDst(model.OutsideMAC(f.Spec.Address)), host(f.Spec.Address))
		why := rules{"translates what comes for a port of TCP of the floating address", "translates IPv6 that comes for a port of TCP of the floating address"}[f.Family()]
		if w.Protocol == model.ProtocolUDP {
			why = rules{"translates what comes for a port of UDP of the floating address", "translates IPv6 that comes for a port of UDP of the floating address"}[f.Family()]
			c.match = c.match.IPProto(protoUDP).UDPDst(w.Port)
		} else {
			c.match = c.match.IPProto(protoTCP).TCPDst(w.Port)
		}
		c.match = c.match.Reg(regOutPort, uint32(f.Out))
		to(t, w.TargetPort)
		c.emit(prioForward, why)
	}
}

// admitFloating routes what has been translated to a port that the address leads to. Policies
// look up its connection, between the port's address and the one outside.
func (c *Compiler) admitFloating(f *Floating) {
	for _, t := range f.targets {
		c.match = ofFloating(toPrefix(c.match[:0], host(t.address)), f.Spec.Address).
			CTState(openflow.CTStateTracked, openflow.CTStateTracked|openflow.CTStateInvalid)
		c.actions = c.actions[:0].CTClear().SetReg(regFlags, flagReturned).Resubmit(openflow.PortInPort, TableRoute)
		c.instr = c.instr[:0].ApplyActions(c.actions)
		c.emit(prioNormal, rules{"routes what comes for the floating address to its port", "routes IPv6 that comes for the floating address to its port"}[f.Family()])
	}
}

// ndFloating completes answers to neighbour solicitations for the address.
func (c *Compiler) ndFloating(f *Floating) { c.ndUplink(f.uplink(), f.Spec.Address) }

// translateFloating gives all that the port sends the floating address, unless it belongs to a
// connection that is translated in another way.
func (c *Compiler) translateFloating(f *Floating) {
	t, ok := f.target(f.Spec.Port)
	if !ok {
		return
	}
	c.match = fromPrefix(c.match[:0], host(t)).Reg(regRouter, f.Router.ID)
	c.actions = c.actions[:0].CT(openflow.CT{
		Commit: true, Zone: uint16(f.zone), Table: TableTranslated,
		NAT: &openflow.NAT{Direction: openflow.NATSource, First: f.Spec.Address},
	})
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioFloating, rules{"translates the source of what the port sends to its floating address", "translates the source of IPv6 that the port sends to its floating address"}[f.Family()])
}

// translatedFloating lets out packets with the floating address.
func (c *Compiler) translatedFloating(f *Floating) {
	c.match = fromPrefix(c.match[:0], host(f.Spec.Address)).Reg(regRouter, f.Router.ID)
	c.actions = c.actions[:0].SetReg(regOutPort, uint32(f.Out)).SetEthSrc(model.OutsideMAC(f.Spec.Address))
	c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(TableLeave)
	c.emit(prioNormal, rules{"lets packets with the floating address leave by the bridge", "lets IPv6 packets with the floating address leave by the bridge"}[f.Family()])
}

// leaveFloating takes what leaves for the address on its own node as if it came in.
func (c *Compiler) leaveFloating(f *Floating) {
	c.around(f.uplink(), f.Spec.Address)
}

// inboundFloating passes the answers of ports to what began outside.
func (c *Compiler) inboundFloating() {
	if !c.floatingNode() && !c.view.routedNode(c.node) {
		return
	}
	c.match = c.match[:0].RegMasked(regFlags, flagOutside, flagOutside).CTState(replied, replied).CTMarkMasked(0, markDenied)
	c.instr = c.instr[:0].GotoTable(TableEgress)
	c.emit(prioReplyOutside, "lets replies leave to what began outside")
}
