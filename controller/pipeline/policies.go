package pipeline

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// identityNumber is an identity as the registers have it: the zone of its domain, and
// its index there, which is what labels have of it. It is never 0.
func identityNumber(zone topology.Zone, index uint16) uint32 {
	return uint32(zone)<<16 | uint32(index)
}

// zoneOfIdentity is the part of an identity's number that is the zone of its domain.
const zoneOfIdentity = 0xffff0000

// labelBits is how many bits of a tunnel key are the identity's index.
func labelBits(l topology.LabelRange) int { return bits.TrailingZeros32(l.Size) }

// ruleNumber is the number of a rule of a policy, which is that of its conjunctive match
// too. It is never 0. model.MaxPolicyRules is less than 128.
func ruleNumber(p *topology.Policy, d model.PolicyDirection, index int) uint32 {
	n := p.ID<<8 | uint32(index)
	if d == model.Egress {
		n |= 1 << 7
	}
	return n
}

// defaultNumber is what stands for the number of a rule where no rule decides and a tier
// denies. No policy has the ID 0.
func defaultNumber(t policyTable) uint32 {
	n := uint32(slices.Index(model.PolicyTiers(), t.tier) + 1)
	if t.direction == model.Egress {
		n |= 1 << 7
	}
	return n
}

// Policed reports whether policies tell ports of a domain apart.
func (v *View) Policed(d domain) bool {
	for range v.Topo.Identities(d) {
		return true
	}
	return false
}

// PolicedNode reports whether the node has ports of a domain with policies.
func (v *View) PolicedNode(node string) bool {
	for n := range v.NetworksOn(node) {
		if v.Policed(v.domainOf(n)) {
			return true
		}
	}
	return false
}

// labels returns the labels of a network, and the zone of the identities that they are
// for; ok is false if there are none.
func (v *View) labels(n *topology.Network) (l topology.LabelRange, zone topology.Zone, ok bool) {
	d := v.domainOf(n.Name)
	if !v.Policed(d) {
		return l, 0, false
	}
	own, has := v.Topo.Numbering(n.Ref().String())
	of, numbered := v.Topo.Numbering(d)
	if !has || !numbered {
		return l, 0, false
	}
	return own.Labels, of.Zone, true
}

// identityOf returns the number of a port's identity, 0 if it has none.
func (v *View) identityOf(p *topology.Port) (uint32, *topology.Identity) {
	i, ok := v.Topo.IdentityOf(p.Name)
	if !ok {
		return 0, nil
	}
	n, ok := v.Topo.Numbering(i.Domain)
	if !ok {
		return 0, nil
	}
	return identityNumber(n.Zone, i.Index), i
}

// judged returns the number of a port's identity, and whether policies judge what the
// port sends and receives: one has it as its subject, or one judges what a port of the
// domain sends, which may be to this one.
func (v *View) judged(p *topology.Port) (identity uint32, judged bool) {
	identity, i := v.identityOf(p)
	if i != nil {
		for _, s := range i.Selections {
			for range v.Topo.PoliciesAbout(s) {
				return identity, true
			}
		}
	}
	for range v.Topo.EgressPolicies(v.domainOf(p.Spec.Network)) {
		return identity, true
	}
	return identity, false
}

// policies are what a node needs of the policies that judge what arrives there.
type policies struct {
	families []topology.Family
	// rules are those that can match, in the order of their numbers, and isolated the
	// identities that a tier isolates, by direction and tier.
	rules    map[policyTable][]*policyRule
	isolated map[policyTable][]uint32
	byNumber map[ruleKey]*policyRule
	// wouldIsolate are the identities that policies in shadow mode would isolate, and
	// shadowed all that are subjects of such policies.
	wouldIsolate map[policyTable][]uint32
	shadowed     map[model.PolicyDirection][]uint32
	// kept are the policies that keep connections, and their subjects.
	kept map[policyTable][]keptPolicy
	// alike is how many rules of one table and priority there are at most that only allow.
	alike int
	// sharing is nil, or has the rules besides these that share their flows; see
	// changedPolicies.
	sharing *sharing
	// destinations are the ports of the node, by identity, once a rule names ports.
	destinations map[uint32][]destination
	view         *View
	node         string
}

