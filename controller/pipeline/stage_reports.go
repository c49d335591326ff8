package pipeline

import (
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TableReports sends to sdnd what hosts report of the groups that they have joined: IGMP (RFC 2236,
// RFC 3376) and MLD (RFC 2710, RFC 3810).
const TableReports openflow.TableID = 131

// protoIGMP is the IP protocol of IGMP (RFC 3376, 4).
const protoIGMP = 2

// listenerQuery is the type of the questions of MLD (RFC 3810, 5).
const listenerQuery = 130

// listenerReports are the types of its other messages: a report and a done of version 1, and a report
// of version 2.
var listenerReports = [...]struct {
	kind uint8
	is   Rule
}{
	{131, "has sdnd read the port's reports of groups by MLDv1"},
	{132, "has sdnd read by MLDv1 that the port leaves groups"},
	{143, "has sdnd read the port's reports of groups by MLDv2"},
}

func reportsStage() stage {
	return stage{
		Table:   Table{TableReports, "reports", "which groups hosts have joined, by IGMP and MLD → sdnd", "network", "controller"},
		network: (*Compiler).reportsNetwork,
	}
}

func (c *Compiler) reportsNetwork(n *topology.Network) {
	if c.local && snoops(n) {
		c.toController("sends what hosts of the network report of groups to sdnd")
	}
}

// classifyReports sends what hosts behind a port report to its table, from whatever IP address: hosts
// report before they have one (RFC 4541, 2.1.1; RFC 3810, 5.2.13). No other port gets it, so that no
// host keeps silent because another one has reported (RFC 4541, 2.1.1).
func (c *Compiler) classifyReports(p *topology.Port, in openflow.PortNo) {
	macs := append([]topology.MAC{p.MAC}, p.Spec.MACs()...)
	if p.Spec.PortSecurity == model.PortSecurityOff {
		macs = macs[:1] // any
	}
	from := func(mac topology.MAC, ethType uint16) openflow.Match {
		m := c.match[:0].InPort(in)
		if p.Spec.PortSecurity != model.PortSecurityOff {
			m = m.EthSrc(mac)
		}
		return m.EthType(ethType).VLANUntagged()
	}
	for _, mac := range macs {
		if _, ok := p.Address(topology.IPv4); ok {
			c.match = from(mac, ethTypeIPv4).IPProto(protoIGMP)
			c.asks(p, in, TableReports, "has sdnd read the port's reports of groups by IGMP")
		}
		if _, ok := p.Address(topology.IPv6); ok {
			for _, r := range listenerReports {
				c.match = from(mac, ethTypeIPv6).IPProto(protoICMPv6).ICMPv6Type(r.kind)
				c.asks(p, in, TableReports, r.is)
			}
		}
	}
}
