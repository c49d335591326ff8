package pipeline

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// TableGateway has the router's own addresses: it answers echo requests (RFC 792, RFC 4443)
// and decrements the TTL of all other packets.
const TableGateway openflow.TableID = 60

func gatewayStage() stage {
	return stage{
		Table:   Table{TableGateway, "gateway", "echo reply of gateways; TTL", "network, nw_dst", "back out of the port it came from; neighbour; next hop: forward; remote block: tunnel; leaves: egress; too large for the network: too-large; says that a packet was too big: too-big, and on; TTL ends: controller, at a bounded rate"},
		node:    (*Compiler).gatewayNode,
		network: (*Compiler).gatewayNetwork,
		block:   (*Compiler).gatewayBlock,
		router:  (*Compiler).gatewaySize,
		static:  (*Compiler).gatewayStatic,
		groups:  true,
	}
}

func (c *Compiler) gatewayNode() {
	c.gatewayDecTTL(topology.IPv4)
	if c.view.CarriesIPv6(c.node) {
		c.gatewayDecTTL(topology.IPv6)
		c.gatewayLinkLocal()
	}
	c.routerErrorMeter()
	c.gatewayExpired()
	c.gatewayOutside()
	c.gatewayLarge()
	c.gatewayTooBig()
	c.gatewayHost()
}

func (c *Compiler) gatewayNetwork(n *topology.Network) {
	c.gatewaySizes(n)
	if n.Spec.Mode == topology.Segmented {
		for _, g := range blockGateways(n) {
			c.gatewayEcho(n, g)
		}
		return
	}
	if !c.routed {
		return
	}
	for _, s := range n.Spec.Subnets {
		c.gatewayEcho(n, gatewayAt(s.Gateway.Addr))
	}
	if c.local && n.Spec.Has(topology.IPv6) {
		c.gatewayEcho(n, gatewayAtLinkLocal(n.GatewayMAC))
	}
}

// gatewayBlock gives the gateway its link-local address in the node's own block.
func (c *Compiler) gatewayBlock(b *topology.Block) {
	if _, ok := b.Of(topology.IPv6); ok && b.Node == c.node && c.local {
		c.gatewayEcho(c.network, gatewayAtLinkLocal(b.GatewayMAC))
	}
}

// gatewayEcho answers pings of a gateway of the network on the node that sends them,
// whichever node the gateway's block is on, and before the TTL is decremented.
//
// A ping in fragments is answered fragment by fragment: only the first one has the ICMP
// header, with a checksum of the whole (RFC 792, RFC 4443), and the others are sent back
// unchanged. That needs openflow.FragNXMatch. Open vSwitch gives later IPv6 fragments no
// protocol but "fragment", so those of other protocols are sent back, too. Their sender
// drops them, since the first fragment is missing.
func (c *Compiler) gatewayEcho(n *topology.Network, g gateway) {
	if g.address.Is4() {
		c.match = g.match(c.match[:0]).IPProto(protoICMP).ICMPType(echoRequest).ICMPCode(echoCode)
		c.actions = c.actions[:0].SetICMPType(echoReply)
	} else {
		c.match = g.match(c.match[:0]).IPProto(protoICMPv6).ICMPv6Type(echoRequest6).ICMPv6Code(echoCode)
		c.actions = c.actions[:0].SetICMPv6Type(echoReply6)
	}
	c.sendBack(n, g, g.echo)
	c.match = g.match(c.match[:0]).IPFragLater()
	if g.address.Is4() {
		c.match = c.match.IPProto(protoICMP)
	} else {
		c.match = c.match.IPProto(protoFragment)
	}
	c.actions = c.actions[:0]
	c.sendBack(n, g, g.fragments)
}

// sendBack completes a flow that sends packets to a gateway of the network back out of the
// port that they came from.
func (c *Compiler) sendBack(n *topology.Network, g gateway, why Rule) {
	if g.place != 0 {
		c.match = c.match.Reg(regGateway, g.place)
	}
	c.match = c.match.Metadata(metadata(n))
	src, dst := openflow.FieldIPv4Src, openflow.FieldIPv4Dst
	if !g.address.Is4() {
		src, dst = openflow.FieldIPv6Src, openflow.FieldIPv6Dst
	}
	c.actions = c.actions.
		Push(openflow.FieldEthDst, 0, 48).
		Move(openflow.FieldEthSrc, openflow.FieldEthDst, 0, 0, 48).
		Pop(openflow.FieldEthSrc, 0, 48).
		Push(dst, 0, g.address.BitLen()).
		Move(src, dst, 0, 0, g.address.BitLen()).
		Pop(src, 0, g.address.BitLen()).
		SetIPTTL(gatewayTTL).
		Output(openflow.PortInPort)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioNormal, why)
}

// gatewayDecTTL counts this router as one hop (RFC 1812, 5.3.1; RFC 8200, 3). The node that a packet is sent to acts as the
// same router and decrements nothing.
func (c *Compiler) gatewayDecTTL(f topology.Family) {
	c.match = c.match[:0].EthType(ethTypes[f]).RegMasked(regFlags, flagRemote, flagRemote)
	c.actions = c.actions[:0].DecTTL()
	c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(c.next(TableTunnel))
	c.emit(prioRemote, rules{"decrements the TTL of packets that it routes to another node", "decrements the hop limit of packets that it routes to another node"}[f])
	c.match = c.match[:0].EthType(ethTypes[f]) // dec_ttl asks for it (OpenFlow 1.3.5, 7.2.5)
	c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(c.next(TableNeighbour))
	c.emit(prioDefault, rules{"decrements the TTL of packets that it routes to its own ports", "decrements the hop limit of packets that it routes to its own ports"}[f])
}

// gatewayLinkLocal drops packets from a link-local address that are not for the gateway
// itself (RFC 4291, 2.5.6).
func (c *Compiler) gatewayLinkLocal() {
	c.match = c.match[:0].EthType(ethTypeIPv6).IPv6Src(netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfe, 0x80}), 10))
	c.instr = c.instr[:0]
	c.emit(prioLinkLocal, "drops packets from link-local addresses to other networks")
}