// policyTable is a direction and tier, of the policies that are in force or of the shadow
// tables.
type policyTable struct {
	direction model.PolicyDirection
	tier      model.PolicyTier
	shadow    bool
}

// ruleKey is the number of a rule, in force or in the shadow tables.
type ruleKey struct {
	number uint32
	shadow bool
}

// policyRule is a rule with the identities that it is about.
type policyRule struct {
	*model.PolicyRule
	// policy has it, at a place among its rules of the direction.
	policy   *topology.Policy
	index    int
	number   uint32
	priority uint16
	// subjects and peers are identities; anybody says that peers do not matter.
	subjects, peers []uint32
	anybody         bool
}

// passedNumber is set in the number of an ingress rule where it is noted that the rule left
// the connection to tiers of which none decided. No other ingress rule has the bit.
const passedNumber = 1 << 7

// noted is the number that connections have which an ingress rule lets in.
func (r *policyRule) noted() uint32 {
	if r.Action == model.ActionPass {
		return r.number | passedNumber
	}
	return r.number
}

// admits reports whether connections may be known by the rule: it allows them, or leaves
// them to tiers that do not decide.
func (r *policyRule) admits() bool {
	return r.Action == model.ActionAllow || r.Action == model.ActionPass
}

// reject reports whether a rule rejects.
func (o *policies) reject() bool {
	for t, rules := range o.rules {
		if !t.shadow && slices.ContainsFunc(rules, func(r *policyRule) bool { return r.Action == model.ActionReject }) {
			return true
		}
	}
	return false
}

// rejects reports whether a policy that is in force has a rule that rejects in a direction.
func rejects(p *topology.Policy, d model.PolicyDirection) bool {
	return p.Spec.Mode != model.ModeShadow && slices.ContainsFunc(p.Spec.Rules(d), func(r model.PolicyRule) bool { return r.Action == model.ActionReject })
}

// rejected reports whether a rule may reject what is for a port.
func (v *View) rejected(p *topology.Port) bool {
	if _, i := v.identityOf(p); i != nil {
		for _, s := range i.Selections {
			if v.ingressOf(s).rejects {
				return true
			}
		}
	}
	return v.sentIn(v.domainOf(p.Spec.Network)).rejects
}

// judgement is what policies do with what is for ports.
type judgement struct{ judged, rejects bool }

// ingressOf is what the policies do whose subject is a selection.
func (v *View) ingressOf(selection string) (j judgement) {
	for k := range v.Topo.PoliciesAbout(selection) {
		j.judged, j.rejects = true, j.rejects || rejects(k.Policy, model.Ingress)
	}
	return j
}

// sentIn is what the policies do that judge what ports of a domain send.
func (v *View) sentIn(d domain) (j judgement) {
	for k := range v.Topo.EgressPolicies(d) {
		j.judged, j.rejects = true, j.rejects || rejects(k.Policy, model.Egress)
	}
	return j
}

// policiesOn finds out what a node needs of the policies: of those that judge what
// arrives, the ones that have a port of the node as their subject; of those that judge
// what ports send, all that may reach a port of the node.
func (v *View) policiesOn(node string) *policies {
	out := v.noPolicies(node)
	for _, d := range v.policyDomains(node) {
		out.addDomain(d)
	}
	out.finish()
	return out
}

// policyDomains returns the domains with policies of which the node has ports, by name.
func (v *View) policyDomains(node string) map[domain]*policyDomain {
	all := map[domain]*policyDomain{}
	for d, here := range v.identitiesOn(node) {
		if n, ok := v.Topo.Numbering(d); ok {
			all[d] = &policyDomain{topo: v.Topo, name: d, zone: n.Zone, here: here}
		}
	}
	return all
}

