package pipeline

import (
	"maps"
	"slices"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// sharing has the rules that share flows with those of other policies.
type sharing struct {
	// parts are the flows that are shared, and the rules' places in them.
	parts map[policyTable]clauses
}

// addTo adds the places of the rules to the parts of the policies that they share flows with.
func (s *sharing) addTo(parts clauses, t policyTable) {
	if s == nil {
		return
	}
	for at, own := range s.parts[t] {
		if parts[at] == nil {
			parts[at] = &shared{is: own.is}
		}
		parts[at].of = append(parts[at].of, own.of...)
	}
}

// changedPolicies returns what a node needs of the policies in which two views differ, as they
// were and as they are. They compile to fewer flows than all policies of the views do, but
// the difference between them is the same: a flow that they share with other policies is whole.
//
// ok is false if that cannot be said: the views differ in other things on which flows of policies
// depend, or some policy has flows that do not depend on it and its parts alone.
func changedPolicies(before, after *View, node string) (was, is *policies, ok bool) {
	from, to := before.policyDomains(node), after.policyDomains(node)
	if !sameForPolicies(before, after, node) || !sameIdentities(from, to) {
		return nil, nil, false
	}
	c := policyChange{was: before.noPolicies(node), is: after.noPolicies(node), alike: map[policyPlace]int{}, counted: map[ruleKey]bool{}}
	for name, d := range from {
		if !c.domain(d, to[name]) {
			return nil, nil, false
		}
	}
	c.was.finish()
	c.is.finish()
	c.share()
	return c.was, c.is, true
}

// sameForPolicies reports whether two views are equal in what flows of policies depend on
// besides policies and identities.
func sameForPolicies(before, after *View, node string) bool {
	if before.Topo.PoliciesNamePorts() || after.Topo.PoliciesNamePorts() {
		return false // where ports are matters as well
	}
	return slices.Equal(before.familiesAt(node), after.familiesAt(node)) && before.ServedNode(node) == after.ServedNode(node) &&
		before.Uplinked(node) == after.Uplinked(node) && before.HostNode(node) == after.HostNode(node)
}

// sameIdentities reports whether the ports of some domains have the same identities.
func sameIdentities(from, to map[domain]*policyDomain) bool {
	return maps.EqualFunc(from, to, func(a, b *policyDomain) bool {
		return a.zone == b.zone && slices.Equal(a.here, b.here) && a.topo.IdentityVersion(a.name) == b.topo.IdentityVersion(b.name)
	})
}

// policyChange is a change of policies on a node.
type policyChange struct {
	was, is *policies
	// others are the policies that do not change.
	others []judging
	// alike are the numbers of others' rules of one priority that only allow, each counted once.
	alike   map[policyPlace]int
	counted map[ruleKey]bool
}

// policyPlace is a priority in a table.
type policyPlace struct {
	table    policyTable
	priority uint16
}

// domain finds the policies that change in a domain. It reports whether these can be looked at
// one by one.
func (c *policyChange) domain(from, to *policyDomain) bool {
	type place struct {
		policy    string
		direction model.PolicyDirection
	}
	rules, gone := 0, map[place]judging{}
	for _, j := range from.policies() {
		rules += len(j.Policy.Spec.Rules(j.direction))
		gone[place{j.Policy.Name, j.direction}] = j
	}
	var come []judging
	for _, j := range to.policies() {
		rules += len(j.Policy.Spec.Rules(j.direction))
		if j.Policy.Spec.Mode == model.ModeShadow {
			return false // what is in force has a copy in the shadow tables
		}
		at := place{j.Policy.Name, j.direction}
		if gone[at].PolicyKeys == j.PolicyKeys {
			delete(gone, at)
			c.others = append(c.others, j)
			continue
		}
		come = append(come, j)
	}
	if rules >= maxSharing {
		return false // rules might have other priorities; see spread
	}
	for _, j := range gone {
		if !c.was.addAlone(j) {
			return false
		}
	}
	for _, j := range come {
		if !c.is.addAlone(j) {
			return false
		}
	}
	return true
}

// addAlone adds a policy. It returns false if the flows of other policies may depend on whether
// it is there.
func (o *policies) addAlone(j judging) bool {
	s := &j.Policy.Spec
	if s.Mode == model.ModeShadow || s.Keeps(j.direction) || rejects(j.Policy, j.direction) {
		return false
	}
	o.add(policyTable{j.direction, s.Tier, false}, j, j.subjects())
	return true
}

// share finds out which rules of others have parts in common with those that change, and which
// identities are isolated by others as well.
func (c *policyChange) share() {
	touched := map[policyTable]clauses{}
	for _, t := range policyTables() {
		touched[t] = c.was.clauses(t)
		for at, s := range c.is.clauses(t) {
			touched[t][at] = s
		}
	}
	shared := c.is.view.noPolicies(c.is.node)
	find := newIdentityFinder(c.was, c.is)
	for _, j := range c.others {
		c.shareOf(shared, find, touched, j)
	}
	out := &sharing{map[policyTable]clauses{}}
	for t, rules := range shared.rules {
		out.parts[t] = clauses{}
		for _, r := range rules {
			for k, parts := range shared.dimensions(t, r) {
				for _, one := range parts {
					if touched[t][clause{r.priority, string(one.match)}] != nil {
						out.parts[t].add(r, one, k)
					}
				}
			}
		}
	}
	for _, o := range []*policies{c.was, c.is} {
		o.sharing = out
		for t, isolated := range shared.isolated {
			o.isolated[t] = sorted(append(o.isolated[t], isolated...))
		}
		o.alike = c.mostAlike(o)
	}
}

// shareOf adds the rules of a policy that may have parts in common with those that change, for
// the identities that these are about.
func (c *policyChange) shareOf(shared *policies, find *identityFinder, touched map[policyTable]clauses, j judging) {
	p, t := j.Policy, policyTable{j.direction, j.Policy.Spec.Tier, false}
	if p.Spec.IsolatesIn(j.direction) {
		shared.isolated[t] = append(shared.isolated[t], find.among(find.isolated[j.direction], j, j.Subject)...)
	}
	all := p.Spec.Rules(j.direction)
	for i := range all {
		if !j.matters(i) {
			continue
		}
		priority, number := rulePriority(p.Spec.Priority, p.Spec.Mixed(j.direction), i), ruleNumber(p, j.direction, i)
		if key := (ruleKey{number, false}); !c.counted[key] && !p.Spec.Mixed(j.direction) {
			c.counted[key] = true
			c.alike[policyPlace{t, priority}]++
		}
		if len(touched[t]) == 0 || !find.priorities[policyPlace{t, priority}] {
			continue
		}
		r := shared.rule(t, p, i)
		r.subjects = append(r.subjects, find.among(find.subjects[t], j, j.Subject)...)
		for k, peer := range all[i].Peers {
			if peer.Node {
				r.peers = append(r.peers, j.nodes())
			} else if peer.IsSelection() {
				r.peers = append(r.peers, find.among(find.peers[t], j, j.Peers[j.direction][i][k])...)
			}
		}
	}
}

// matters reports whether a node has flows of a rule of the policy: it has peers.
func (j judging) matters(rule int) bool {
	peers := j.Policy.Spec.Rules(j.direction)[rule].Peers
	return len(peers) == 0 || slices.ContainsFunc(peers, func(p model.PolicyPeer) bool { return !p.IsSelection() }) ||
		slices.ContainsFunc(j.Peers[j.direction][rule], j.picksPeers)
}

// picksPeers reports whether a selection picks identities as peers.
func (j judging) picksPeers(selection string) bool {
	if j.direction == model.Egress {
		return slices.ContainsFunc(j.domain.here, func(i *topology.Identity) bool { return i.Has(selection) })
	}
	for range j.domain.topo.IdentitiesWith(selection, j.domain.name) {
		return true
	}
	return false
}

// mostAlike returns how many rules of one table and priority there are at most that only allow,
// with those of others.
func (c *policyChange) mostAlike(o *policies) (most int) {
	count := map[policyPlace]int{}
	for at, n := range c.alike {
		count[at] = n
	}
	for t, rules := range o.rules {
		for _, r := range rules {
			if !r.policy.Spec.Mixed(t.direction) {
				count[policyPlace{t, r.priority}]++
			}
		}
	}
	for _, n := range count {
		most = max(most, n)
	}
	return most
}

// identityFinder finds, among the identities that some rules are about, those that a selection picks.
type identityFinder struct {
	subjects, peers map[policyTable][]uint32
	isolated        map[model.PolicyDirection][]uint32
	priorities      map[policyPlace]bool
}

func newIdentityFinder(of ...*policies) *identityFinder {
	f := &identityFinder{map[policyTable][]uint32{}, map[policyTable][]uint32{}, map[model.PolicyDirection][]uint32{}, map[policyPlace]bool{}}
	for _, o := range of {
		for t, rules := range o.rules {
			for _, r := range rules {
				f.subjects[t], f.peers[t] = append(f.subjects[t], r.subjects...), append(f.peers[t], r.peers...)
				f.priorities[policyPlace{t, r.priority}] = true
			}
		}
		for t, all := range o.isolated {
			f.isolated[t.direction] = append(f.isolated[t.direction], all...)
		}
	}
	for _, m := range []map[policyTable][]uint32{f.subjects, f.peers} {
		for t := range m {
			m[t] = sorted(m[t])
		}
	}
	for d := range f.isolated {
		f.isolated[d] = sorted(f.isolated[d])
	}
	return f
}

// among returns those of some identities of the policy's domain that a selection picks.
func (f *identityFinder) among(numbers []uint32, j judging, selection string) (all []uint32) {
	for _, n := range numbers {
		if n&zoneOfIdentity != identityNumber(j.domain.zone, 0) {
			continue
		}
		if i, ok := j.domain.topo.Identity(j.domain.name, uint16(n)); ok && i.Has(selection) {
			all = append(all, n)
		}
	}
	return all
}
