package binding

import (
	"cmp"
	"slices"

	"github.com/sdnctl/sdnctl/topology"
)

// Unmatched returns the interfaces of a node's br-int that claim a port by an id that
// no port has, sorted by name. An inactive interface claims nothing, and one that
// a port names belongs to that port.
func (t *Table) Unmatched(topo *topology.Snapshot, nodeName string) []Interface {
	n, ok := t.nodes[nodeName]
	if !ok || !n.ovsdbSeen {
		return nil
	}
	var out []Interface
	for _, i := range n.ifaces {
		if !t.isReserved(i.Name) && !i.Inactive && len(i.ids()) > 0 && !i.known(topo) {
			out = append(out, i.Interface)
		}
	}
	slices.SortFunc(out, func(a, b Interface) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// known reports whether a port is declared that the interface claims or that names
// the interface.
func (i *iface) known(topo *topology.Snapshot) bool {
	for _, id := range i.ids() {
		if _, ok := topo.PortByBindingID(id); ok {
			return true
		}
	}
	for _, name := range []string{i.Name, cut(i.Name)} {
		if _, ok := topo.PortByInterface(i.node.name, name); ok {
			return true
		}
	}
	return false
}

// Claimants returns the nodes that have an interface which claims the port with
// an interface id. A node may be among them more than once.
func (t *Table) Claimants(id string) (nodes []string) {
	for _, i := range t.claims[id] {
		nodes = append(nodes, i.node.name)
	}
	return nodes
}
