package topology

import (
	"iter"
	"net/netip"

	"github.com/sdnctl/sdnctl/topology/model"
)

// Node returns the node of a name, in lower case, that has one in a domain. All nodes have names in
// the domains of networks with host access, whose ports reach them.
func (n Names) Node(name, domain string) (*Node, bool) {
	if !n.hasNodes(domain) {
		return nil, false
	}
	return n.x.nodes.Get(name)
}

// Nodes yields the nodes that have names in a domain.
func (n Names) Nodes(domain string) iter.Seq[*Node] {
	if !n.hasNodes(domain) {
		return func(func(*Node) bool) {}
	}
	return all(n.x.nodes)
}

// NodeAt returns the node with an address by which the network's ports reach it; ok is false if the
// network has no host access. It looks at all nodes.
func (n Names) NodeAt(a netip.Addr) (o *Node, ok bool) {
	if !n.network.Spec.HostAccess {
		return nil, false
	}
	for o := range all(n.x.nodes) {
		if is, ok := o.Spec.Address(model.FamilyOf(a)); ok && is == a {
			return o, true
		}
	}
	return nil, false
}

// hasNodes reports whether nodes have names in a domain.
func (n Names) hasNodes(domain string) bool {
	for o := range n.networks(domain) {
		if o.Spec.HostAccess {
			return true
		}
	}
	return false
}
