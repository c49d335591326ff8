package pipeline

import (
	"slices"

	"github.com/sdnctl/sdnctl/topology"
)

// CarriesIPv6 reports whether the node has ports of a network with IPv6, or machines outside may
// reach such ports by it. Only then has it flows for IPv6 that belong to no network.
func (v *View) CarriesIPv6(node string) bool {
	n, _ := v.ipv6.Get(node)
	return n > 0 || v.entersIPv6(node)
}

// entersIPv6 reports whether machines outside may reach ports of a network with IPv6 by the node, or such ports
// leave by it with egress addresses.
func (v *View) entersIPv6(node string) bool {
	if v.routedNode(node) || v.egressesIPv6(node) {
		return true
	}
	if !v.hasNodePorts() || !v.enterable(node) {
		return false
	}
	for _, d := range v.domainsOutside() {
		for n := range v.networksIn(d) {
			if x, ok := v.Topo.Network(n); ok && x.Spec.Has(topology.IPv6) {
				return true
			}
		}
	}
	return false
}

// familiesAt returns the families for which the node has flows that belong to no network.
func (v *View) familiesAt(node string) []topology.Family {
	if v.CarriesIPv6(node) {
		return []topology.Family{topology.IPv4, topology.IPv6}
	}
	return []topology.Family{topology.IPv4}
}

// carries reports whether a network has IPv6 and ports on the node.
func (v *View) carries(network, node string) bool {
	n, ok := v.Topo.Network(network)
	return ok && n.Spec.Has(topology.IPv6) && v.HasPorts(network, node)
}

// countIPv6 updates the number of networks with IPv6 that have ports on each node. v was
// made from before by the update, and still has the counts of before.
func (v *View) countIPv6(before *View, u Update) {
	type pair struct{ network, node string }
	seen := map[pair]bool{}
	look := func(network, node string) {
		at := pair{network, node}
		if node == "" || seen[at] {
			return
		}
		seen[at] = true
		was, is := before.carries(network, node), v.carries(network, node)
		if was == is {
			return
		}
		n, _ := v.ipv6.Get(node)
		if n += btoi(is) - btoi(was); n == 0 {
			v.ipv6.Delete(node)
		} else {
			v.ipv6.Set(node, n)
		}
		v.ipv6Changed = append(v.ipv6Changed, node)
	}
	for _, c := range u.Changes {
		if p, ok := c.Before.(*topology.Port); ok {
			look(p.Spec.Network, before.Location(p))
		}
		switch o := c.After.(type) {
		case *topology.Port:
			look(o.Spec.Network, v.Location(o))
		case *topology.Network:
			old, ok := c.Before.(*topology.Network)
			if !ok || old.Spec.Has(topology.IPv6) == o.Spec.Has(topology.IPv6) {
				continue
			}
			for _, at := range []*View{before, v} {
				for node := range seconds(at.byNetwork, o.Name) {
					look(o.Name, node)
				}
			}
		}
	}
	for _, c := range u.Places {
		for _, at := range []*View{before, v} {
			if p, ok := at.Topo.Port(c.Port); ok {
				look(p.Spec.Network, at.Location(p))
			}
		}
	}
}

// ipv6Node marks the nodes that begin to carry IPv6, or no longer do.
func (a *affected) ipv6Node() {
	for _, node := range a.after.ipv6Changed {
		if a.before.CarriesIPv6(node) != a.after.CarriesIPv6(node) {
			a.mark(node, Unit{Kind: UnitNode, Name: node})
			a.policedNode(node)
			a.answeredFamilies(node)
		}
	}
}

// answeredFamilies marks what a node has, by family, for answers to what came from outside.
func (a *affected) answeredFamilies(node string) {
	for _, v := range []*View{a.before, a.after} {
		if !v.answersOutside(node) {
			continue
		}
		for network := range seconds(v.byNode, node) {
			a.mark(node, Unit{Kind: UnitNetwork, Name: network})
		}
		for u := range v.entryUnits(node) {
			a.mark(node, u)
		}
	}
}

// familiesOf yields the families that a network has, IPv4 first.
func familiesOf(n *topology.Network) []topology.Family {
	return slices.DeleteFunc([]topology.Family{topology.IPv4, topology.IPv6}, func(f topology.Family) bool { return !n.Spec.Has(f) })
}

// rules are the rules of a flow, by family.
type rules [2]Rule

// ethTypes are the Ethernet types of IP.
var ethTypes = [...]uint16{topology.IPv4: ethTypeIPv4, topology.IPv6: ethTypeIPv6}
