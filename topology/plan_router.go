package topology

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
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
