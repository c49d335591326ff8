package topology

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sdnctl/sdnctl/topology/model"
)

// identifying assigns identities to ports.
type identifying struct {
	*planner
	// ports may have another identity than before, and domains other identities.
	ports   map[string]bool
	domains map[string]bool
	// identities and numberings are the keys and references of what may differ.
	identities, numberings map[string]bool
}

// planIdentities assigns the identities by which policies distinguish ports, after
// everything else is planned. Its cost depends on the ports that the ops change, and on
// those that a new or deleted selection picks.
func (p *planner) planIdentities() {
	w := &identifying{planner: p, ports: map[string]bool{}, domains: map[string]bool{}, identities: map[string]bool{}, numberings: map[string]bool{}}
	w.collect()
	for _, name := range slices.Sorted(maps.Keys(w.ports)) {
		w.identify(name)
		was, _ := p.old.x.identities.ofPort.Get(name)
		if is, _ := p.x.identities.ofPort.Get(name); is != was {
			p.identified = append(p.identified, name)
		}
	}
	for _, d := range slices.Sorted(maps.Keys(w.domains)) {
		w.number(d)
		w.release(d)
	}
	w.serve()
	w.egress()
	w.dropGone()
	w.result()
}

// collect finds the ports whose identity may differ.
func (w *identifying) collect() {
	old, now := &w.old.x, &w.x
	if old.selections.byKey.Len()+now.selections.byKey.Len() == 0 {
		return
	}
	for _, it := range w.of(KindPort) {
		if !it.same && !it.broken {
			w.touch(it.ref.Name)
		}
	}
	for _, it := range w.of(model.KindPolicy) {
		if it.same || it.broken {
			continue
		}
		for _, o := range []Object{it.before, it.after} {
			if pol, ok := o.(*Policy); ok {
				w.selections(pol)
			}
		}
	}
	for _, it := range w.of(model.KindPortGroup) {
		if it.same || it.broken || !now.grouped(it.ref.Name) && !old.grouped(it.ref.Name) {
			continue
		}
		if g, ok := it.before.(*PortGroup); ok {
			w.members(old, g)
		}
		if g, ok := it.after.(*PortGroup); ok {
			w.members(now, g)
		}
	}
	for _, it := range w.of(KindRouter) {
		if it.same || it.broken {
			continue
		}
		w.domains[it.ref.String()] = true
		for _, o := range []Object{it.before, it.after} {
			r, ok := o.(*Router)
			if !ok {
				continue
			}
			for _, n := range r.Spec.Networks {
				if old.domainOf(n) == now.domainOf(n) {
					continue
				}
				for port := range now.portsOfNetwork(n) {
					w.touch(port.Name)
				}
			}
		}
	}
}

func (w *identifying) touch(port string) { w.ports[port] = true }

// selections handles the selections of a policy that it is the first or the last to make.
func (w *identifying) selections(p *Policy) {
	for s := range p.Spec.Selections() {
		_, was := w.old.x.selections.byKey.Get(s.Key())
		_, is := w.x.selections.byKey.Get(s.Key())
		if was == is {
			continue
		}
		for port := range w.x.selected(s) {
			w.touch(port.Name)
		}
	}
}

func (w *identifying) members(x *indexes, g *PortGroup) {
	for p := range x.candidates(g) {
		if g.Has(p) {
			w.touch(p.Name)
		}
	}
}

// identify sets the identity of a port.
func (w *identifying) identify(name string) {
	x := &w.x.identities
	if was, ok := x.ofPort.Get(name); ok {
		w.domains[was.Domain] = true
	}
	port, ok := w.x.ports.Get(name)
	if !ok {
		x.give(name, nil)
		return
	}
	keys := w.x.selectionsOf(port)
	if len(keys) == 0 {
		x.give(name, nil)
		return
	}
	domain := w.x.domainOf(port.Spec.Network)
	w.domains[domain] = true
	i, ok := x.bySet.Get(setKey(domain, keys))
	if !ok {
		if i = w.newIdentity(domain, keys); i == nil {
			return
		}
	}
	x.give(name, i)
}

// newIdentity allocates an identity. If none is left, it reports the problem and returns nil.
func (w *identifying) newIdentity(domain string, keys []string) *Identity {
	zone, ok := w.zone(domain)
	if !ok {
		return nil
	}
	index, ok := w.x.identities.free(zone)
	if !ok {
		w.bad(w.blamed(), Exhausted, "", fmt.Sprintf("policies tell more than %d sets of ports apart in %s", maxIdentities, domain), "use fewer different selectors, or fewer different labels that they look at")
		return nil
	}
	i := &Identity{Domain: domain, Index: index, Selections: keys}
	w.x.putIdentity(i, zone)
	w.identities[i.Key()] = true
	return i
}

// zone returns the zone of a network or router, and allocates one if it has none.
func (w *identifying) zone(ref string) (Zone, bool) {
	if z, ok := w.x.numberings.zoneOf(ref); ok {
		return z, true
	}
	z, ok := w.freeZone()
	if !ok {
		return 0, false
	}
	w.x.putNumbering(&Numbering{Of: ref, Zone: z})
	w.numberings[ref] = true
	return z, true
}

