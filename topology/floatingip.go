package topology

import (
	"fmt"
	"iter"
	"slices"

	"github.com/tidwall/btree"

	"github.com/sdnctl/sdnctl/topology/model"
)

// FloatingIP is an address on an uplink of the type bridge that leads to ports from outside.
type FloatingIP struct {
	Meta
	Spec model.FloatingIPSpec `json:"spec"`
}

// Ref returns the object's name in the form kind/name.
func (f *FloatingIP) Ref() Ref { return Ref{Kind: KindFloatingIP, Name: f.Name} }

func (f *FloatingIP) spec() Spec { return f.Spec }

func (f *FloatingIP) clone() Object {
	c := *f
	return &c
}

func (f *FloatingIP) load(l *Loader) error {
	for _, ref := range f.Spec.References() {
		if _, ok := l.x.object(ref); !ok {
			return fmt.Errorf("%s: there is no %s %q", f.Ref(), ref.Kind, ref.Name)
		}
	}
	if o, taken := l.x.uplinks.holders.of(f.Spec.Address); taken {
		return fmt.Errorf("%s: %s belongs to %s", f.Ref(), f.Spec.Address, o)
	}
	l.x.putFloating(f)
	return nil
}

func (f *FloatingIP) drop(x, _ *indexes) {
	x.floating.keys(f, func(in *btree.Map[string, *FloatingIP], key string) { in.Delete(key) })
	x.uplinks.holders.release(f.Spec.Address)
}

func (x *indexes) putFloating(f *FloatingIP) {
	x.floating.keys(f, func(in *btree.Map[string, *FloatingIP], key string) { in.Set(key, f) })
	x.uplinks.holders.hold(f.Spec.Address, f.Ref())
}

// floatingIndex has all floating addresses.
type floatingIndex struct {
	byName *btree.Map[string, *FloatingIP]
	// naming has them by the reference of an uplink or port that they name, and their name.
	naming *btree.Map[string, *FloatingIP]
	// whole has, by a port and a family (wholeKey), the one that leads to it as a whole.
	whole *btree.Map[string, *FloatingIP]
}

func newFloatingIndex() floatingIndex {
	return floatingIndex{btree.NewMap[string, *FloatingIP](treeDegree), btree.NewMap[string, *FloatingIP](treeDegree), btree.NewMap[string, *FloatingIP](treeDegree)}
}

func (x *floatingIndex) fork() floatingIndex {
	return floatingIndex{x.byName.Copy(), x.naming.Copy(), x.whole.Copy()}
}

// keys calls set for each key under which an index has the address.
func (x *floatingIndex) keys(f *FloatingIP, set func(in *btree.Map[string, *FloatingIP], key string)) {
	set(x.byName, f.Name)
	for _, ref := range f.Spec.References() {
		set(x.naming, refKey(ref)+f.Name)
	}
	if f.Spec.Port != "" {
		set(x.whole, wholeKey(f))
	}
}

// wholeKey is the key under which floatingIndex.whole has an address.
func wholeKey(f *FloatingIP) string {
	return model.FamilyOf(f.Spec.Address).String() + " " + f.Spec.Port
}

// FloatingIP returns the floating address of that name.
func (s *Snapshot) FloatingIP(name string) (*FloatingIP, bool) { return s.x.floating.byName.Get(name) }

// FloatingIPs returns all floating addresses by name.
func (s *Snapshot) FloatingIPs() iter.Seq[*FloatingIP] { return all(s.x.floating.byName) }

// FloatingIPsNaming returns the floating addresses on an uplink, or that lead to a port, by name.
func (s *Snapshot) FloatingIPsNaming(ref Ref) iter.Seq[*FloatingIP] {
	return under(s.x.floating.naming, refKey(ref))
}

// planFloatingIPs adds the floating addresses, and checks those again whose uplink or ports
// change.
func (p *planner) planFloatingIPs() {
	for _, it := range p.of(KindFloatingIP) {
		if it.del || it.same || it.broken {
			continue
		}
		f := &FloatingIP{Meta: p.meta(it), Spec: it.spec.(model.FloatingIPSpec)}
		for field, ref := range f.Spec.References() {
			if p.broken(ref.Kind, ref.Name) {
				it.broken = true
			} else if _, ok := p.x.object(ref); !ok {
				p.bad(it, NotFound, field, fmt.Sprintf("there is no %s %q", ref.Kind, ref.Name), "create it in the same change or before, or check the name")
			}
		}
		if it.broken {
			continue
		}
		p.checkFloating(it, f)
		p.checkHolder(it, "spec.address", f.Spec.Address, "give another of the uplink's addresses")
		if o, taken := p.x.floating.whole.Get(wholeKey(f)); taken {
			p.bad(it, Conflict, "spec.port", fmt.Sprintf("%s leads to the port already, and what the port sends by %s can leave with one address only", o.Ref(), model.FamilyOf(f.Spec.Address)), "use forwards in one of them")
		}
		if !it.broken {
			p.x.putFloating(f)
			it.after = f
		}
	}
	p.recheckFloating(KindUplink)
	p.recheckFloating(KindPort)
	p.recheckFloatingRouted()
}