// noPolicies returns what a node needs if there are no policies.
func (v *View) noPolicies(node string) *policies {
	return &policies{
		rules: map[policyTable][]*policyRule{}, isolated: map[policyTable][]uint32{}, byNumber: map[ruleKey]*policyRule{},
		wouldIsolate: map[policyTable][]uint32{}, shadowed: map[model.PolicyDirection][]uint32{}, kept: map[policyTable][]keptPolicy{},
		view: v, node: node, families: v.familiesAt(node),
	}
}

// finish puts what has been added in order.
func (o *policies) finish() {
	for _, rules := range o.rules {
		slices.SortFunc(rules, func(a, b *policyRule) int { return cmp.Compare(a.number, b.number) })
		for _, r := range rules {
			r.subjects, r.peers = sorted(r.subjects), sorted(r.peers)
		}
	}
	for _, all := range []map[policyTable][]uint32{o.isolated, o.wouldIsolate} {
		for t := range all {
			all[t] = sorted(all[t])
		}
	}
	o.spread()
	for _, all := range o.kept {
		slices.SortFunc(all, func(a, b keptPolicy) int {
			return cmp.Or(cmp.Compare(a.number, b.number), slices.Compare(a.subjects, b.subjects))
		})
	}
	for d := range o.shadowed {
		o.shadowed[d] = sorted(o.shadowed[d])
	}
}

func sorted(numbers []uint32) []uint32 {
	slices.Sort(numbers)
	return slices.Compact(numbers)
}

// policyDomain is a domain, and the identities that ports of it have on the node.
type policyDomain struct {
	topo *topology.Snapshot
	name domain
	zone topology.Zone
	here []*topology.Identity
}

// number is the number of an identity of the domain.
func (d *policyDomain) number(i *topology.Identity) uint32 { return identityNumber(d.zone, i.Index) }

// local returns the identities on the node that a selection picks.
func (d *policyDomain) local(selection string) (all []uint32) {
	for _, i := range d.here {
		if i.Has(selection) {
			all = append(all, d.number(i))
		}
	}
	return all
}

// anywhere returns the identities of the domain that a selection picks.
func (d *policyDomain) anywhere(selection string) (all []uint32) {
	for i := range d.topo.IdentitiesWith(selection, d.name) {
		all = append(all, d.number(i))
	}
	return all
}

// judging is a policy that judges in a direction, and a domain of its subjects.
type judging struct {
	*topology.PolicyKeys
	direction model.PolicyDirection
	domain    *policyDomain
}

// policies returns the policies that the node judges by in the domain.
func (d *policyDomain) policies() (all []judging) {
	selected := map[string]bool{}
	seen := map[*topology.PolicyKeys]bool{}
	for _, i := range d.here {
		for _, s := range i.Selections {
			if selected[s] {
				continue
			}
			selected[s] = true
			for p := range d.topo.PoliciesAbout(s) {
				if p.Policy.Judges(model.Ingress) && !seen[p] {
					seen[p] = true
					all = append(all, judging{p, model.Ingress, d})
				}
			}
		}
	}
	for p := range d.topo.EgressPolicies(d.name) {
		all = append(all, judging{p, model.Egress, d})
	}
	return all
}

// subjects returns the identities that are the policy's subjects, as far as the node has to
// know them: it judges what arrives.
func (j judging) subjects() []uint32 {
	if j.direction == model.Ingress {
		return j.domain.local(j.Subject)
	}
	return j.domain.anywhere(j.Subject)
}

// peersOf returns the identities that a selection picks as peers.
func (j judging) peersOf(selection string) []uint32 {
	if j.direction == model.Ingress {
		return j.domain.anywhere(selection)
	}
	return j.domain.local(selection)
}

