package topology

import (
	"cmp"
	"fmt"
	"iter"
	"net/netip"
	"slices"

	"github.com/sdnctl/sdnctl/topology/model"
)

// outsideOf yields the further addresses of a port that are in no subnet of its
// network: routers lead to them by the port.
func (p *Port) outsideOf(n *Network) iter.Seq[netip.Prefix] {
	return func(yield func(netip.Prefix) bool) {
		for _, a := range p.Spec.Addresses {
			if r, ok := a.Range(); ok && n.isOutside(r) && !yield(r) {
				return
			}
		}
	}
}

// Outside yields the further addresses of a port of the network that are in no subnet
// of it.
func (n *Network) Outside(p *Port) iter.Seq[netip.Prefix] { return p.outsideOf(n) }

// isOutside reports whether a range is in no subnet, and no link-local address.
func (n *Network) isOutside(r netip.Prefix) bool {
	return !r.Addr().IsLinkLocalUnicast() && !slices.ContainsFunc(n.Spec.Subnets, func(s Subnet) bool { return s.Prefix.Overlaps(r) })
}

func (p *Port) hasOutside(x *indexes) bool {
	if len(p.Spec.Addresses) == 0 {
		return false
	}
	n, ok := x.networks.Get(p.Spec.Network)
	if !ok {
		return false
	}
	for range p.outsideOf(n) {
		return true
	}
	return false
}

// allowsFurther says why a port may not have a further range; "" if it may. Within a subnet
// it may have addresses that another port could have, in a segmented network only of its
// own block; elsewhere any, if the network is stretched.
func (s *space) allowsFurther(n *Network, r netip.Prefix) string {
	if f := model.FamilyOf(r.Addr()); !n.Spec.Has(f) {
		return fmt.Sprintf("%s is %s, of which %s has no subnet", r, f, n.Ref())
	}
	span := spanOf(r)
	for _, f := range s.in {
		for _, in := range f {
			if in.has(span.from) && in.has(span.to) {
				for _, no := range s.skip {
					if !no.to.less(span.from) && !span.to.less(no.from) {
						return fmt.Sprintf("%s has an address that no port of %s may have: its gateway, or one that is reserved, or the first or last of the subnet", r, n.Ref())
					}
				}
				return ""
			}
		}
	}
	switch {
	case r.Addr().IsLinkLocalUnicast():
		return ""
	case !n.isOutside(r):
		return fmt.Sprintf("%s is only partly in a subnet of %s, or in the block of another node", r, n.Ref())
	case n.Spec.Mode == Segmented:
		return fmt.Sprintf("%s is not in the block that the node has of %s, and no other node would lead there", r, n.Ref())
	}
	return ""
}

// takeFurther gives a port its further addresses.
func (p *planner) takeFurther(w *placing) {
	const fix = "choose another, or remove it where it is first"
	for i, a := range w.port.Spec.Addresses {
		r, ok := a.Range()
		if !ok {
			continue
		}
		field := fmt.Sprintf("spec.addresses[%d]", i)
		if why := w.in.allowsFurther(w.n, r); why != "" {
			p.bad(w.it, Invalid, field, why, "choose another range")
			continue
		}
		if o, taken := p.x.holder(w.n.VNI, spanOf(r)); taken {
			p.bad(w.it, Conflict, field, fmt.Sprintf("%s is held by %s", shortest(r), o.Ref()), fix)
			continue
		}
		if mac, ok := macOf(r.Addr()); ok && r.IsSingleIP() && r.Addr().Is6() {
			if o, taken := p.x.portByMAC(w.n.VNI, mac); taken || p.gatewayHas(w.n, w.port.Spec.Node, mac) {
				p.bad(w.it, Conflict, field, fmt.Sprintf("%s is the link-local address of %s", r.Addr(), cmp.Or(refText(o), "the gateway")), fix)
				continue
			}
		}
		p.x.take(w.n.VNI, spanOf(r), w.port)
	}
}

func refText(o *Port) string {
	if o == nil {
		return ""
	}
	return o.Ref().String()
}

// shortest returns a range as text, a single address without its length.
func shortest(r netip.Prefix) string {
	if r.IsSingleIP() {
		return r.Addr().String()
	}
	return r.String()
}

// checkOutside checks, for the networks that a router joins, that no range which it routes
// to a port belongs to another network or to a port there.
func (p *planner) checkOutside() {
	if p.x.outside.Len() == 0 {
		return
	}
	seen := map[*Router]bool{}
	check := func(network string, it *item) {
		if r, ok := p.x.routerOf.Get(network); ok && !seen[r] {
			seen[r] = true
			p.checkOutsideOf(r, it)
		}
	}
	for _, it := range p.of(KindPort) {
		if o, ok := it.after.(*Port); ok && !it.same && !it.broken && len(o.Spec.Addresses) > 0 {
			check(o.Spec.Network, it)
		}
	}
	for _, it := range p.of(KindRouter) {
		if r, ok := it.after.(*Router); ok && !it.same && !it.broken && !seen[r] {
			seen[r] = true
			p.checkOutsideOf(r, it)
		}
	}
	for _, it := range p.of(KindNetwork) {
		if n, ok := it.after.(*Network); ok && !it.broken && p.moved[n.Name] {
			check(n.Name, it)
		}
	}
}

// checkOutsideOf checks one router, and reports problems for an item.
func (p *planner) checkOutsideOf(r *Router, it *item) {
	type part struct {
		prefix netip.Prefix
		of     string
		port   bool
	}
	var parts []part
	for _, name := range r.Spec.Networks {
		n, ok := p.x.networks.Get(name)
		if !ok {
			continue
		}
		for _, s := range n.Spec.Subnets {
			parts = append(parts, part{s.Prefix, n.Ref().String(), false})
		}
		p.x.outside.Ascend(&Port{Spec: PortSpec{Network: name}}, func(o *Port) bool {
			if o.Spec.Network != name {
				return false
			}
			for out := range o.outsideOf(n) {
				parts = append(parts, part{out, o.Ref().String(), true})
			}
			return true
		})
	}
	for i, route := range r.Spec.Routes {
		for _, a := range parts {
			if a.port && a.prefix.Overlaps(route.To) && a.prefix.Bits() <= route.To.Bits() {
				field := ""
				if it.ref == r.Ref() {
					field = fmt.Sprintf("spec.routes[%d].to", i)
				}
				p.bad(it, Conflict, field, fmt.Sprintf("the route to %s of %s lies in %s of %s, to which the router leads already", route.To, r.Ref(), a.prefix, a.of), "remove the route, or the addresses of the port")
			}
		}
	}
	slices.SortFunc(parts, func(a, b part) int {
		return cmp.Or(a.prefix.Addr().Compare(b.prefix.Addr()), a.prefix.Bits()-b.prefix.Bits(), cmp.Compare(a.of, b.of))
	})
	widest := 0 // prefixes nest or are disjoint: the last one that none holds
	for i := 1; i < len(parts); i++ {
		a, b := parts[widest], parts[i]
		if !a.prefix.Overlaps(b.prefix) {
			widest = i
			continue
		}
		if (a.port || b.port) && a.of != b.of {
			p.bad(it, Conflict, "", fmt.Sprintf("%s of %s overlaps %s of %s, and %s joins both", b.prefix, b.of, a.prefix, a.of, r.Ref()), "give them ranges that have no address in common")
		}
	}
}
