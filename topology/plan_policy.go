package topology

import (
	"fmt"

	"github.com/sdnctl/sdnctl/topology/model"
)

// planPolicies adds the policies. The objects that they name must exist, and the order in
// which they are evaluated must be known. Those that have a number go first, so that no
// other policy gets it.
func (p *planner) planPolicies() {
	var fresh []*item
	for _, it := range p.of(model.KindPolicy) {
		switch {
		case it.del || it.same || it.broken:
		case it.before == nil:
			fresh = append(fresh, it)
		default:
			p.placePolicy(it, it.before.(*Policy).ID)
		}
	}
	for _, it := range fresh {
		id, ok := p.x.policies.ids.free(MaxPolicyID)
		if !ok {
			p.bad(it, Exhausted, "", "all numbers of policies are taken", "delete policies that are not needed")
			continue
		}
		if p.placePolicy(it, id) {
			p.x.policies.ids.last = id
		}
	}
}

// placePolicy reports whether the policy could be added.
func (p *planner) placePolicy(it *item, id uint32) bool {
	o := &Policy{Meta: p.meta(it), Spec: it.spec.(model.PolicySpec), ID: id}
	for field, ref := range o.Spec.References() {
		if p.broken(ref.Kind, ref.Name) {
			it.broken = true
		} else if _, ok := p.x.object(ref); !ok {
			p.bad(it, NotFound, field, fmt.Sprintf("there is no %s %q", ref.Kind, ref.Name), "create it in the same change or before, or check the name")
		}
	}
	for _, d := range model.PolicyDirections() {
		if h, taken := p.x.policies.mixedAt(o, d); taken {
			p.bad(it, Conflict, "spec.priority", fmt.Sprintf("%s has priority %d in the %s tier too, and both have %s rules that do not allow, so that their order is undefined", h.Ref(), o.Spec.Priority, o.Spec.Tier, d), "give one of them another priority")
			break
		}
	}
	if it.broken {
		return false
	}
	p.x.policies.put(o)
	p.x.putSelections(o)
	it.after = o
	return true
}

// policiesThatName adds the policies that name a network or port group to its users.
func (p *planner) policiesThatName(ref Ref, u *users) {
	for o := range p.x.policies.thatName(ref) {
		// One that is planned in these ops reports that itself.
		if own, ok := p.items[o.Ref()]; !ok || own.same {
			u.add(o.Ref())
		}
	}
}

// usersOfPortGroup names the policies, services and egress addresses that name a group.
func (p *planner) usersOfPortGroup(it *item) *users {
	u := &users{}
	p.policiesThatName(it.ref, u)
	p.servicesThatName(it.ref, u)
	p.egressIPsThatName(it.ref, u)
	return u
}
