package reconcile

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/workqueue"
)

// changeMetrics measure the cost of single changes: docs/cost.md promises bounds.
type changeMetrics struct {
	flowMods, nodes, units, bytes *prometheus.HistogramVec
}

func newChangeMetrics() *changeMetrics {
	histogram := func(name, help string, first float64) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(first, 4, 12),
		}, []string{"object"})
	}
	return &changeMetrics{
		flowMods: histogram("sdnd_change_flow_mods", "Flow-mods, group-mods and meter-mods sent for one change to all switches that are connected, stamps not counted, by the kind of object that changed; observed when the last of them has confirmed.", 1),
		nodes:    histogram("sdnd_change_nodes", "Nodes whose flows one change may concern.", 1),
		units:    histogram("sdnd_change_units", "Units (ports, blocks, networks) compiled for one change, summed over nodes.", 1),
		bytes:    histogram("sdnd_change_bytes", "Bytes of bundles sent for one change to all switches that are connected.", 256),
	}
}

func (m *changeMetrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.flowMods, m.nodes, m.units, m.bytes}
}

// change is one change whose work is not all done.
type change struct {
	metrics *changeMetrics
	seq     uint64
	object  string
	// left counts the nodes that have not confirmed their part, and the
	// dispatcher while it hands out the parts.
	left        atomic.Int32
	mods, bytes atomic.Int64
}

// Seq is of the view that the change made.
func (c *change) Seq() uint64 { return c.seq }

// change begins to measure the cost of the marked update.
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

// objectOf returns what an update changes: the kind of the one object, or that there are
// several, or only places of ports.
func objectOf(u pipeline.Update) string {
	switch len(u.Changes) {
	case 0:
		return "binding"
	case 1:
		return string(u.Changes[0].Ref.Kind)
	}
	return "several"
}

// Settle adds the cost of one part of the change; after the last part the total is observed.
func (c *change) Settle(s workqueue.Cost) {
	c.mods.Add(int64(s.Mods))
	c.bytes.Add(int64(s.Bytes))
	if c.left.Add(-1) > 0 {
		return
	}
	c.metrics.flowMods.WithLabelValues(c.object).Observe(float64(c.mods.Load()))
	c.metrics.bytes.WithLabelValues(c.object).Observe(float64(c.bytes.Load()))
}

// post puts a node's part of the change into its queue.
func (c *change) post(n *node) {
	c.left.Add(1)
	n.queue.Charge(c)
}
