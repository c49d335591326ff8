package pipeline

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TableTrack sends the packets of ports that policies judge through the connection tracker.
const TableTrack openflow.TableID = 20

func trackStage() stage {
	return stage{
		Table:   Table{TableTrack, "track", "from a port that policies judge: which connection is it of?", "network, nw_src, nw_dst", "outbound, with the connection's state"},
		network: (*Compiler).trackNetwork,
	}
}

func (c *Compiler) trackNetwork(n *topology.Network) {
	if c.local {
		c.track(n, TableOutbound, func(m openflow.Match) openflow.Match { return m }, "of what a port sends: ")
	}
}

// track looks up the connections of a network's packets. Connections between two addresses
// of the network are in its own zone, so that they stay there when a router joins it; those
// with other networks are in the router's zone. Both directions of a connection are in the
// same zone on every node.
func (c *Compiler) track(n *topology.Network, to openflow.TableID, also func(openflow.Match) openflow.Match, what Rule) {
	own, ok := c.view.Topo.Numbering(n.Ref().String())
	d := c.view.domainOf(n.Name)
	of, routed := c.view.Topo.Numbering(d)
	if !ok || !routed || !c.view.Policed(d) {
		return
	}
	for _, f := range familiesOf(n) {
		c.match = also(c.match[:0].EthType(ethTypes[f])).Metadata(metadata(n))
		c.trackIn(of.Zone, to, prioNormal, what+rules{"looks up the connection of an IP packet", "looks up the connection of an IPv6 packet"}[f])
		if of.Zone == own.Zone {
			continue
		}
		for _, from := range n.Spec.Subnets {
			for _, dst := range n.Spec.Subnets {
				if model.FamilyOf(from.Prefix.Addr()) == f && model.FamilyOf(dst.Prefix.Addr()) == f {
					c.match = also(between(c.match[:0], from.Prefix, dst.Prefix)).Metadata(metadata(n))
					c.trackIn(own.Zone, to, prioWithin, what+rules{"looks up the connection of an IP packet within the network", "looks up the connection of an IPv6 packet within the network"}[f])
				}
			}
		}
	}
}

// prioWithin is the priority of packets from a network to itself, above those to others.
const prioWithin = 110

// between appends the match of packets from one prefix to another of the same family.
func between(m openflow.Match, from, to netip.Prefix) openflow.Match {
	if from.Addr().Is4() {
		return m.EthType(ethTypeIPv4).IPv4Src(from).IPv4Dst(to)
	}
	return m.EthType(ethTypeIPv6).IPv6Src(from).IPv6Dst(to)
}

func (c *Compiler) trackIn(zone topology.Zone, to openflow.TableID, priority uint16, why Rule) {
	c.actions = c.actions[:0].
		SetReg(regZone, uint32(zone)).
		CT(openflow.CT{Zone: uint16(zone), Table: to})
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(priority, why)
}
