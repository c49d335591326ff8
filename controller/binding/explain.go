package binding

import (
	"cmp"
	"slices"

	"github.com/sdnctl/sdnctl/topology"
)

// Claims has the interfaces that claim a port.
type Claims struct {
	// Conflicts are the interfaces that claim the port where it may be, beside the
	// one that has it: the port goes to the first of them when that is gone.
	Conflicts []Place
	// Candidates are the interfaces that claim the port on other nodes than the
	// one that it is pinned to, sorted by node and name: it goes there when it is
	// pinned to that node.
	Candidates []Place
	// Unplugged are the interfaces that claim the port where it may be, and are in
	// OVSDB but no port of br-int.
	Unplugged []Place
}

// Claims returns who claims a port beside the interface that has it.
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

// Why says why a port is not bound although an interface claims it, or "".
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
