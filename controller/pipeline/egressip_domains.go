package pipeline

import (
	"iter"
	"maps"
	"slices"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// leavingBy yields the egress addresses with which ports of a domain leave. One may come more than
// once. Ports leave only a router that has an uplink, and not with addresses of IPv6 if it routes that.
func (v *View) leavingBy(d domain) iter.Seq[*topology.EgressIP] {
	return func(yield func(*topology.EgressIP) bool) {
		if v.egress.in.Len() == 0 {
			return
		}
		ref := refOfDomain(d)
		r, ok := v.Topo.Router(ref.Name)
		if ref.Kind != topology.KindRouter || !ok || r.Spec.Egress == nil {
			return
		}
		for network := range v.networksIn(d) {
			for name := range seconds(v.egress.in, network) {
				e, ok := v.Topo.EgressIP(name)
				if ok && (e.Spec.Has(topology.IPv4) || !r.Spec.RoutesIPv6()) && !yield(e) {
					return
				}
			}
		}
	}
}

// egressesBy reports whether ports of a domain leave by a node with an egress address, so that the
// node takes part in the domain as if it had a port there.
func (v *View) egressesBy(d domain, node string) bool {
	for e := range v.leavingBy(d) {
		if slices.Contains(e.Spec.Nodes, node) {
			return true
		}
	}
	return false
}

// egressFamilies returns in which families they leave by the node with one.
func (v *View) egressFamilies(d domain, node string) (has [2]bool) {
	for e := range v.leavingBy(d) {
		if !slices.Contains(e.Spec.Nodes, node) {
			continue
		}
		r, _ := v.Topo.Router(refOfDomain(d).Name)
		for _, f := range model.Families() {
			has[f] = has[f] || e.Spec.Has(f) && !(f == topology.IPv6 && r.Spec.RoutesIPv6())
		}
	}
	return has
}

// egressesIPv6 reports whether ports of networks with IPv6 leave by a node with IPv6 egress addresses.
func (v *View) egressesIPv6(node string) bool {
	for d := range v.domainsBy(node) {
		r, _ := v.Topo.Router(refOfDomain(d).Name)
		if v.egressFamilies(d, node)[topology.IPv6] && v.routes(r, topology.IPv6) {
			return true
		}
	}
	return false
}

// hasGateways reports whether ports of a domain leave by any node with an egress address.
func (v *View) hasGateways(d domain) bool {
	for range v.leavingBy(d) {
		return true
	}
	return false
}

// gatewaysOf yields the nodes by which ports of a domain leave with egress addresses. One may come
// more than once.
func (v *View) gatewaysOf(d domain) iter.Seq[string] {
	return func(yield func(string) bool) {
		for e := range v.leavingBy(d) {
			for _, n := range e.Spec.Nodes {
				if !yield(n) {
					return
				}
			}
		}
	}
}

// domainsBy yields the domains whose ports leave by a node with egress addresses. One may come more
// than once.
func (v *View) domainsBy(node string) iter.Seq[domain] {
	return func(yield func(domain) bool) {
		if v.egress.in.Len() == 0 {
			return
		}
		for e := range v.Topo.EgressIPsNaming(topology.Ref{Kind: topology.KindNode, Name: node}) {
			for network := range seconds(v.egress.nets, e.Name) {
				if d := v.domainOf(network); v.egressesBy(d, node) && !yield(d) {
					return
				}
			}
		}
	}
}

// egressDomains returns the domains that may come to leave by other nodes, and all nodes that may be
// concerned.
func egressDomains(before, after *View, u Update) (found map[membership]bool) {
	found = map[membership]bool{}
	c := u.EgressIn(before, after)
	for name := range c.All() {
		for _, v := range []*View{before, after} {
			for network := range seconds(v.egress.nets, name) {
				for _, w := range []*View{before, after} {
					for _, node := range EgressNodes(before, after, map[string]bool{name: true}) {
						found[membership{w.domainOf(network), node}] = true
					}
				}
			}
		}
	}
	for _, x := range u.Changes { // a router that gets an uplink, or another network
		for i, o := range []topology.Object{x.Before, x.After} {
			r, ok := o.(*topology.Router)
			if !ok {
				continue
			}
			v := []*View{before, after}[i]
			for n := range v.gatewaysOf(r.Ref().String()) {
				for _, w := range []*View{before, after} {
					found[membership{r.Ref().String(), n}] = true
					for _, network := range r.Spec.Networks {
						found[membership{w.domainOf(network), n}] = true
					}
				}
			}
		}
	}
	maps.DeleteFunc(found, func(m membership, _ bool) bool {
		return before.egressesBy(m.domain, m.node) == after.egressesBy(m.domain, m.node) &&
			before.egressFamilies(m.domain, m.node) == after.egressFamilies(m.domain, m.node)
	})
	return found
}

// egress adds the memberships of nodes that take part in a domain because its ports leave by them.
func (t *touches) egress(u Update) {
	maps.Copy(t.found, egressDomains(t.before, t.after, u))
}
