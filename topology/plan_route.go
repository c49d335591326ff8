package topology

import (
	"fmt"
	"net/netip"

	"github.com/sdnctl/sdnctl/topology/model"
)

// HopNetwork returns the network of a router in whose subnet a next hop is.
func (s *Snapshot) HopNetwork(r *Router, hop netip.Addr) (*Network, bool) {
	return s.x.hopNetwork(r, hop)
}

func (x *indexes) hopNetwork(r *Router, hop netip.Addr) (*Network, bool) {
	for _, name := range r.Spec.Networks {
		n, ok := x.networks.Get(name)
		if !ok {
			continue
		}
		for _, s := range n.Spec.Subnets {
			if s.Prefix.Contains(hop) {
				return n, true
			}
		}
	}
	return nil, false
}

// hopUplink returns the uplink of the type bridge by which a router leaves, if a next hop is in
// its subnet.
func (x *indexes) hopUplink(r *Router, hop netip.Addr) (*Uplink, bool) {
	if r.Spec.Egress == nil {
		return nil, false
	}
	u, ok := x.uplinks.byName.Get(r.Spec.Egress.Uplink)
	if !ok || u.Spec.Type != model.UplinkBridge {
		return nil, false
	}
	subnet, ok := u.Spec.SubnetOf(model.FamilyOf(hop))
	return u, ok && subnet.Contains(hop)
}

// checkRoutes checks the routes of a router against its networks and its uplink, and reports
// problems for an item.
func (p *planner) checkRoutes(it *item, r *Router) {
	for i, route := range r.Spec.Routes {
		field := func(of string) string {
			if it.ref != r.Ref() {
				return "spec"
			}
			return fmt.Sprintf("spec.routes[%d].%s", i, of)
		}
		p.checkRouteTo(it, r, route, field("to"))
		var ports, outside bool
		for j, hop := range route.Via {
			at := field(fmt.Sprintf("via[%d]", j))
			if n, ok := p.x.hopNetwork(r, hop); ok {
				ports = true
				p.checkHop(it, r, n, hop, at)
				continue
			}
			u, ok := p.x.hopUplink(r, hop)
			switch {
			case !ok:
				if p.networksBroken(r) {
					continue
				}
				p.bad(it, Conflict, at, fmt.Sprintf("next hop %s of %s is in no network of the router, and not in the subnet of a bridge uplink by which it leaves", hop, r.Ref()), "give the address of a port in one of its networks, or join the network of the next hop")
			case u.Spec.Lends(hop):
				p.bad(it, Conflict, at, fmt.Sprintf("next hop %s of %s is one of the addresses of %s, which no other machine has", hop, r.Ref(), u.Ref()), "give the address of a router on that network")
			default:
				if s, _ := u.Spec.SubnetOf(model.FamilyOf(hop)); s.Overlaps(route.To) && s.Bits() <= route.To.Bits() {
					p.bad(it, Conflict, field("to"), fmt.Sprintf("the route to %s of %s lies in subnet %s of %s, which is reached directly", route.To, r.Ref(), s, u.Ref()), "give a range outside of that subnet, or a wider one: the subnet comes first")
					continue
				}
				outside = true
			}
		}
		if ports && outside {
			p.bad(it, Conflict, field("via"), fmt.Sprintf("next hops of the route to %s of %s are in its networks and outside", route.To, r.Ref()), "give next hops of one kind")
		}
	}
}

// networksBroken reports whether a network of a router has a problem of its own.
func (p *planner) networksBroken(r *Router) bool {
	for _, name := range r.Spec.Networks {
		if p.broken(KindNetwork, name) {
			return true
		}
	}
	return false
}

// checkRouteTo requires that a route takes no addresses from networks of its router.
func (p *planner) checkRouteTo(it *item, r *Router, route model.Route, field string) {
	for _, name := range r.Spec.Networks {
		n, ok := p.x.networks.Get(name)
		if !ok || p.broken(KindNetwork, name) {
			continue
		}
		for _, s := range n.Spec.Subnets {
			if s.Prefix.Overlaps(route.To) && s.Prefix.Bits() <= route.To.Bits() {
				p.bad(it, Conflict, field, fmt.Sprintf("the route to %s of %s lies in subnet %s of network %q, which is reached directly", route.To, r.Ref(), s.Prefix, name), "give a range outside of the router's networks, or a wider one: their subnets come first")
			}
		}
	}
}

// checkHop requires that a next hop in a network of the router is no gateway there.
func (p *planner) checkHop(it *item, r *Router, n *Network, hop netip.Addr, field string) {
	gateway := false
	for _, s := range n.Spec.Subnets {
		gateway = gateway || s.Gateway.Addr == hop
	}
	p.x.blocks.Ascend(blockEntry{a: n.Name}, func(e blockEntry) bool {
		if e.a != n.Name {
			return false
		}
		for _, of := range e.block.Ranges() {
			gateway = gateway || of.Gateway == hop
		}
		return !gateway
	})
	if gateway {
		p.bad(it, Conflict, field, fmt.Sprintf("%s is the router's own address in network %q, so packets would come back to %s", hop, n.Name, r.Ref()), "give the address of a port that forwards them")
	}
}

// recheckRoutesBy checks the routes of routers again that leave by a changed uplink, and those that IPv6
// leaves by it as it is.
func (p *planner) recheckRoutesBy() {
	for _, it := range p.of(KindUplink) {
		if it.del || it.same || it.broken || it.before == nil {
			continue
		}
		for r := range p.x.routersBy(it.ref.Name) {
			if own, ok := p.items[r.Ref()]; !ok || own.same {
				p.checkRoutes(it, r)
				p.checkRouted(it, r)
			}
		}
	}
}
