package topology

import (
	"iter"
	"slices"
	"strings"

	"github.com/sdnctl/sdnctl/topology/model"
)

// Selects reports whether a selection of a policy of this snapshot picks a port.
func (s *Snapshot) Selects(by *model.PolicySelection, p *Port) bool { return s.x.selects(by, p) }

func (x *indexes) selects(by *model.PolicySelection, p *Port) bool {
	if by.Selector != nil && !by.Selector.Matches(p.Labels) {
		return false
	}
	if len(by.Networks) > 0 && !slices.Contains(by.Networks, p.Spec.Network) {
		return false
	}
	if by.PortGroup == "" {
		return true
	}
	g, ok := x.portGroups.byName.Get(by.PortGroup)
	return ok && g.Has(p)
}

// Selected returns the ports by name that a selection of a policy of this snapshot picks.
// Its cost depends on the members of the port group, or the ports that have one of the
// labels that the selector requires, or those of the networks; a selection with none of
// these scans all ports.
func (s *Snapshot) Selected(by *model.PolicySelection) iter.Seq[*Port] { return s.x.selected(by) }

func (x *indexes) selected(by *model.PolicySelection) iter.Seq[*Port] {
	return func(yield func(*Port) bool) {
		for p := range x.selectable(by) {
			if x.selects(by, p) && !yield(p) {
				return
			}
		}
	}
}

// selectable returns ports by name, all that a selection picks among them.
func (x *indexes) selectable(by *model.PolicySelection) iter.Seq[*Port] {
	if g, ok := x.portGroups.byName.Get(by.PortGroup); ok {
		return x.candidates(g)
	}
	if found, ok := x.labelled(by.Selector); ok {
		return found
	}
	switch len(by.Networks) {
	case 0:
		return all(x.ports)
	case 1:
		return x.portsOfNetwork(by.Networks[0])
	}
	var found []*Port
	for _, n := range by.Networks {
		found = slices.AppendSeq(found, x.portsOfNetwork(n))
	}
	slices.SortFunc(found, func(a, b *Port) int { return strings.Compare(a.Name, b.Name) })
	return slices.Values(found)
}
