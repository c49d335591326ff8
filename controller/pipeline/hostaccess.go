package pipeline

import (
	"iter"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// HostChange says that a node's port for host access has another number; 0 is none.
type HostChange struct {
	Node          string
	Before, After openflow.PortNo
}

// Host returns the number of the node's port for host access, 0 if it has none.
func (v *View) Host(node string) openflow.PortNo {
	n, _ := v.hostPorts.Get(node)
	return n
}

// HasHostAccess reports whether ports of the network and the nodes that have them reach
// each other. A network without a gateway has no host access.
func (v *View) HasHostAccess(n *topology.Network) bool {
	if !n.Spec.HostAccess {
		return false
	}
	_, routed := routingDomain(v.Topo, n)
	return routed
}

// HostNode reports whether the node knows a network with host access.
func (v *View) HostNode(node string) bool {
	for name := range v.NetworksOn(node) {
		if n, ok := v.Topo.Network(name); ok && v.HasHostAccess(n) {
			return true
		}
	}
	return false
}

// hosts reports whether a node has flows by which ports of a network reach another node, or
// the node itself: both have ports of the network.
func (v *View) hosts(n *topology.Network, node, at string) bool {
	return v.HasHostAccess(n) && v.HasPorts(n.Name, node) && v.HasPorts(n.Name, at)
}

// hostUnits iterates over the units of a network's host access on a node.
func (v *View) hostUnits(n *topology.Network, at string) iter.Seq[Unit] {
	return func(yield func(Unit) bool) {
		if !v.HasHostAccess(n) || !v.HasPorts(n.Name, at) {
			return
		}
		for node := range seconds(v.byNetwork, n.Name) {
			if !yield(Unit{Kind: UnitHost, Name: n.Name, Part: node}) {
				return
			}
		}
	}
}

// hasHostAccess reports whether a network has or had host access.
func (a *affected) hasHostAccess(network string) bool {
	for _, v := range []*View{a.before, a.after} {
		if n, ok := v.Topo.Network(network); ok && v.HasHostAccess(n) {
			return true
		}
	}
	return false
}

// host marks a node's own part of a network's host access.
func (a *affected) host(network, node string) {
	if a.hasHostAccess(network) {
		a.mark(node, Unit{Kind: UnitHost, Name: network, Part: node})
	}
}

// hostEverywhere marks, on all nodes that have ports of a network, what leads to a node
// itself.
func (a *affected) hostEverywhere(network, node string) {
	if !a.hasHostAccess(network) {
		return
	}
	for n := range a.nodesOf(network) {
		a.mark(n, Unit{Kind: UnitHost, Name: network, Part: node})
	}
}

// hostNode marks the flows that a node has only while it knows a network with host access.
func (a *affected) hostNode(node string) {
	if a.before.HostNode(node) != a.after.HostNode(node) {
		a.mark(node, Unit{Kind: UnitNode, Name: node})
		a.policiesOnward(node)
	}
}

// policiesOnward marks the policies of a node, which note connections that leave or are for a
// node itself only where these are possible.
func (a *affected) policiesOnward(node string) {
	if a.after.PolicedNode(node) {
		a.mark(node, policiesOf(node))
	}
}
