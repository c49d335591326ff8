package model

import (
	"cmp"
	"encoding/json"
	"iter"
	"slices"
)

// Selections yields the selections of ports that the policy makes: its subject, and the
// peers of its rules that are ports. It may yield equal ones.
func (s PolicySpec) Selections() iter.Seq[*PolicySelection] {
	return func(yield func(*PolicySelection) bool) {
		if !yield(&s.Subject) {
			return
		}
		for _, d := range PolicyDirections() {
			for _, r := range s.Rules(d) {
				for i := range r.Peers {
					if p := &r.Peers[i]; p.IsSelection() && !yield(&p.PolicySelection) {
						return
					}
				}
			}
		}
	}
}

// Key returns a text that two selections share only if they mean the same.
func (s *PolicySelection) Key() string {
	key := struct {
		Terms    []Requirement `json:"terms,omitempty"`
		Group    string        `json:"group,omitempty"`
		Networks []string      `json:"networks,omitempty"`
	}{Group: s.PortGroup, Networks: slices.Sorted(slices.Values(s.Networks))}
	if s.Selector != nil {
		key.Terms = s.Selector.Terms()
		for i := range key.Terms {
			key.Terms[i].Values = slices.Compact(slices.Sorted(slices.Values(key.Terms[i].Values)))
		}
		slices.SortFunc(key.Terms, compareRequirements)
	}
	b, err := json.Marshal(key)
	if err != nil {
		panic(err) // strings always can be written
	}
	return string(b)
}

func compareRequirements(a, b Requirement) int {
	return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Operator, b.Operator), slices.Compare(a.Values, b.Values))
}
