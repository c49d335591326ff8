package pipeline

import "github.com/sdnctl/sdnctl/topology"

// neighbour gives a routed packet the Ethernet addresses of its last hop.
func (c *Compiler) neighbour(n *topology.Network, p *topology.Port, gatewayMAC topology.MAC) {
	c.match = c.match[:0].EthType(ethTypeIPv4).IPv4Dst(host(p.IP)).Metadata(metadata(n))
	c.actions = c.actions[:0].SetEthSrc(gatewayMAC).SetEthDst(p.MAC)
	c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(TableForward)
	c.emit(TableNeighbour, prioNormal, "addresses routed packets to the port")
}
