package pipeline

import (
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// Packets for sdnd to answer pass the meter of the port that sends them, so that a port
// that floods loses only its own answers. A port's meter has the number of its interface on
// the node.
const (
	// askRate is how many packets a second a port may send to sdnd in the long run, and
	// askBurst how many at once.
	askRate  = 100
	askBurst = 200
	// dnsRate and dnsBurst are the same where ports ask for names, too: many programs keep
	// no answer.
	dnsRate  = 500
	dnsBurst = 500
)

// answers are the protocols in which sdnd answers the ports of a network.
type answers struct {
	dhcp bool // DHCPv4
	ra   bool // router solicitations, and DHCPv6
	dns  bool
	// groups are reports of IGMP and MLD, which get no answer.
	groups bool
}

// answersOf returns what sdnd answers in a network.
func answersOf(n *topology.Network) answers {
	return answers{dhcp: n.Spec.DHCP.Enabled, ra: n.Spec.RA != "", dns: n.Spec.DNS.Enabled, groups: snoops(n)}
}

// any reports whether sdnd answers in any protocol.
func (a answers) any() bool { return a != answers{} }

// askMeter adds the meter of the port that is compiled.
func (c *Compiler) askMeter(p *topology.Port) {
	a := answersOf(c.network)
	if in := c.place.number; in != 0 && (a.any() || len(c.view.probesOf(p, c.node)) > 0) {
		rate, burst := uint32(askRate), uint32(askBurst)
		if a.dns {
			rate, burst = dnsRate, dnsBurst
		}
		c.emitMeter(openflow.Meter{ID: uint32(in), Flags: openflow.MeterPktps | openflow.MeterBurst, Bands: openflow.Bands(nil).Drop(rate, burst)},
			"limits what the port may ask sdnd")
	}
}

// classifyAsks sends a port's requests to sdnd to their table. Policies do not judge them:
// a port without an address can ask nobody else.
func (c *Compiler) classifyAsks(p *topology.Port, in openflow.PortNo) {
	a := answersOf(c.network)
	if _, ok := p.Address(topology.IPv4); ok && a.dhcp {
		c.match = c.fromPort(p, in, ethTypeIPv4).IPProto(protoUDP).UDPSrc(dhcpClient).UDPDst(dhcpServer)
		c.asks(p, in, TableDHCP, "has sdnd answer what the port asks by DHCP")
	}
	if _, ok := p.Address(topology.IPv6); ok && a.ra {
		c.match = c.fromPort(p, in, ethTypeIPv6).IPProto(protoICMPv6).ICMPv6Type(routerSolicitation).ICMPv6Code(0)
		c.asks(p, in, TableRA, "has sdnd answer the port's router solicitations")
		c.match = c.fromPort(p, in, ethTypeIPv6).IPProto(protoUDP).UDPSrc(dhcpv6Client).UDPDst(dhcpv6Server)
		c.asks(p, in, TableDHCPv6, "has sdnd answer what the port asks by DHCPv6")
	}
	if a.dns {
		c.classifyNames(p, in)
	}
	if a.groups {
		c.classifyReports(p, in)
	}
}

// fromPort begins a match of packets that the port sends with its own MAC, or with any
// if it may.
func (c *Compiler) fromPort(p *topology.Port, in openflow.PortNo, ethType uint16) openflow.Match {
	m := c.match[:0].InPort(in)
	if p.Spec.PortSecurity != model.PortSecurityOff {
		m = m.EthSrc(p.MAC)
	}
	return m.EthType(ethType).VLANUntagged()
}

// asks completes a flow that sends a port's requests through its meter.
func (c *Compiler) asks(p *topology.Port, in openflow.PortNo, t openflow.TableID, why Rule) {
	c.instr = c.instr[:0].Meter(uint32(in)).WriteMetadata(metadata(c.network), ^uint64(0)).GotoTable(c.next(t))
	c.emit(prioAsk, fromAnyMAC(p, why))
}

// fromAnyMAC completes the rule of a flow whose match fromPort began.
func fromAnyMAC(p *topology.Port, why Rule) Rule {
	if p.Spec.PortSecurity == model.PortSecurityOff {
		why += ", from any MAC"
	}
	return why
}

// toController sends packets of the network to sdnd, which finds the port by network and
// source MAC.
func (c *Compiler) toController(why Rule) {
	c.match = c.match[:0].Metadata(metadata(c.network))
	c.actions = c.actions[:0].Controller(openflow.ControllerNoBuffer)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioNormal, why)
}

// atGateway reports whether ports of the network send packets to their gateway, although it
// may route nothing: DHCP clients renew with it, and ports ask it for names.
func (a answers) atGateway(f topology.Family) bool {
	return a.dns || a.dhcp && f == topology.IPv4
}
