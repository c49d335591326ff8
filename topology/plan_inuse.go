package topology

import "fmt"

// checkInUse refuses to delete what other objects need after the transaction.
func (p *planner) checkInUse() {
	for i, items := range p.byKind {
		for _, it := range items {
			if !it.del || it.broken {
				continue
			}
			if u := p.kinds[i].users(p, it); u.any() {
				p.bad(it, InUse, "", fmt.Sprintf("in use by %s", u), "delete or change them in the same change or before")
			}
		}
	}
}

func (p *planner) usersOfNode(it *item) *users {
	u := &users{}
	for n := range all(p.x.segmented) {
		if own, ok := p.items[n.Ref()]; ok && !own.same {
			continue // planned in these ops, which says so there
		}
		for _, b := range n.Spec.Blocks {
			if b.Node == it.ref.Name {
				u.add(text(n.Ref().String() + " (in its spec.blocks)"))
			}
		}
	}
	for o := range p.x.portsOnNode(it.ref.Name) {
		u.add(o.Ref())
	}
	p.egressIPsThatName(it.ref, u)
	return u
}

func (p *planner) usersOfNetwork(it *item) *users {
	u := &users{}
	if r, ok := p.x.routerOf.Get(it.ref.Name); ok {
		if own, ok := p.items[r.Ref()]; !ok || own.same {
			u.add(r.Ref())
		}
	}
	for o := range p.x.portsOfNetwork(it.ref.Name) {
		u.add(o.Ref())
	}
	p.policiesThatName(it.ref, u)
	p.servicesThatName(it.ref, u)
	p.egressIPsThatName(it.ref, u)
	p.recordsOfNetwork(it.ref.Name, u)
	return u
}