// checkFloating checks that an uplink lends a floating address, that the ports have addresses of its
// family, and that their routers translate it; it reports problems for an item.
func (p *planner) checkFloating(it *item, f *FloatingIP) {
	u, ok := p.x.uplinks.byName.Get(f.Spec.Uplink)
	field := func(of string) string {
		if it.ref.Kind != KindFloatingIP {
			return "spec"
		}
		return of
	}
	switch {
	case !ok:
	case u.Spec.Type != model.UplinkBridge:
		p.bad(it, Conflict, field("spec.uplink"), fmt.Sprintf("%s is of the type %s, which has no addresses outside for %s", u.Ref(), u.Spec.Type, f.Ref()), "name an uplink of the type bridge")
	case !u.Spec.Lends(f.Spec.Address):
		p.bad(it, Conflict, field("spec.address"), fmt.Sprintf("%s of %s is none of the addresses of %s", f.Spec.Address, f.Ref(), u.Ref()), fmt.Sprintf("choose one of those that 'sdnctl uplink show %s' lists", u.Name))
	}
	for _, name := range f.Spec.Ports() {
		o, ok := p.x.ports.Get(name)
		if !ok {
			continue
		}
		family := model.FamilyOf(f.Spec.Address)
		if _, has := o.Address(family); !has {
			p.bad(it, Conflict, field("spec.port"), fmt.Sprintf("%s has no %s address, to which %s could lead", o.Ref(), family, f.Ref()), fmt.Sprintf("name a port of a network with an %s subnet", family))
		}
		if r, joined := p.x.routerOf.Get(o.Spec.Network); joined && family == IPv6 && r.Spec.RoutesIPv6() && r.Spec.Egress.Uplink == f.Spec.Uplink {
			at := field("spec.address")
			if it.ref == r.Ref() {
				at = "spec.egress.ipv6"
			}
			p.bad(it, Conflict, at, fmt.Sprintf("%s leads to %s, whose IPv6 leaves %s routed by %s, with its own address: machines outside reach it by that, and no answer would leave with %s", f.Ref(), o.Ref(), r.Ref(), f.Spec.Uplink, f.Spec.Address),
				fmt.Sprintf("remove the floating address, or have the router translate: sdnctl router set %s --egress-ipv6 translated", r.Name))
		}
	}
}

// recheckFloatingRouted checks the IPv6 floating addresses again that lead to ports of a changed router by
// which IPv6 leaves routed. It looks at all floating addresses on the router's uplink.
func (p *planner) recheckFloatingRouted() {
	if p.x.floating.byName.Len() == 0 {
		return
	}
	for _, it := range p.of(KindRouter) {
		r, ok := it.after.(*Router)
		if !ok || it.same || it.broken || !r.Spec.RoutesIPv6() {
			continue
		}
		for f := range under(p.x.floating.naming, refKey(Ref{Kind: KindUplink, Name: r.Spec.Egress.Uplink})) {
			if own, ok := p.items[f.Ref()]; (!ok || own.same) && p.leadsInto(f, r) {
				p.checkFloating(it, f)
			}
		}
	}
}

// leadsInto reports whether a floating address leads to a port of a router.
func (p *planner) leadsInto(f *FloatingIP, r *Router) bool {
	return slices.ContainsFunc(f.Spec.Ports(), func(name string) bool {
		o, ok := p.x.ports.Get(name)
		if !ok {
			return false
		}
		of, joined := p.x.routerOf.Get(o.Spec.Network)
		return joined && of.Name == r.Name
	})
}

// recheckFloating checks the floating addresses again that name a changed object of a kind.
func (p *planner) recheckFloating(k Kind) {
	if p.x.floating.byName.Len() == 0 {
		return
	}
	for _, it := range p.of(k) {
		if it.del || it.same || it.broken {
			continue
		}
		for f := range under(p.x.floating.naming, refKey(it.ref)) {
			if own, ok := p.items[f.Ref()]; !ok || own.same {
				p.checkFloating(it, f)
			}
		}
	}
}

// floatingThatName adds the floating addresses that name an uplink or port to its users.
func (p *planner) floatingThatName(ref Ref, u *users) {
	for f := range under(p.x.floating.naming, refKey(ref)) {
		// One that is planned in these ops reports that itself.
		if own, ok := p.items[f.Ref()]; !ok || own.same {
			u.add(f.Ref())
		}
	}
}
