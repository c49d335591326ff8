package topology

import (
	"cmp"
	"fmt"
	"iter"

	"github.com/tidwall/btree"

	"github.com/sdnctl/sdnctl/topology/model"
)

// MaxPolicyID is the highest number of a policy: it has 22 bits.
const MaxPolicyID = 1<<22 - 1

// Policy says who may talk to the ports that it selects, and to whom these may talk.
type Policy struct {
	Meta
	Spec model.PolicySpec `json:"spec"`
	// ID is the policy's number in the data path, 1 to MaxPolicyID, allocated.
	ID uint32 `json:"id"`
}

// Ref returns the object's name in the form kind/name.
func (o *Policy) Ref() Ref { return Ref{Kind: model.KindPolicy, Name: o.Name} }

func (o *Policy) spec() Spec { return o.Spec }

func (o *Policy) clone() Object {
	c := *o
	return &c
}

func (o *Policy) load(l *Loader) error {
	x := &l.x.policies
	if err := x.ids.check(o.Ref(), o.ID, MaxPolicyID); err != nil {
		return err
	}
	for _, ref := range o.Spec.References() {
		if _, ok := l.x.object(ref); !ok {
			return fmt.Errorf("%s: there is no %s %q", o.Ref(), ref.Kind, ref.Name)
		}
	}
	for _, d := range model.PolicyDirections() {
		if h, taken := x.mixedAt(o, d); taken {
			return fmt.Errorf("%s: %s has its tier and priority", o.Ref(), h.Ref())
		}
	}
	x.put(o)
	l.x.putSelections(o)
	x.ids.loaded(o.ID, o.Created)
	return nil
}

// policyIndex has all policies.
type policyIndex struct {
	byName *btree.Map[string, *Policy]
	ids    serials
	// naming has the policies that name a network or port group, by what they name.
	naming *btree.BTreeG[namedBy]
	// mixed has the policies the order of whose rules matters in a direction.
	mixed *btree.BTreeG[mixedPolicy]
	// namePorts is how many policies have rules that name ports.
	namePorts int
}

// namedBy is a network or port group that a policy names.
type namedBy struct {
	ref Ref
	by  *Policy
}

// mixedPolicy is a policy whose rules in a direction do not all allow.
type mixedPolicy struct {
	tier      model.PolicyTier
	priority  int
	direction model.PolicyDirection
	policy    *Policy
}

func newPolicyIndex() policyIndex {
	return policyIndex{
		byName: btree.NewMap[string, *Policy](treeDegree),
		ids:    newSerials(),
		naming: newTree(func(a, b namedBy) bool {
			return cmp.Or(cmp.Compare(a.ref.Kind, b.ref.Kind), cmp.Compare(a.ref.Name, b.ref.Name), cmp.Compare(a.by.Name, b.by.Name)) < 0
		}),
		mixed: newTree(func(a, b mixedPolicy) bool {
			return cmp.Or(cmp.Compare(a.tier, b.tier), cmp.Compare(a.priority, b.priority), cmp.Compare(a.direction, b.direction)) < 0
		}),
	}
}

func (x *policyIndex) fork() policyIndex {
	return policyIndex{byName: x.byName.Copy(), ids: x.ids.fork(), naming: x.naming.Copy(), mixed: x.mixed.Copy(), namePorts: x.namePorts}
}

func (x *policyIndex) put(o *Policy) {
	x.byName.Set(o.Name, o)
	x.ids.add(o.ID)
	if o.Spec.NamesPorts() {
		x.namePorts++
	}
	for _, ref := range o.Spec.References() {
		x.naming.Set(namedBy{ref, o})
	}
	for _, d := range model.PolicyDirections() {
		if o.Spec.Mixed(d) {
			x.mixed.Set(mixedPolicy{o.Spec.Tier, o.Spec.Priority, d, o})
		}
	}
}

func (o *Policy) drop(all, _ *indexes) {
	x := &all.policies
	all.dropSelections(o)
	x.byName.Delete(o.Name)
	x.ids.remove(o.ID)
	if o.Spec.NamesPorts() {
		x.namePorts--
	}
	for _, ref := range o.Spec.References() {
		x.naming.Delete(namedBy{ref, o})
	}
	for _, d := range model.PolicyDirections() {
		if o.Spec.Mixed(d) {
			x.mixed.Delete(mixedPolicy{o.Spec.Tier, o.Spec.Priority, d, o})
		}
	}
}

// mixedAt returns the policy beside which another may not be evaluated in a direction, because
// nothing would say which comes first.
func (x *policyIndex) mixedAt(o *Policy, d model.PolicyDirection) (*Policy, bool) {
	if !o.Spec.Mixed(d) {
		return nil, false
	}
	m, ok := x.mixed.Get(mixedPolicy{tier: o.Spec.Tier, priority: o.Spec.Priority, direction: d})
	return m.policy, ok
}

// Policy returns the policy of that name.
func (s *Snapshot) Policy(name string) (*Policy, bool) { return s.x.policies.byName.Get(name) }

// Policies returns all policies by name.
func (s *Snapshot) Policies() iter.Seq[*Policy] { return all(s.x.policies.byName) }

// NumPolicies returns how many policies there are.
func (s *Snapshot) NumPolicies() int { return s.x.policies.byName.Len() }

// PoliciesNamePorts reports whether a policy has rules that name ports.
func (s *Snapshot) PoliciesNamePorts() bool { return s.x.policies.namePorts > 0 }

// PoliciesNaming returns the policies that name a network or port group, by name.
func (s *Snapshot) PoliciesNaming(r Ref) iter.Seq[*Policy] { return s.x.policies.thatName(r) }

func (x *policyIndex) thatName(r Ref) iter.Seq[*Policy] {
	return func(yield func(*Policy) bool) {
		x.naming.Ascend(namedBy{r, &Policy{}}, func(e namedBy) bool { return e.ref == r && yield(e.by) })
	}
}
