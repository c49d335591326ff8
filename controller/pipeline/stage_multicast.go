package pipeline

import (
	"net/netip"
	"slices"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TableMulticast sends what a port sends to a group, or to the broadcast address, to the other
// ports of its network.
const TableMulticast openflow.TableID = 133

// groupMembers is, with the VNI of a network, the number of the group that has its ports. It is above
// the numbers of services, and those of affinity and names.
const groupMembers = 1<<31 | 1<<27

// MaxMembers is how many ports of a network on one node, and other nodes with ports of it, get what
// a port there sends to groups: one message of group-mod has room for them, and Open vSwitch follows
// 4,096 resubmits for a packet (ofproto-dpif-xlate.c, MAX_RESUBMITS).
const MaxMembers = 1000

func multicastStage() stage {
	return stage{
		Table:   Table{TableMulticast, "multicast", "to a group or the broadcast address: who gets it", "network; nw_dst", "to all: flood; forward of each port; remote nodes: tunnel"},
		network: (*Compiler).multicastNetwork,
		group:   (*Compiler).multicastGroup,
		groups:  true,
	}
}

// copies reports whether ports of the network get what others send to groups: all of it, or what is
// sent to groups that they have joined.
func copies(n *topology.Network) bool { return n.Spec.Multicast != "" }

// toAllGroups are groups whose packets go to all ports where those of others go to members only, as a
// switch that snoops must forward them (RFC 4541, 2.1.2 and 3): hosts need not report them.
type toAllGroups struct {
	prefix netip.Prefix
	is     Rule
}

var toAll = [...]toAllGroups{
	{netip.PrefixFrom(netip.AddrFrom4([4]byte{224}), 24), "sends packets to the groups of the local network, which hosts need not report, to all of the network"},
	{netip.PrefixFrom(netip.IPv6LinkLocalAllNodes(), 128), "sends packets to the group of all hosts to all of the network"},
	{netip.PrefixFrom(netip.AddrFrom16([16]byte{0xff, 0x02, 11: 1, 12: 0xff}), 104), "sends packets to groups of neighbour discovery, which hosts need not report, to all of the network"},
}

// Priorities in multicast, around those of the groups of all ports.
const (
	prioQuery   = 120
	prioMembers = 90
)

// multicastNetwork has a group copy a packet to each port of the network here, and to each other node
// that has ports of it, if the network is stretched. No copy goes back to the port that sent the
// packet, or into the tunnel from which it came: a switch does not send a packet out of the port that
// it came in by (OpenFlow 1.3.5, 7.2.5).
func (c *Compiler) multicastNetwork(n *topology.Network) {
	if !copies(n) || !c.local {
		return
	}
	id := groupMembers | uint32(n.VNI)
	if snoops(n) {
		c.multicastToAll(n, id)
	} else {
		c.match = c.match[:0].Metadata(metadata(n))
		c.toAll(n, id)
		c.emit(prioNormal, "sends packets to groups to all of the network")
	}
	if c.only != onlyFlows {
		c.emitGroup(c.copying(id, c.view.membersOn(n, c.node), c.view.numMembersOn(n, c.node), c.view.memberNodes(n, c.node)),
			"has the ports of the network here, and the other nodes that have some")
	}
}

// toGroup completes a flow that has a group of the switch copy packets.
func (c *Compiler) toGroup(id uint32) {
	c.actions = c.actions[:0].Group(id)
	c.instr = c.instr[:0].ApplyActions(c.actions)
}

// copying returns the group that copies a packet to the interfaces of ports on the node and to other
// nodes: to as many as get copies, ports first. count is how many ports there are, with an interface
// or without.
func (c *Compiler) copying(id uint32, ports []openflow.PortNo, count int, nodes []string) openflow.Group {
	g := openflow.Group{ID: id, Type: openflow.GroupTypeAll}
	for _, number := range ports[:min(len(ports), MaxMembers)] {
		c.actions = c.actions[:0].SetReg(regOutPort, uint32(number)).Resubmit(openflow.PortInPort, TableForward)
		g.Buckets = g.Buckets.Add(openflow.Bucket{WatchPort: openflow.PortAny, WatchGroup: openflow.GroupAny, Actions: c.actions})
	}
	for _, node := range nodes[:min(len(nodes), max(0, MaxMembers-count))] {
		if vtep := c.vtepOf(node); vtep.IsValid() {
			c.actions = c.actions[:0].SetTunnelDst(vtep).Resubmit(openflow.PortInPort, TableTunnel)
			g.Buckets = g.Buckets.Add(openflow.Bucket{WatchPort: openflow.PortAny, WatchGroup: openflow.GroupAny, Actions: c.actions})
		}
	}
	return g
}

// multicastToAll sends to all ports what hosts of a network that snoops need not ask for, and drops
// the questions of ports, which sdnd asks itself: hosts would answer in the oldest version that they
// have seen (RFC 3376, 7.2.1; RFC 3810, 8.2.1). Questions of IGMP go to sdnd, as reports do.
func (c *Compiler) multicastToAll(n *topology.Network, id uint32) {
	for _, f := range familiesOf(n) {
		if f == topology.IPv4 {
			c.match = c.match[:0].EthDst(topology.MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}).Metadata(metadata(n))
			c.toAll(n, id)
			c.emit(prioNormal, "sends packets to the broadcast address to all of the network")
		} else {
			c.match = c.match[:0].EthType(ethTypeIPv6).IPProto(protoICMPv6).ICMPv6Type(listenerQuery).Metadata(metadata(n))
			c.instr = c.instr[:0]
			c.emit(prioQuery, "drops questions of ports who listens to groups, which sdnd asks itself")
		}
		for _, a := range toAll {
			if model.FamilyOf(a.prefix.Addr()) == f {
				c.match = toPrefix(c.match[:0], a.prefix).Metadata(metadata(n))
				c.toAll(n, id)
				c.emit(prioNormal, a.is)
			}
		}
	}
}

