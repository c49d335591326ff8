package binding

import (
	"cmp"
	"slices"

	"github.com/sdnctl/sdnctl/topology"
)

// Claims lists the interfaces that claim a port.
type Claims struct {
	// Conflicts are further interfaces that claim the port where it may be, besides the one
	// that has it. The port goes to the first of them when that one is gone.
	Conflicts []Place
	// Candidates are the interfaces that claim the port on nodes other than the one that it is
	// pinned to, sorted by node and name. Pinned to such a node, the port would go there.
	Candidates []Place
	// Unplugged are the interfaces that claim the port where it may be, and that OVSDB has but
	// br-int has no port for.
	Unplugged []Place
}

// Claims returns the interfaces that claim a port, except the one that has it.
func (t *Table) Claims(topo *topology.Snapshot, p *topology.Port) Claims {
	var out Claims
	for _, c := range t.eligible(topo, p) {
		if c.Place != t.placed[p.Name] {
			out.Conflicts = append(out.Conflicts, c.Place)
		}
	}
	for _, c := range t.all(topo, p) {
		if c.OFPort == 0 && !c.inactive && pinnedTo(p, c.Node) {
			out.Unplugged = append(out.Unplugged, c.Place)
		}
	}
	slices.SortFunc(out.Unplugged, func(a, b Place) int {
		return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.Interface, b.Interface))
	})
	others := slices.DeleteFunc(t.active(topo, p), func(c claim) bool { return pinnedTo(p, c.Node) })
	slices.SortFunc(others, func(a, b claim) int { return t.order(p, a, b) })
	for _, c := range others {
		out.Candidates = append(out.Candidates, c.Place)
	}
	return out
}

// Why returns the reason why a port is not bound although an interface claims it, or "".
func (t *Table) Why(topo *topology.Snapshot, p *topology.Port) string {
	if t.placed[p.Name].OFPort != 0 {
		return ""
	}
	all := t.all(topo, p)
	slices.SortFunc(all, func(a, b claim) int { return t.order(p, a, b) })
	for _, c := range all {
		where := "its interface " + c.Interface + " on node " + c.Node
		switch {
		case t.isReserved(c.Interface):
			return "interface " + c.Interface + " is sdnd's own on each node, to other nodes or to what is outside, and cannot be a port"
		case p.Spec.Interface != "":
		case !pinnedTo(p, c.Node):
			return "its interface " + c.Interface + " is on node " + c.Node + ", but the port is pinned to node " + p.Spec.Node
		case c.inactive:
			return where + " is marked inactive (external_ids:iface-status)"
		case c.OFPort == 0:
			return where + " is not on " + t.bridge
		}
	}
	if p.Spec.Interface != "" {
		return "node " + p.Spec.Node + " has no interface " + p.Spec.Interface + " on " + t.bridge
	}
	return "no interface on " + t.bridge + " has external_ids:iface-id=" + p.BindingID()
}