// nodes is the identity of nodes as peers.
func (j judging) nodes() uint32 {
	if j.direction == model.Ingress {
		return identityNumber(j.domain.zone, 0)
	}
	return hostIdentity
}

func (o *policies) addDomain(d *policyDomain) {
	all := d.policies()
	subjects := make([][]uint32, len(all))
	for i, j := range all {
		if subjects[i] = j.subjects(); j.Policy.Spec.Mode == model.ModeShadow {
			o.shadowed[j.direction] = append(o.shadowed[j.direction], subjects[i]...)
		}
	}
	for i, j := range all {
		t := policyTable{j.direction, j.Policy.Spec.Tier, false}
		if j.Policy.Spec.Mode != model.ModeShadow {
			o.add(t, j, subjects[i])
		}
		if shadowed := o.shadowed[j.direction]; len(shadowed) > 0 {
			t.shadow = true
			o.add(t, j, slices.DeleteFunc(slices.Clone(subjects[i]), func(i uint32) bool { return !slices.Contains(shadowed, i) }))
		}
	}
}

// add adds the rules of a policy to a table, for some of its subjects.
func (o *policies) add(t policyTable, j judging, subjects []uint32) {
	p, d := j.Policy, j.direction
	if len(subjects) == 0 {
		return
	}
	switch {
	case !p.Spec.IsolatesIn(d):
	case p.Spec.Mode == model.ModeShadow:
		o.wouldIsolate[t] = append(o.wouldIsolate[t], subjects...)
	default:
		o.isolated[t] = append(o.isolated[t], subjects...)
	}
	if p.Spec.Keeps(d) && !t.shadow {
		o.kept[t] = append(o.kept[t], keptPolicy{ruleNumber(p, d, 0), keptPriority(p.Spec.Priority, p.Spec.Mixed(d)), subjects})
	}
	all := p.Spec.Rules(d)
	for i := range all {
		addresses := false
		var peers []uint32
		for k, peer := range all[i].Peers {
			switch {
			case peer.Node:
				peers = append(peers, j.nodes())
			case peer.CIDR.IsValid():
				addresses = true
			default:
				peers = append(peers, j.peersOf(j.Peers[d][i][k])...)
			}
		}
		if len(all[i].Peers) == 0 || addresses || len(peers) > 0 {
			r := o.rule(t, p, i)
			r.subjects, r.peers = append(r.subjects, subjects...), append(r.peers, peers...)
		}
	}
}

// rule returns one of a policy's rules of a direction: a policy may judge ports of several
// domains.
func (o *policies) rule(t policyTable, p *topology.Policy, index int) *policyRule {
	key := ruleKey{ruleNumber(p, t.direction, index), t.shadow}
	r, ok := o.byNumber[key]
	if !ok {
		of := &p.Spec.Rules(t.direction)[index]
		r = &policyRule{
			PolicyRule: of, policy: p, index: index, number: key.number,
			priority: rulePriority(p.Spec.Priority, p.Spec.Mixed(t.direction), index), anybody: len(of.Peers) == 0,
		}
		o.byNumber[key], o.rules[t] = r, append(o.rules[t], r)
	}
	return r
}

// Priorities of policies. Those of one priority of a tier share a range. Those that may be
// mixed come first, which are one policy or are in no order: first what they keep, then their
// rules in order. Then comes what policies keep that only allow, and last the rules of all of
// these, of which it does not matter which is first: at one priority, or at rulePlaces if they
// are more than one flow can be part of.
const (
	prioPolicies  = 60000
	policyRange   = model.MaxMixedRules + 2 + rulePlaces
	prioIsolation = 100
)

func rulePriority(policy int, mixed bool, index int) uint16 {
	base := prioPolicies - policy*policyRange
	if mixed {
		base += model.MaxMixedRules + 1 - index
	}
	return uint16(base)
}

// keptPriority is the one before those of a policy's rules.
func keptPriority(policy int, mixed bool) uint16 {
	return rulePriority(policy, mixed, 0) + 1
}
