package pipeline

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// TableRoute picks the network or node by longest prefix.
const TableRoute openflow.TableID = 50

func routeStage() stage {
	return stage{
		Table:   Table{TableRoute, "route", "longest prefix → network or remote node", "router, nw_dst/len", "gateway"},
		network: (*Compiler).routeNetwork,
		block:   (*Compiler).routeToBlock,
	}
}

func (c *Compiler) routeNetwork(n *topology.Network) {
	if n.Spec.Mode == topology.Segmented || !c.routed {
		return
	}
	for _, s := range n.Spec.Subnets {
		c.routeSubnet(n, s.Prefix, c.domain)
	}
}

// routeToBlock: on the node that has a block, the way to its neighbours; on others,
// one route to that node.
func (c *Compiler) routeToBlock(b *topology.Block) {
	r, ok := b.Of(topology.IPv4)
	if !ok {
		return
	}
	if b.Node == c.node {
		c.routeBlock(c.network, r, c.domain)
	} else if peer, ok := c.view.Topo.Node(b.Node); ok && peer.Spec.TunnelIP.IsValid() {
		c.routeRemote(c.network, r, peer.Spec.TunnelIP, c.domain)
	}
}

// routeSubnet: the prefix is of a stretched network, whose neighbours this node
// knows.
func (c *Compiler) routeSubnet(n *topology.Network, prefix netip.Prefix, domain uint32) {
	c.match = c.match[:0].EthType(ethTypeIPv4).IPv4Dst(prefix).Reg(regRouter, domain)
	c.instr = c.instr[:0].WriteMetadata(metadata(n), ^uint64(0)).GotoTable(c.next(TableGateway))
	c.emit(prioRoute+uint16(prefix.Bits()), "routes to the network's neighbours")
}

// routeBlock: the prefix is this node's own block.
func (c *Compiler) routeBlock(n *topology.Network, b topology.BlockRange, domain uint32) {
	c.match = c.match[:0].EthType(ethTypeIPv4).IPv4Dst(b.Prefix).Reg(regRouter, domain)
	c.actions = c.actions[:0].SetReg(regGateway, gatewayPlace(b.Prefix, b.Gateway))
	c.instr = c.instr[:0].ApplyActions(c.actions).WriteMetadata(metadata(n), ^uint64(0)).GotoTable(c.next(TableGateway))
	c.emit(prioRoute+uint16(b.Prefix.Bits()), "routes to the node's own block")
}

// routeRemote: the prefix is another node's block; that node knows its own.
func (c *Compiler) routeRemote(n *topology.Network, b topology.BlockRange, vtep netip.Addr, domain uint32) {
	c.match = c.match[:0].EthType(ethTypeIPv4).IPv4Dst(b.Prefix).Reg(regRouter, domain)
	c.actions = c.actions[:0].
		SetReg(regGateway, gatewayPlace(b.Prefix, b.Gateway)).
		SetReg(regFlags, flagRemote).
		SetTunnelDst(vtep)
	c.instr = c.instr[:0].ApplyActions(c.actions).WriteMetadata(metadata(n), ^uint64(0)).GotoTable(c.next(TableGateway))
	c.emit(prioRoute+uint16(b.Prefix.Bits()), "routes to the node that has the block")
}
