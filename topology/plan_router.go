package topology

import (
	"cmp"
	"fmt"
	"iter"
	"net/netip"
	"slices"

	"github.com/sdnctl/sdnctl/topology/model"
)

// planRouters adds the routers. Their networks must exist, belong to no other router and
// have no addresses in common. Routers that have a number go first, so that no other router
// gets it.
func (p *planner) planRouters() {
	var fresh []*item
	for _, it := range p.of(KindRouter) {
		switch {
		case it.del || it.same || it.broken:
		case it.before == nil:
			fresh = append(fresh, it)
		default:
			p.placeRouter(it, it.before.(*Router).ID)
		}
	}
	for _, it := range fresh {
		id, ok := p.x.routerIDs.free(0, span{small(FirstRouterID), small(^uint32(0))}, nil)
		if !ok {
			p.bad(it, Exhausted, "", "all numbers of routers are taken", "delete routers that are not needed")
			continue
		}
		p.placeRouter(it, uint32(id.low))
	}
	p.recheckRouters()
}

func (p *planner) placeRouter(it *item, id uint32) {
	r := &Router{Meta: p.meta(it), Spec: it.spec.(RouterSpec), ID: id}
	for i, name := range r.Spec.Networks {
		p.checkJoined(it, name, fmt.Sprintf("spec.networks[%d]", i))
	}
	if e := r.Spec.Egress; e != nil {
		p.checkUplink(it, e)
	}
	if it.broken {
		return
	}
	p.x.putRouter(r)
	it.after = r
	p.checkOverlap(it, r)
	p.checkRoutes(it, r)
	p.checkRouted(it, r)
}

// checkRouted checks that IPv6 can leave a router as it is, and that packets from outside find its ports: the
// uplink has IPv6, and nothing else there has addresses of its networks. It reports problems for an item.
func (p *planner) checkRouted(it *item, r *Router) {
	if !r.Spec.RoutesIPv6() {
		return
	}
	field := func(of string) string {
		if it.ref != r.Ref() {
			return "spec"
		}
		return of
	}
	u, ok := p.x.uplinks.byName.Get(r.Spec.Egress.Uplink)
	switch {
	case !ok:
		return
	case u.Spec.Type != model.UplinkBridge:
		p.bad(it, Conflict, field("spec.egress.ipv6"), fmt.Sprintf("IPv6 of %s is to leave routed, and %s is of the type %s, by which the node's kernel translates all", r.Ref(), u.Ref(), u.Spec.Type), "name an uplink of the type bridge, or write translated")
		return
	case !u.Spec.Subnet6.IsValid():
		p.bad(it, Conflict, field("spec.egress.ipv6"), fmt.Sprintf("IPv6 of %s is to leave routed, and %s has no subnet6", r.Ref(), u.Ref()), "give the uplink a subnet6, or write translated")
		return
	}
	for n, mine := range p.subnets6(r) {
		if mine.Overlaps(u.Spec.Subnet6) {
			p.bad(it, Conflict, field("spec.networks"), fmt.Sprintf("%s of network %q overlaps subnet6 %s of %s, by which IPv6 of %s leaves routed: the router outside would look for its ports there", mine, n, u.Spec.Subnet6, u.Ref(), r.Ref()), "give the network another IPv6 subnet")
		}
		for o := range p.x.routedBy(u.Name) {
			if o.Name == r.Name {
				continue
			}
			for other, theirs := range p.subnets6(o) {
				if mine.Overlaps(theirs) {
					p.bad(it, Conflict, field("spec.networks"), fmt.Sprintf("%s of network %q overlaps %s of network %q, and IPv6 of %s and %s leaves routed by %s: packets from outside would be for both", mine, n, theirs, other, r.Ref(), o.Ref(), u.Ref()), "give the networks IPv6 subnets that have no address in common, or have one of the routers translate (egress.ipv6: translated)")
				}
			}
		}
	}
}

// subnets6 yields the IPv6 subnets of a router's networks, with the networks' names.
func (p *planner) subnets6(r *Router) iter.Seq2[string, netip.Prefix] {
	return func(yield func(string, netip.Prefix) bool) {
		for _, name := range r.Spec.Networks {
			n, ok := p.x.networks.Get(name)
			if !ok || p.broken(KindNetwork, name) {
				continue
			}
			for _, s := range n.Spec.Subnets {
				if !s.Prefix.Addr().Is4() && !yield(name, s.Prefix) {
					return
				}
			}
		}
	}
}

// checkJoined checks that a router may have a network.
func (p *planner) checkJoined(it *item, network, field string) {
	if p.broken(KindNetwork, network) {
		return
	}
	if _, ok := p.x.networks.Get(network); !ok {
		p.bad(it, NotFound, field, fmt.Sprintf("there is no network %q", network), "create it in the same change or before, or check the name")
		return
	}
	if o, ok := p.x.routerOf.Get(network); ok {
		p.bad(it, Conflict, field, fmt.Sprintf("network %q is joined to %s", network, o.Ref()), "a network has at most one router: remove it there first, or join the others to that router")
	}
}

// recheckRouters checks the routers whose networks or uplinks have changed again.
func (p *planner) recheckRouters() {
	p.recheckRoutesBy()
	seen := make(map[*Router]bool)
	for _, it := range p.of(KindNetwork) {
		if it.del || it.broken || !p.moved[it.ref.Name] {
			continue
		}
		r, ok := p.x.routerOf.Get(it.ref.Name)
		if !ok || seen[r] {
			continue
		}
		seen[r] = true
		if own, ok := p.items[r.Ref()]; !ok || own.same {
			p.checkOverlap(it, r)
			p.checkRoutes(it, r)
			p.checkRouted(it, r)
		}
	}
}

// checkOverlap checks that the networks of a router have no address in common, and reports
// problems for the item.
func (p *planner) checkOverlap(it *item, r *Router) {
	type part struct {
		prefix  netip.Prefix
		network string
	}
	var parts []part
	for _, name := range r.Spec.Networks {
		n, ok := p.x.networks.Get(name)
		if !ok || p.broken(KindNetwork, name) {
			continue
		}
		for _, s := range n.Spec.Subnets {
			parts = append(parts, part{s.Prefix, name})
		}
	}
	slices.SortFunc(parts, func(a, b part) int {
		return cmp.Or(a.prefix.Addr().Compare(b.prefix.Addr()), a.prefix.Bits()-b.prefix.Bits(), cmp.Compare(a.network, b.network))
	})
	field := "spec.networks"
	if it.ref.Kind == KindNetwork {
		field = "spec.subnets"
	}
	widest := 0 // prefixes nest or are disjoint: the last one that none holds
	for i := 1; i < len(parts); i++ {
		a, b := parts[widest], parts[i]
		if !a.prefix.Overlaps(b.prefix) {
			widest = i
			continue
		}
		if a.network == b.network {
			continue
		}
		p.bad(it, Conflict, field, fmt.Sprintf("%s of network %q overlaps %s of network %q, and %s joins both", b.prefix, b.network, a.prefix, a.network, r.Ref()), "give networks of one router subnets that have no address in common")
	}
}
