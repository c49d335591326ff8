package pipeline

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/openflow"
)

// gatewayEcho answers a ping of the gateway. The reply takes the ordinary way
// of routed packets, and so reaches whoever asked, here or on another node.
func (c *Compiler) gatewayEcho(gateway netip.Addr, domain uint32) {
	c.match = c.match[:0].EthType(ethTypeIPv4).IPv4Dst(host(gateway)).IPProto(protoICMP).ICMPType(echoRequest).Reg(regRouter, domain)
	c.actions = c.actions[:0].
		Move(openflow.FieldIPv4Src, openflow.FieldIPv4Dst, 0, 0, 32).
		SetIPv4Src(gateway).
		SetICMPType(echoReply).
		SetIPTTL(gatewayTTL).
		// A switch does not send a packet out of the port it came from (OpenFlow
		// 1.3.5, 7.2.5); this one has to, so forget where it came from.
		Load(openflow.FieldInPort, 0, 16, 0)
	c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(TableRoute)
	c.emit(TableGateway, prioNormal, "answers pings of the gateway")
}

// gatewayAlreadyRouted lets pass what another node's router has had.
func (c *Compiler) gatewayAlreadyRouted() {
	c.match = c.match[:0].RegMasked(regFlags, flagRouted, flagRouted)
	c.instr = c.instr[:0].GotoTable(TableNeighbour)
	c.emit(TableGateway, prioRouted, "packets that another node has routed only need their neighbour")
}

// gatewayDecTTL counts this router as one hop (RFC 1812, 5.3.1); a packet whose
// TTL is used up ends here.
func (c *Compiler) gatewayDecTTL() {
	c.match = c.match[:0].EthType(ethTypeIPv4) // dec_ttl asks for it (OpenFlow 1.3.5, 7.2.5)
	c.actions = c.actions[:0].DecTTL()
	c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(TableRoute)
	c.emit(TableGateway, prioDefault, "takes one from the TTL of what it routes")
}
