package pipeline

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TableSource admits packets from the tunnel if the sending node is a member of the
// packet's network, and drops the others.
const TableSource openflow.TableID = 2

func sourceStage() stage {
	return stage{
		Table:  Table{TableSource, "source", "from the tunnel: does the sender have a part in the network?", "router, tun_src or tun_ipv6_src", "admitted"},
		node:   (*Compiler).sourceDrop,
		source: (*Compiler).sourcePeers,
	}
}

// sourceAdmit admits packets from a prefix whose addresses are all tunnel addresses of
// nodes of the domain.
func (c *Compiler) sourceAdmit(p netip.Prefix, domain uint32) {
	c.match = c.match[:0].TunnelSrc(p).Reg(regRouter, domain)
	c.instr = c.instr[:0].GotoTable(c.next(TableAdmitted))
	c.emit(prioNormal, rules{
		"admits packets that nodes with a part in the network send from their tunnel addresses",
		"admits packets that nodes with a part in the network send from their IPv6 tunnel addresses",
	}[model.FamilyOf(p.Addr())])
}

// sourceExempt admits packets from any address. Its counter shows what would be dropped
// without it.
func (c *Compiler) sourceExempt(domain uint32) {
	c.match = c.match[:0].Reg(regRouter, domain)
	c.instr = c.instr[:0].GotoTable(c.next(TableAdmitted))
	c.emit(prioExempt, "admits packets from any address: of some node of the network it is not known that it sends from its tunnel address")
}

// sourceDrop drops and counts packets from nodes that are no members of the network and
// from machines that are no nodes.
func (c *Compiler) sourceDrop() {
	c.match = c.match[:0]
	c.instr = c.instr[:0]
	c.emit(prioDefault, "drops and counts packets of networks from machines that are no members of them")
}

// sourcePeers admits the nodes that may send packets of the domain's networks to this node
// through the tunnel. One part differs between nodes, since a node is no peer of itself.
func (c *Compiler) sourcePeers(u Unit) {
	first, ok := c.view.first(u.Name)
	if !ok || !c.view.inDomain(u.Name, c.node) {
		return
	}
	peers := c.view.peers(u.Name, c.node)
	domain, _ := routingDomain(c.view.Topo, first)
	switch {
	case peers.nodes == 0:
	case u.Part != "":
		prefixes, _ := c.view.sources.Get(pairOf(u.Name, u.Part))
		for _, p := range prefixes {
			c.sourceAdmit(p, domain)
		}
	case peers.exempt > 0:
		c.sourceExempt(domain)
	}
}

// sourcesOf returns the domain of a network, for the first network only of each domain, so
// that each domain is returned once.
func (v *View) sourcesOf(n *topology.Network) (domain, bool) {
	d := v.domainOf(n.Name)
	first, ok := v.first(d)
	return d, ok && first.Name == n.Name
}
