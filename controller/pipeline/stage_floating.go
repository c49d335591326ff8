package pipeline

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/openflow"
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
	c.routedShut()
	if !c.floatingNode() {
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

// routedShut is floatingShut for IPv6 that comes in as it is.
func (c *Compiler) routedShut() {
	if !c.view.routedNode(c.node) {
		return
	}
	c.instr = c.instr[:0]
	for _, s := range shut {
		if !s.prefix.Addr().Is4() {
			c.match = fromPrefix(c.match[:0], s.prefix)
			c.emit(prioShutIn, "drops routed IPv6 from addresses that nothing may leave to")
		}
	}
	for _, a := range c.ownAddresses() {
		if !a.Is4() {
			c.match = fromPrefix(c.match[:0], host(a))
			c.emit(prioShutIn, "drops routed IPv6 from the node itself")
		}
	}
	for _, port := range c.tunnelUDP() {
		c.match = c.match[:0].EthType(ethTypeIPv6).IPProto(protoUDP).UDPDst(port)
		c.emit(prioShutIn, "drops routed VXLAN packets over IPv6")
	}
}

// publicFloating answers ARP for the address, and translates what is sent to it: in the zone of the
// port's router, which has all translations of its ports, so that an answer is translated back by
// the connection that it belongs to, whatever else the port's packets leave with.
func (c *Compiler) publicFloating(f *Floating) {
	u := bridgeUplink{f.Uplink, f.Out, f.Spec.Address, netip.Addr{}}
	c.publicARP(u, f.Spec.Address)
	to := func(t netip.Addr, port uint16) {
		ct := openflow.CT{Zone: uint16(f.zone), NAT: &openflow.NAT{}, Table: TableFloating}
		if t.IsValid() {
			ct.Commit, ct.NAT = true, &openflow.NAT{Direction: openflow.NATDestination, First: t, FirstPort: port}
		}
		c.actions = c.actions[:0].SetReg(regRouter, f.Router.ID).SetReg(regNextHop, words(f.Spec.Address)[0]).CT(ct)
		c.instr = c.instr[:0].ApplyActions(c.actions)
	}
	c.match = c.toPublic(u, f.Spec.Address)
	if t, ok := f.target(f.Spec.Port); ok {
		to(t, 0)
		c.emit(prioNormal, "translates what comes for the floating address to the port's address")
		return
	}
	to(netip.Addr{}, 0)
	c.emit(prioNormal, "translates errors and fragments for the floating address, of connections that there are")
	for _, w := range f.Spec.Forwards {
		t, ok := f.target(w.To)
		if !ok {
			continue
		}
		c.match = toPrefix(c.match[:0].EthDst(model.OutsideMAC(f.Spec.Address)), host(f.Spec.Address))
		why := Rule("translates what comes for a port of TCP of the floating address")
		if w.Protocol == model.ProtocolUDP {
			why = "translates what comes for a port of UDP of the floating address"
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
		c.match = toPrefix(c.match[:0], host(t.address)).Reg(regNextHop, words(f.Spec.Address)[0]).
			CTState(openflow.CTStateTracked, openflow.CTStateTracked|openflow.CTStateInvalid)
		c.actions = c.actions[:0].CTClear().SetReg(regFlags, flagReturned).Resubmit(openflow.PortInPort, TableRoute)
		c.instr = c.instr[:0].ApplyActions(c.actions)
		c.emit(prioNormal, "routes what comes for the floating address to its port")
	}
}

// translateFloating gives all that the port sends the floating address, unless it belongs to a
// connection that is translated in another way.
func (c *Compiler) translateFloating(f *Floating) {
	t, ok := f.target(f.Spec.Port)
	if !ok {
		return
	}
	c.match = c.match[:0].EthType(ethTypeIPv4).IPv4Src(host(t)).Reg(regRouter, f.Router.ID)
	c.actions = c.actions[:0].CT(openflow.CT{
		Commit: true, Zone: uint16(f.zone), Table: TableTranslated,
		NAT: &openflow.NAT{Direction: openflow.NATSource, First: f.Spec.Address},
	})
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioFloating, "translates the source of what the port sends to its floating address")
}

// translatedFloating lets out packets with the floating address.
func (c *Compiler) translatedFloating(f *Floating) {
	c.match = c.match[:0].EthType(ethTypeIPv4).IPv4Src(host(f.Spec.Address)).Reg(regRouter, f.Router.ID)
	c.actions = c.actions[:0].SetReg(regOutPort, uint32(f.Out)).SetEthSrc(model.OutsideMAC(f.Spec.Address))
	c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(TableLeave)
	c.emit(prioNormal, "lets packets with the floating address leave by the bridge")
}

// leaveFloating takes what leaves for the address on its own node as if it came in.
func (c *Compiler) leaveFloating(f *Floating) {
	c.around(bridgeUplink{f.Uplink, f.Out, f.Spec.Address, netip.Addr{}}, f.Spec.Address)
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
