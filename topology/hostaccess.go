package topology

import (
	"fmt"
	"iter"
	"net/netip"

	"github.com/tidwall/btree"

	"github.com/sdnctl/sdnctl/topology/model"
)

// hostIndex has the networks with host access, and the nodes by their own addresses.
type hostIndex struct {
	networks  *btree.Map[string, *Network] // by name
	addresses *btree.Map[string, *Node]    // by addressKey
}

func newHostIndex() hostIndex {
	return hostIndex{btree.NewMap[string, *Network](treeDegree), btree.NewMap[string, *Node](treeDegree)}
}

func (x *hostIndex) fork() hostIndex { return hostIndex{x.networks.Copy(), x.addresses.Copy()} }

// addressKey orders addresses by family and number.
func addressKey(a netip.Addr) string {
	return string(append([]byte{byte(model.FamilyOf(a))}, a.AsSlice()...))
}

func (x *hostIndex) putNode(n *Node) {
	for _, f := range model.Families() {
		if a, ok := n.Spec.Address(f); ok {
			x.addresses.Set(addressKey(a), n)
		}
	}
}

func (x *hostIndex) dropNode(n *Node) {
	for _, f := range model.Families() {
		if a, ok := n.Spec.Address(f); ok {
			x.addresses.Delete(addressKey(a))
		}
	}
}

// within returns the nodes with an address in a prefix.
func (x *hostIndex) within(p netip.Prefix) iter.Seq2[netip.Addr, *Node] {
	return func(yield func(netip.Addr, *Node) bool) {
		x.addresses.Ascend(addressKey(p.Masked().Addr()), func(_ string, n *Node) bool {
			a, _ := n.Spec.Address(model.FamilyOf(p.Addr()))
			return p.Contains(a) && yield(a, n)
		})
	}
}

// checkAddresses requires that no other node has one of a node's own addresses.
func (p *planner) checkAddresses(it *item, n *Node) {
	for _, f := range model.Families() {
		a, ok := n.Spec.Address(f)
		if !ok {
			continue
		}
		if o, taken := p.x.hosts.addresses.Get(addressKey(a)); taken {
			field := "spec.addresses"
			if a == n.Spec.TunnelIP {
				field = "spec.tunnelIP"
			}
			p.bad(it, Conflict, field, fmt.Sprintf("%s belongs to %s", a, o.Ref()), "give addresses of this node")
		}
	}
}

// checkHostAccess requires that networks with host access have no address in common with
// each other or with a node: a node's kernel has one route for each address.
func (p *planner) checkHostAccess() {
	for _, it := range p.of(KindNetwork) {
		if n, ok := it.after.(*Network); ok && !it.broken && n.Spec.HostAccess {
			p.checkAccessible(it, n)
		}
	}
	for _, it := range p.of(KindNode) {
		n, ok := it.after.(*Node)
		if !ok || it.broken {
			continue
		}
		for o := range all(p.x.hosts.networks) {
			if own, ok := p.items[o.Ref()]; ok && !own.same {
				continue // reported there
			}
			for _, s := range o.Spec.Subnets {
				if a, ok := n.Spec.Address(model.FamilyOf(s.Prefix.Addr())); ok && s.Prefix.Contains(a) {
					p.bad(it, Conflict, "spec.addresses", fmt.Sprintf("%s is in %s of %s, which has host access", a, s.Prefix, o.Ref()), "give an address of the node that is in no network of sdnd")
				}
			}
		}
	}
}

// checkAccessible checks one network that has host access.
func (p *planner) checkAccessible(it *item, n *Network) {
	for _, s := range n.Spec.Subnets {
		for a, o := range p.x.hosts.within(s.Prefix) {
			p.bad(it, Conflict, "spec.hostAccess", fmt.Sprintf("%s has the address %s, which is in %s of the network", o.Ref(), a, s.Prefix), "choose a subnet that no node's addresses are in")
			break
		}
	}
	for o := range all(p.x.hosts.networks) {
		own, planned := p.items[o.Ref()]
		if o.Name == n.Name || p.broken(KindNetwork, o.Name) || planned && !own.same && o.Name > n.Name {
			continue // itself, or reported there
		}
		if a, b, ok := overlapping(n, o); ok {
			p.bad(it, Conflict, "spec.hostAccess", fmt.Sprintf("%s overlaps %s of %s, which has host access too: a node could not tell their ports apart", a, b, o.Ref()), "give it to one of them, or choose other subnets")
		}
	}
}

// overlapping returns prefixes of two networks that have an address in common.
func overlapping(x, y *Network) (a, b netip.Prefix, ok bool) {
	for _, s := range x.Spec.Subnets {
		for _, o := range y.Spec.Subnets {
			if s.Prefix.Overlaps(o.Prefix) {
				return s.Prefix, o.Prefix, true
			}
		}
	}
	return a, b, false
}
