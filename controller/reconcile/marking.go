package reconcile

import "github.com/sdnctl/sdnctl/controller/pipeline"

// marking collects, by node, the units that an update marks.
type marking struct {
	d *dispatcher
	// limit is how many units of one node are worth noting.
	limit int
	nodes map[string]*marked
	// last is the node that was marked last, and name its name: units come node
	// by node.
	last *marked
	name string
}

// marked is what is marked for one node.
type marked struct {
	// node is nil for one that is not declared.
	node  *node
	units []pipeline.Unit
	// wide says that there are too many units to be noted.
	wide bool
	// n counts the units, noted or not.
	n int
}

// mark takes one unit of one node. Those of a node whose switch is not connected
// are only counted: it will be compared as a whole.
func (m *marking) mark(name string, u pipeline.Unit) {
	if m.last == nil || m.name != name {
		k, ok := m.nodes[name]
		if !ok {
			k = &marked{node: m.d.nodes[name]}
			m.nodes[name] = k
		}
		m.last, m.name = k, name
	}
	k := m.last
	k.n++
	switch {
	case k.wide || k.node == nil || k.node.peer == nil:
	case len(k.units) == m.limit:
		k.wide, k.units = true, nil
	default:
		k.units = append(k.units, u)
	}
}
