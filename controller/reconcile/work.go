package reconcile

import (
	"slices"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sdnctl/sdnctl/controller/pipeline"
)

// What a bundle costs beside its flow-mods, in bytes: a header for each of them,
// and the requests that open, close and commit it (ONF extension 230).
const (
	bundleHeader   = 24
	bundleRequests = 3 * 24
)

// maxCharged bounds how many changes a mailbox remembers to tell what they cost; a
// switch that is slower than that has the newer ones counted without its part.
const maxCharged = 1024

// workMetrics tell what single changes cost: docs/cost.md promises bounds.
type workMetrics struct {
	flowMods, nodes, units, bytes *prometheus.HistogramVec
}

func newWorkMetrics() *workMetrics {
	histogram := func(name, help string, first float64) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(first, 4, 12),
		}, []string{"object"})
	}
	return &workMetrics{
		flowMods: histogram("sdnd_change_flow_mods", "Flow-mods, group-mods and meter-mods sent for one change to all switches that are connected, stamps not counted, by the kind of object that changed; told when the last of them has confirmed.", 1),
		nodes:    histogram("sdnd_change_nodes", "Nodes whose flows one change may concern.", 1),
		units:    histogram("sdnd_change_units", "Units (ports, blocks, networks) compiled for one change, summed over nodes.", 1),
		bytes:    histogram("sdnd_change_bytes", "Bytes of bundles sent for one change to all switches that are connected.", 256),
	}
}

func (m *workMetrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.flowMods, m.nodes, m.units, m.bytes}
}

// cost is what was sent to a switch.
type cost struct {
	mods  int // flow-mods, group-mods and meter-mods, but for stamps
	bytes int
}

// change is one change whose work is not all done.
type change struct {
	metrics *workMetrics
	seq     uint64 // of the view that it made
	object  string
	// left counts the nodes that have not confirmed their part, and the
	// dispatcher while it hands out the parts.
	left        atomic.Int32
	mods, bytes atomic.Int64
}

// change begins to tell what the marked update costs.
func (m *marking) change(u pipeline.Update) *change {
	c := &change{metrics: m.d.f.metrics.work, seq: m.d.view.Seq, object: objectOf(u)}
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

// objectOf tells what an update changes: one object of a kind, several, or only
// where ports are.
func objectOf(u pipeline.Update) string {
	switch len(u.Changes) {
	case 0:
		return "binding"
	case 1:
		return string(u.Changes[0].Ref.Kind)
	}
	return "several"
}

// settle notes what one part of the change took; after the last it is observed.
func (c *change) settle(s cost) {
	c.mods.Add(int64(s.mods))
	c.bytes.Add(int64(s.bytes))
	if c.left.Add(-1) > 0 {
		return
	}
	c.metrics.flowMods.WithLabelValues(c.object).Observe(float64(c.mods.Load()))
	c.metrics.bytes.WithLabelValues(c.object).Observe(float64(c.bytes.Load()))
}

// post makes the node's part one of the change's.
func (c *change) post(n *node) {
	c.left.Add(1)
	n.mail.charge(c)
}

// charge notes that the work that waits, or will, is part of a change, which was
// counted as such.
func (m *mailbox) charge(c *change) {
	m.mu.Lock()
	full := len(m.charged) == maxCharged
	if !full {
		m.charged = append(m.charged, c)
	}
	m.mu.Unlock()
	if full {
		c.settle(cost{})
	}
}

// discharge is the opposite of charge, for a change of which no work waits.
func (m *mailbox) discharge(c *change) {
	m.mu.Lock()
	i := slices.Index(m.charged, c)
	if i >= 0 {
		m.charged = slices.Delete(m.charged, i, i+1)
	}
	m.mu.Unlock()
	if i >= 0 {
		c.settle(cost{})
	}
}

// settle tells the changes that were done with the job what it took. Where
// several were merged the first is charged with it. A comparison of the whole table
// is not a change's work.
func (m *mailbox) settle(j job, s cost) {
	m.mu.Lock()
	n := 0
	for n < len(m.charged) && m.charged[n].seq <= j.view.Seq {
		n++
	}
	done := m.charged[:n:n]
	if m.charged = m.charged[n:]; len(m.charged) == 0 {
		m.charged = nil
	}
	m.mu.Unlock()
	if j.full {
		s = cost{}
	}
	for _, c := range done {
		c.settle(s)
		s = cost{}
	}
}
