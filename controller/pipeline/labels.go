package pipeline

import (
	"slices"

	"github.com/sdnctl/sdnctl/topology"
)

// label notes the ports that begin to send with labels which other nodes do not know yet.
func (v *View) label(u Update) {
	if !slices.ContainsFunc(u.Numberings, bringsLabels) {
		return
	}
	v.labelled = make(map[string]bool, len(u.Identified))
	for _, p := range u.Identified {
		v.labelled[p] = true
	}
}

// bringsLabels reports whether a change gives an object labels.
func bringsLabels(c topology.NumberingChange) bool {
	return c.After != nil && c.After.Labels.Size > 0 && (c.Before == nil || c.Before.Labels != c.After.Labels)
}

// HasLabels reports whether networks have labels that they did not have in the View before.
func (v *View) HasLabels() bool { return v.labelled != nil }

// SendsLabels reports whether a unit's flows send packets with labels that other nodes may
// not know yet, or judge packets by such labels.
func (v *View) SendsLabels(u Unit) bool {
	return v.labelled != nil && (u.Kind == UnitPolicies || u.Kind == UnitHost || u.Kind == UnitPort && v.labelled[u.Name])
}