// multicastGroup sends what is for a group of a network that snoops to the ports here that have joined
// it, and to the other nodes that have such ports.
func (c *Compiler) multicastGroup(n *topology.Network, group netip.Addr) {
	number, ok := c.view.joins.numbers.Get(pairOf(n.Name, group.String()))
	if !ok || !snoops(n) || !c.local {
		return
	}
	ports, count := c.view.joinedOn(n.Name, group, c.node)
	nodes := c.view.joinedNodes(n, group, c.node)
	if count+len(nodes) == 0 {
		return
	}
	id := groupMembers | numbersOfGroups | number
	c.match = toPrefix(c.match[:0], host(group)).Metadata(metadata(n))
	c.toGroup(id)
	c.emit(prioMembers, rules{"sends packets to a group to its members", "sends IPv6 packets to a group to its members"}[model.FamilyOf(group)])
	if c.only != onlyFlows {
		c.emitGroup(c.copying(id, ports, count, nodes), "has the ports here that have joined the group, and the other nodes that have some")
	}
}

// Overfull returns the nodes on which a network that carries multicast has more members than get what
// is sent to groups, sorted.
func (v *View) Overfull(n *topology.Network) (nodes []string) {
	if !copies(n) {
		return nil
	}
	others := 0
	if n.Spec.Mode == topology.Stretched {
		for range seconds(v.byNetwork, n.Name) {
			others++
		}
		others--
	}
	for node := range seconds(v.byNetwork, n.Name) {
		if v.numMembersOn(n, node)+others > MaxMembers {
			nodes = append(nodes, node)
		}
	}
	return nodes
}

// membersOn returns the numbers of the interfaces of a network's ports on a node.
func (v *View) membersOn(n *topology.Network, node string) (numbers []openflow.PortNo) {
	for p := range v.PortsOn(node) {
		if at := v.Place(p.Name); p.Spec.Network == n.Name && at.Node == node && at.OFPort != 0 {
			numbers = append(numbers, at.OFPort)
		}
	}
	slices.Sort(numbers)
	return numbers
}

// numMembersOn returns how many ports of a network are on a node, with an interface or without.
func (v *View) numMembersOn(n *topology.Network, node string) int {
	count, _ := v.byNetwork.Get(pairOf(n.Name, node))
	return count
}

// memberNodes returns the other nodes that are in a node's layer-2 domain of a network, sorted.
func (v *View) memberNodes(n *topology.Network, node string) (nodes []string) {
	if n.Spec.Mode == topology.Segmented {
		return nil
	}
	for other := range seconds(v.byNetwork, n.Name) {
		if other != node {
			nodes = append(nodes, other)
		}
	}
	return nodes
}

// forwardMulticast sends packets to groups on to who gets them. What comes back has the port that is
// to get the packet, so that it is not copied again.
func (c *Compiler) forwardMulticast(n *topology.Network) {
	if copies(n) && c.local {
		c.match = toGroup(c.match[:0].Reg(regOutPort, 0)).Metadata(metadata(n))
		c.instr = c.instr[:0].GotoTable(TableMulticast)
		c.emit(prioNormal, "copies packets to groups, and to the broadcast address")
	}
}

// toGroup appends the match of frames to groups and to the broadcast address: both have the first bit
// that is sent (IEEE 802, 8.2.2).
func toGroup(m openflow.Match) openflow.Match {
	return m.EthDstMasked(openflow.MAC{1}, openflow.MAC{1})
}

// forwardCopy delivers to the port a copy of what is sent to a group.
func (c *Compiler) forwardCopy(n *topology.Network, out openflow.PortNo) {
	if copies(n) {
		c.match = toGroup(c.match[:0].Reg(regOutPort, uint32(out))).Metadata(metadata(n))
		c.forwardTo(out, "copies of packets to groups: ")
	}
}

// classifyDiscover lets a port of a network without DHCP ask other ports for an address, where these
// get what is sent to the broadcast address.
func (c *Compiler) classifyDiscover(p *topology.Port, in openflow.PortNo) {
	if _, ok := p.Address(topology.IPv4); !ok || !copies(c.network) || c.network.Spec.DHCP.Enabled || p.Spec.PortSecurity == model.PortSecurityOff {
		return
	}
	c.match = c.match[:0].InPort(in).EthSrc(p.MAC).EthType(ethTypeIPv4).VLANUntagged().IPProto(protoUDP).
		IPv4Src(host(netip.IPv4Unspecified())).UDPSrc(dhcpClient).UDPDst(dhcpServer)
	c.emit(prioAsk, c.identify(topology.IPv4, "takes requests for an address by DHCP from the port, for servers among the ports"))
}
