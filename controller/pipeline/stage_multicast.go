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
		Table:   Table{TableMulticast, "multicast", "to a group or the broadcast address: who gets it", "network", "forward of each port; remote nodes: tunnel"},
		network: (*Compiler).multicastNetwork,
		groups:  true,
	}
}

// floods reports whether ports of the network get what others send to groups.
func floods(n *topology.Network) bool { return n.Spec.Multicast == model.MulticastFlood }

// multicastNetwork has a group copy a packet to each port of the network here, and to each other node
// that has ports of it, if the network is stretched. No copy goes back to the port that sent the
// packet, or into the tunnel from which it came: a switch does not send a packet out of the port that
// it came in by (OpenFlow 1.3.5, 7.2.5).
func (c *Compiler) multicastNetwork(n *topology.Network) {
	if !floods(n) || !c.local {
		return
	}
	id := groupMembers | uint32(n.VNI)
	c.match = c.match[:0].Metadata(metadata(n))
	c.actions = c.actions[:0].Group(id)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioNormal, "sends packets to groups to all of the network")
	if c.only == onlyFlows {
		return
	}
	g := openflow.Group{ID: id, Type: openflow.GroupTypeAll}
	for _, number := range c.view.membersOn(n, c.node) {
		c.actions = c.actions[:0].SetReg(regOutPort, uint32(number)).Resubmit(openflow.PortInPort, TableForward)
		g.Buckets = g.Buckets.Add(openflow.Bucket{WatchPort: openflow.PortAny, WatchGroup: openflow.GroupAny, Actions: c.actions})
	}
	left := MaxMembers - c.view.numMembersOn(n, c.node)
	for _, node := range c.view.memberNodes(n, c.node) {
		vtep := c.vtepOf(node)
		if left--; left < 0 {
			break
		}
		if vtep.IsValid() {
			c.actions = c.actions[:0].SetTunnelDst(vtep).Resubmit(openflow.PortInPort, TableTunnel)
			g.Buckets = g.Buckets.Add(openflow.Bucket{WatchPort: openflow.PortAny, WatchGroup: openflow.GroupAny, Actions: c.actions})
		}
	}
	c.emitGroup(g, "has the ports of the network here, and the other nodes that have some")
}

// Overfull returns the nodes on which a network that carries multicast has more members than get what
// is sent to groups, sorted.
func (v *View) Overfull(n *topology.Network) (nodes []string) {
	if !floods(n) {
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

// membersOn returns the numbers of the interfaces of a network's ports on a node, as many as get what
// is sent to groups.
func (v *View) membersOn(n *topology.Network, node string) (numbers []openflow.PortNo) {
	for p := range v.PortsOn(node) {
		if at := v.Place(p.Name); p.Spec.Network == n.Name && at.Node == node && at.OFPort != 0 {
			numbers = append(numbers, at.OFPort)
		}
	}
	slices.Sort(numbers)
	return numbers[:min(len(numbers), MaxMembers)]
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
	if floods(n) && c.local {
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
	if floods(n) {
		c.match = toGroup(c.match[:0].Reg(regOutPort, uint32(out))).Metadata(metadata(n))
		c.forwardTo(out, "copies of packets to groups: ")
	}
}

// classifyDiscover lets a port of a network without DHCP ask other ports for an address, where these
// get what is sent to the broadcast address.
func (c *Compiler) classifyDiscover(p *topology.Port, in openflow.PortNo) {
	if _, ok := p.Address(topology.IPv4); !ok || !floods(c.network) || c.network.Spec.DHCP.Enabled || p.Spec.PortSecurity == model.PortSecurityOff {
		return
	}
	c.match = c.match[:0].InPort(in).EthSrc(p.MAC).EthType(ethTypeIPv4).VLANUntagged().IPProto(protoUDP).
		IPv4Src(host(netip.IPv4Unspecified())).UDPSrc(dhcpClient).UDPDst(dhcpServer)
	c.emit(prioAsk, c.identify(topology.IPv4, "takes requests for an address by DHCP from the port, for servers among the ports"))
}
