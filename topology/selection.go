package topology

import (
	"iter"
	"slices"
	"strings"

	"github.com/tidwall/btree"

	"github.com/sdnctl/sdnctl/topology/model"
)

// PolicyKeys are the keys of the selections that a policy makes, as they are in
// Identity.Selections.
type PolicyKeys struct {
	Policy  *Policy
	Subject string
	// Peers are those of each rule's peers, by direction; of a peer that is addresses
	// or nodes it is "".
	Peers map[model.PolicyDirection][][]string
}

func keysOf(p *Policy) *PolicyKeys {
	k := &PolicyKeys{Policy: p, Subject: p.Spec.Subject.Key(), Peers: map[model.PolicyDirection][][]string{}}
	for _, d := range model.PolicyDirections() {
		for _, r := range p.Spec.Rules(d) {
			keys := make([]string, len(r.Peers))
			for i, peer := range r.Peers {
				if peer.IsSelection() {
					keys[i] = peer.PolicySelection.Key()
				}
			}
			k.Peers[d] = append(k.Peers[d], keys)
		}
	}
	return k
}

// HasPeer reports whether a selection is a peer of one of the policy's rules of a direction.
func (k *PolicyKeys) HasPeer(d model.PolicyDirection, selection string) bool {
	return slices.ContainsFunc(k.Peers[d], func(rule []string) bool { return slices.Contains(rule, selection) })
}

// Judges reports whether the policy has rules for a direction or isolates in it.
func (p *Policy) Judges(d model.PolicyDirection) bool {
	return len(p.Spec.Rules(d)) > 0 || p.Spec.IsolatesIn(d)
}

// selectionIndex has the selections that policies make of ports, each once.
type selectionIndex struct {
	byKey *btree.Map[string, *model.PolicySelection]
	// policies are the keys of each policy, by its name.
	policies *btree.Map[string, *PolicyKeys]
	// users are the policies that make a selection, by its key and the policy's name;
	// subjects the policies whose subject it is.
	users, subjects *btree.Map[string, *PolicyKeys]
	// anchored finds the selections that may pick a port: by a label that the port must
	// have, by a network that it must be in, or by nothing.
	anchored *btree.Map[string, string] // anchor and key → key
}

func newSelectionIndex() selectionIndex {
	return selectionIndex{
		byKey:    btree.NewMap[string, *model.PolicySelection](treeDegree),
		policies: btree.NewMap[string, *PolicyKeys](treeDegree),
		users:    btree.NewMap[string, *PolicyKeys](treeDegree),
		subjects: btree.NewMap[string, *PolicyKeys](treeDegree),
		anchored: btree.NewMap[string, string](treeDegree),
	}
}

func (x *selectionIndex) fork() selectionIndex {
	return selectionIndex{x.byKey.Copy(), x.policies.Copy(), x.users.Copy(), x.subjects.Copy(), x.anchored.Copy()}
}

// Anchors of selections. Each selection that picks a port has an anchor that the port
// has too.
func labelAnchor(key, value string) string { return "label\x00" + key + "\x00" + value + "\x00" }
func networkAnchor(network string) string  { return "network\x00" + network + "\x00" }
func groupAnchor(name string) string       { return anyGroup + name + "\x00" }

const (
	anyAnchor = "any\x00"
	anyGroup  = "group\x00"
)

// anchorsOf returns the anchors under which a selection is found.
func anchorsOf(s *model.PolicySelection) (all []string) {
	if s.PortGroup != "" {
		return []string{groupAnchor(s.PortGroup)}
	}
	if s.Selector != nil {
		for _, t := range s.Selector.Terms() {
			if t.Operator == model.SelectIn {
				for _, v := range t.Values {
					all = append(all, labelAnchor(t.Key, v))
				}
				return all
			}
		}
	}
	for _, n := range s.Networks {
		all = append(all, networkAnchor(n))
	}
	if len(all) == 0 {
		return []string{anyAnchor}
	}
	return all
}

