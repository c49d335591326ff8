package pipeline

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/topology"
)

// routeLocal: the prefix is of a network whose neighbours this node knows.
func (c *Compiler) routeLocal(n *topology.Network, prefix netip.Prefix, domain uint32) {
	c.match = c.match[:0].EthType(ethTypeIPv4).IPv4Dst(prefix).Reg(regRouter, domain)
	c.instr = c.instr[:0].WriteMetadata(metadata(n), ^uint64(0)).GotoTable(TableNeighbour)
	c.emit(TableRoute, prioRoute+uint16(prefix.Bits()), "routes to the network's neighbours")
}

// routeRemote: the prefix is another node's block; that node knows its own.
func (c *Compiler) routeRemote(n *topology.Network, b *topology.Block, vtep netip.Addr, domain uint32) {
	c.match = c.match[:0].EthType(ethTypeIPv4).IPv4Dst(b.Prefix).Reg(regRouter, domain)
	c.actions = c.actions[:0].SetTunnelDst(vtep)
	c.instr = c.instr[:0].ApplyActions(c.actions).WriteMetadata(metadata(n), ^uint64(0)).GotoTable(TableTunnel)
	c.emit(TableRoute, prioRoute+uint16(b.Prefix.Bits()), "routes to the node that has the block")
}