// freeZone returns a free zone. If none is left, it reports the problem.
func (w *identifying) freeZone() (Zone, bool) {
	v, ok := w.x.numberings.zones.free(0, span{small(uint32(1)), small(uint32(maxZone))}, nil)
	if !ok {
		w.bad(w.blamed(), Exhausted, "", fmt.Sprintf("policies, services and uplinks concern so many networks and routers that all %d zones of connections are taken", maxZone), "delete networks that are not needed")
	}
	return Zone(v.low), ok
}

// egress allocates the zones of routers that leave by an uplink. They keep them when they
// no longer do.
func (w *identifying) egress() {
	for _, it := range w.of(KindRouter) {
		r, ok := it.after.(*Router)
		if !ok || it.same || it.broken || r.Spec.Egress == nil {
			continue
		}
		if !w.giveZone(r.Ref().String(), func(n *Numbering) *Zone { return &n.Egress }) {
			return
		}
	}
}

// giveZone allocates a further zone of a network or router, in the field of its numbering, if
// it has none. If no zone is left, it reports the problem and returns false.
func (w *identifying) giveZone(ref string, field func(*Numbering) *Zone) bool {
	if _, ok := w.zone(ref); !ok {
		return false
	}
	has, _ := w.x.numberings.byRef.Get(ref)
	if *field(has) != 0 {
		return true
	}
	z, ok := w.freeZone()
	if !ok {
		return false
	}
	now := *has
	*field(&now) = z
	w.x.dropNumbering(has)
	w.x.putNumbering(&now)
	w.numberings[ref] = true
	return true
}

// number makes sure that all networks of a domain with identities have zones, and labels
// for all of the domain's identities.
func (w *identifying) number(domain string) {
	highest := uint32(w.x.identities.highest(domain))
	if highest == 0 {
		return
	}
	for _, n := range w.networksOf(domain) {
		ref := Ref{Kind: KindNetwork, Name: n}.String()
		if _, ok := w.zone(ref); !ok {
			return
		}
		has, _ := w.x.numberings.byRef.Get(ref)
		if has.Labels.Size > highest {
			continue
		}
		size := uint32(minLabels)
		for size <= highest {
			size *= 4
		}
		w.x.dropNumbering(has)
		labels, ok := w.x.freeLabels(size)
		if !ok {
			w.bad(w.blamed(), Exhausted, "", fmt.Sprintf("no %d tunnel keys in a row are free for the identities of %s", size, ref), "delete networks that are not needed, or give networks low VNIs")
			return
		}
		now := *has
		now.Labels = labels
		w.x.putNumbering(&now)
		w.numberings[ref] = true
	}
}

// networksOf returns the networks of a domain.
func (w *identifying) networksOf(domain string) []string {
	kind, name, _ := strings.Cut(domain, "/")
	if Kind(kind) == KindRouter {
		if r, ok := w.x.routers.Get(name); ok {
			return r.Spec.Networks
		}
		return nil
	}
	if _, ok := w.x.networks.Get(name); !ok || w.x.domainOf(name) != domain {
		return nil
	}
	return []string{name}
}

// release deletes the identities of a domain that had no ports before either, so that none
// of their packets is on its way.
func (w *identifying) release(domain string) {
	zone, _ := w.x.numberings.zoneOf(domain)
	for i := range identitiesIn(w.old.x.identities.idle, domain) {
		if _, idle := w.x.identities.idle.Get(i.Key()); idle {
			w.x.dropIdentity(i, zone)
			w.identities[i.Key()] = true
		}
	}
}

// dropGone deletes the numbers of networks and routers that are deleted.
func (w *identifying) dropGone() {
	for _, k := range []Kind{KindNetwork, KindRouter} {
		for _, it := range w.of(k) {
			ref := it.ref.String()
			n, ok := w.x.numberings.byRef.Get(ref)
			if !it.del || it.broken || !ok {
				continue
			}
			for _, i := range slices.Collect(w.x.identities.of(ref)) {
				w.x.dropIdentity(i, n.Zone)
				w.identities[i.Key()] = true
			}
			w.x.dropNumbering(n)
			w.numberings[ref] = true
		}
	}
}

// result records the differences.
func (w *identifying) result() {
	for _, k := range slices.Sorted(maps.Keys(w.identities)) {
		was, _ := w.old.x.identities.byKey.Get(k)
		is, _ := w.x.identities.byKey.Get(k)
		if was != is {
			w.identityChanges = append(w.identityChanges, IdentityChange{was, is})
		}
	}
	for _, k := range slices.Sorted(maps.Keys(w.numberings)) {
		was, _ := w.old.x.numberings.byRef.Get(k)
		is, _ := w.x.numberings.byRef.Get(k)
		if was != is {
			w.numberingChanges = append(w.numberingChanges, NumberingChange{was, is})
		}
	}
}

// blamed returns the item for which a lack of numbers is reported: the first of the ops.
func (p *planner) blamed() *item {
	var first *item
	for _, it := range p.items {
		if first == nil || it.op < first.op {
			first = it
		}
	}
	return first
}