// put adds the selections of a policy.
func (x *selectionIndex) put(p *Policy) {
	k := keysOf(p)
	x.policies.Set(p.Name, k)
	for s := range p.Spec.Selections() {
		key := s.Key()
		if _, ok := x.byKey.Get(key); !ok {
			x.byKey.Set(key, s)
			for _, a := range anchorsOf(s) {
				x.anchored.Set(a+key, key)
			}
		}
		x.users.Set(key+"\x00"+p.Name, k)
	}
	x.subjects.Set(k.Subject+"\x00"+p.Name, k)
}

// drop removes the selections of a policy.
func (x *selectionIndex) drop(p *Policy) {
	k, _ := x.policies.Delete(p.Name)
	x.subjects.Delete(k.Subject + "\x00" + p.Name)
	for s := range p.Spec.Selections() {
		key := s.Key()
		if _, ok := x.users.Delete(key + "\x00" + p.Name); !ok || x.has(x.users, key) {
			continue
		}
		x.byKey.Delete(key)
		for _, a := range anchorsOf(s) {
			x.anchored.Delete(a + key)
		}
	}
}

func (*selectionIndex) has(m *btree.Map[string, *PolicyKeys], key string) bool {
	for range under(m, key+"\x00") {
		return true
	}
	return false
}

// under iterates over the values whose keys have a prefix.
func under[V any](m *btree.Map[string, V], prefix string) iter.Seq[V] {
	return func(yield func(V) bool) {
		m.Ascend(prefix, func(k string, v V) bool { return strings.HasPrefix(k, prefix) && yield(v) })
	}
}

// selectionsOf returns the keys of the selections that pick a port, sorted.
func (x *indexes) selectionsOf(p *Port) (keys []string) {
	consider := func(anchor string) {
		for key := range under(x.selections.anchored, anchor) {
			if s, _ := x.selections.byKey.Get(key); x.selects(s, p) {
				keys = append(keys, key)
			}
		}
	}
	consider(anyAnchor)
	consider(anyGroup)
	consider(networkAnchor(p.Spec.Network))
	for k, v := range p.Labels {
		consider(labelAnchor(k, v))
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// PolicyKeys returns the keys of the selections that a policy makes.
func (s *Snapshot) PolicyKeys(policy string) (*PolicyKeys, bool) {
	return s.x.selections.policies.Get(policy)
}

// PoliciesAbout returns the policies that have a selection as their subject, by name.
func (s *Snapshot) PoliciesAbout(selection string) iter.Seq[*PolicyKeys] {
	return under(s.x.selections.subjects, selection+"\x00")
}

// PoliciesWith returns the policies that make a selection, of their subject or of peers, by
// name.
func (s *Snapshot) PoliciesWith(selection string) iter.Seq[*PolicyKeys] {
	return under(s.x.selections.users, selection+"\x00")
}

// IdentitiesWith returns the identities of a domain that a selection picks, by index.
func (s *Snapshot) IdentitiesWith(selection, domain string) iter.Seq[*Identity] {
	return under(s.x.identities.withSelection, selection+"\x00"+domain+"\x00")
}

// DomainsWith returns the domains that have identities which a selection picks, by name.
func (s *Snapshot) DomainsWith(selection string) iter.Seq[string] {
	return func(yield func(string) bool) {
		last := ""
		for i := range under(s.x.identities.withSelection, selection+"\x00") {
			if i.Domain != last && !yield(i.Domain) {
				return
			}
			last = i.Domain
		}
	}
}

// EgressPolicies returns the policies that judge what ports of a domain send, by name.
func (s *Snapshot) EgressPolicies(domain string) iter.Seq[*PolicyKeys] {
	return func(yield func(*PolicyKeys) bool) {
		s.x.egress.Ascend(domain+"\x00", func(k string, _ int) bool {
			policy, ok := strings.CutPrefix(k, domain+"\x00")
			if !ok {
				return false
			}
			p, ok := s.x.selections.policies.Get(policy)
			return !ok || yield(p)
		})
	}
}
