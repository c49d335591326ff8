package reconcile

import (
	"github.com/sdnctl/sdnctl/controller/pipeline"
)

// marking collects, by node, the units whose flows an update may change.
type marking struct {
	d *dispatcher
	// limit is the largest number of units of one node that are listed.
	limit int
	nodes map[string]*marked
	// last is the node that was marked last, and name its name. Units come node by node.
	last *marked
	name string
}

// marked has the marked units of one node.
type marked struct {
	// node is nil for a node that is not declared.
	node  *node
	units []pipeline.Unit
	// wide says that there are too many units to list.
	wide bool
	// n counts the units, whether or not they are listed.
	n int
}

// mark marks one unit of one node. Units of a node whose switch is not connected are only
// counted: that switch will be compared as a whole.
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

// change begins to count the cost of the marked update.
func (m *marking) change(u pipeline.Update) *change {
	c := &change{metrics: m.d.f.metrics.changes, seq: m.d.view.Seq, object: objectOf(u)}
	c.left.Store(1)
	units := 0
	for _, k := range m.nodes {
		units += k.n
	}
	if len(m.nodes) > 0 {
		c.metrics.nodes.WithLabelValues(c.object).Observe(float64(len(m.nodes)))
		c.metrics.units.WithLabelValues(c.object).Observe(float64(units))
	}
	return c
}

// objectOf returns what an update changes, as a label of metrics: the kind of the only object,
// "several" for several objects, or "binding" for places of ports only.
func objectOf(u pipeline.Update) string {
	switch len(u.Changes) {
	case 0:
		return "binding"
	case 1:
		return string(u.Changes[0].Ref.Kind)
	}
	return "several"
}

// post puts a node's part of the change into its queue.
func (c *change) post(n *node) {
	c.left.Add(1)
	n.queue.Charge(c)
}
