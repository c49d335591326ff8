package pipeline

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TableRoute finds the network or node by longest prefix.
const TableRoute openflow.TableID = 50

func routeStage() stage {
	return stage{
		Table:   Table{TableRoute, "route", "longest prefix → network or remote node", "router, nw_dst/len", "gateway; several next hops: group, then gateway; no route: answered where that looks for clients outside; else controller, at a bounded rate"},
		node:    (*Compiler).routeNode,
		network: (*Compiler).routeNetwork,
		block:   (*Compiler).routeToBlock,
		port:    (*Compiler).routeFurther,
		router:  (*Compiler).routeRouter,
		host:    (*Compiler).routeHost,
		static:  (*Compiler).routeStatic,
	}
}

func (c *Compiler) routeNetwork(n *topology.Network) {
	c.routeAnswers(n)
	if n.Spec.Mode == topology.Segmented || !c.routed {
		return
	}
	for _, s := range n.Spec.Subnets {
		c.routeSubnet(n, s.Prefix, c.domain)
	}
	if c.local && n.Spec.Has(topology.IPv6) {
		c.routeLinkLocal(n, model.LinkLocal(n.GatewayMAC), c.domain)
	}
}

// routeToBlock routes to a block: on the node that has it, to its neighbours; on others, to
// that node.
func (c *Compiler) routeToBlock(b *topology.Block) {
	vtep := c.vtepOf(b.Node)
	for f, r := range b.Ranges() {
		switch {
		case b.Node == c.node:
			c.routeBlock(c.network, r, c.domain)
			if f == topology.IPv6 && c.local {
				c.routeLinkLocal(c.network, model.LinkLocal(b.GatewayMAC), c.domain)
			}
		case vtep.IsValid():
			c.routeRemote(c.network, r, vtep, c.domain)
		}
	}
}

// routeSubnet routes to a prefix of a stretched network, whose neighbours this node knows.
func (c *Compiler) routeSubnet(n *topology.Network, prefix netip.Prefix, domain uint32) {
	c.match = toPrefix(c.match[:0], prefix).Reg(regRouter, domain)
	c.instr = c.instr[:0].WriteMetadata(metadata(n), ^uint64(0)).GotoTable(c.next(TableGateway))
	c.emit(prioRoute+uint16(prefix.Bits()), rules{"routes to the network's neighbours", "routes IPv6 to the network's neighbours"}[model.FamilyOf(prefix.Addr())])
}

// routeBlock routes to this node's own block.
func (c *Compiler) routeBlock(n *topology.Network, b topology.BlockRange, domain uint32) {
	c.match = toPrefix(c.match[:0], b.Prefix).Reg(regRouter, domain)
	c.actions = c.actions[:0].SetReg(regGateway, gatewayPlace(b))
	c.instr = c.instr[:0].ApplyActions(c.actions).WriteMetadata(metadata(n), ^uint64(0)).GotoTable(c.next(TableGateway))
	c.emit(prioRoute+uint16(b.Prefix.Bits()), rules{"routes to the node's own block", "routes IPv6 to the node's own block"}[model.FamilyOf(b.Prefix.Addr())])
}

// routeRemote routes to another node's block; that node knows the neighbours.
func (c *Compiler) routeRemote(n *topology.Network, b topology.BlockRange, vtep netip.Addr, domain uint32) {
	c.match = toPrefix(c.match[:0], b.Prefix).Reg(regRouter, domain)
	c.actions = c.actions[:0].
		SetReg(regGateway, gatewayPlace(b)).
		SetReg(regFlags, flagRemote).
		SetTunnelDst(vtep)
	c.instr = c.instr[:0].ApplyActions(c.actions).WriteMetadata(metadata(n), ^uint64(0)).GotoTable(c.next(TableGateway))
	why := rules{"routes to the node that has the block", "routes IPv6 to the node that has the block"}
	if vtep.Is6() {
		why = rules{"routes to the node that has the block, over IPv6", "routes IPv6 to the node that has the block, over IPv6"}
	}
	c.emit(prioRoute+uint16(b.Prefix.Bits()), why[model.FamilyOf(b.Prefix.Addr())])
}

// routeLinkLocal sends packets for the gateway's link-local address to the table in which
// the gateway answers. Such an address is valid in one network only, and no router forwards
// packets to or from one (RFC 4291, 2.5.6).
func (c *Compiler) routeLinkLocal(n *topology.Network, gateway netip.Addr, domain uint32) {
	c.match = toPrefix(c.match[:0], host(gateway)).Reg(regRouter, domain).Metadata(metadata(n))
	c.instr = c.instr[:0].GotoTable(c.next(TableGateway))
	c.emit(prioRoute+uint16(gateway.BitLen()), "leads to the gateway's link-local address")
}

// toPrefix appends the match of IP packets to an address of a prefix.
func toPrefix(m openflow.Match, p netip.Prefix) openflow.Match {
	if p.Addr().Is4() {
		return m.EthType(ethTypeIPv4).IPv4Dst(p)
	}
	return m.EthType(ethTypeIPv6).IPv6Dst(p)
}
