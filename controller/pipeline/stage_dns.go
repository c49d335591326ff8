package pipeline

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TableDNS sends the DNS questions that ports ask their gateway (RFC 1035, 4.2) to sdnd.
const TableDNS openflow.TableID = 110

// dnsServer is the port of DNS, of UDP and TCP.
const dnsServer = 53

func dnsStage() stage {
	return stage{
		Table:   Table{TableDNS, "dns", "DNS questions of ports to their gateway → sdnd, which answers out of the port", "network", "controller, dns-away"},
		network: (*Compiler).dnsNetwork,
		router:  (*Compiler).dnsRouter,
		groups:  true,
	}
}

func (c *Compiler) dnsNetwork(n *topology.Network) {
	if c.local && answersOf(n).dns {
		c.toController("sends what ports of the network ask their gateway by DNS to sdnd")
	}
}

// classifyNames sends a port's questions to its gateway to sdnd, by UDP and by TCP.
func (c *Compiler) classifyNames(p *topology.Port, in openflow.PortNo) {
	for _, ip := range p.Addresses {
		gateway, ok := GatewayOf(c.view, c.network, ip, c.node)
		if !ok {
			continue
		}
		f := model.FamilyOf(ip)
		c.match = toAddress(c.fromPort(p, in, ethTypes[f]), gateway).IPProto(protoUDP).UDPDst(dnsServer)
		c.asks(p, in, TableDNS, rules{"has sdnd answer what the port asks its gateway by DNS", "has sdnd answer what the port asks its IPv6 gateway by DNS"}[f])
		c.match = toAddress(c.fromPort(p, in, ethTypes[f]), gateway).IPProto(protoTCP).TCPDst(dnsServer)
		c.asks(p, in, TableDNS, rules{"has sdnd refuse DNS by TCP", "has sdnd refuse DNS by TCP over IPv6"}[f])
	}
}

// toAddress appends the match of packets to an address, whose family is matched already.
func toAddress(m openflow.Match, a netip.Addr) openflow.Match {
	if a.Is4() {
		return m.IPv4Dst(host(a))
	}
	return m.IPv6Dst(host(a))
}

// GatewayOf returns the gateway of a port's address on a node: that of the node's block, or
// of the subnet which the address is in. ok is false if there is none.
func GatewayOf(v *View, n *topology.Network, ip netip.Addr, node string) (gateway netip.Addr, ok bool) {
	if n.Spec.Mode == topology.Segmented {
		b, ok := v.Topo.Block(n.Name, node)
		if !ok {
			return gateway, false
		}
		for _, f := range familiesOf(n) {
			if r, ok := b.Of(f); ok && r.Prefix.Contains(ip) {
				return r.Gateway, true
			}
		}
		return gateway, false
	}
	for _, s := range n.Spec.Subnets {
		if s.Prefix.Contains(ip) {
			return s.Gateway.Addr, s.Gateway.Addr.IsValid()
		}
	}
	return gateway, false
}
