package worker

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sdnctl/sdnctl/controller/pipeline"
)

// metrics are the metrics of all workers. Labels are bounded by the number of nodes.
type metrics struct {
	mods         [len(pipeline.Counts{})]*prometheus.CounterVec // by kind of item
	applySeconds *prometheus.HistogramVec
	drifts       *prometheus.CounterVec
	dropped      *prometheus.CounterVec
}

// newMetrics makes the metrics and registers them with reg, unless it is nil.
func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		mods: [...]*prometheus.CounterVec{
			pipeline.ItemFlow: prometheus.NewCounterVec(prometheus.CounterOpts{
				Name: "sdnd_openflow_flow_mods_total",
				Help: "Flow-mods sent to a node's switch, by what they do: add or delete a flow, or set the stamp (docs/cost.md).",
			}, []string{"node", "op"}),
			pipeline.ItemGroup: prometheus.NewCounterVec(prometheus.CounterOpts{
				Name: "sdnd_openflow_group_mods_total",
				Help: "Group-mods sent to a node's switch, by what they do: add (or change) or delete a group.",
			}, []string{"node", "op"}),
			pipeline.ItemMeter: prometheus.NewCounterVec(prometheus.CounterOpts{
				Name: "sdnd_openflow_meter_mods_total",
				Help: "Meter-mods sent to a node's switch, by what they do: add (or change) or delete a meter.",
			}, []string{"node", "op"}),
		},
		applySeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "sdnd_reconcile_apply_seconds",
			Help:    "Time to bring a switch up to date, from taking up the work to its confirmation.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 4, 10),
		}, []string{"kind"}),
		drifts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sdnd_drifts_total",
			Help: "Flows, groups and meters of a node's switch that somebody else changed, by what was done and what detected it; all were undone.",
		}, []string{"node", "what", "by"}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sdnd_dropped_packets_total",
			Help: "Packets from ports of a node that its switch dropped, by reason: source (from another MAC or address than the port's, or with a VLAN tag), ipv6 (which no network carries), no-source-port (what begins a connection to outside for which none is free), flood (what a port sends to all of its network beyond the network's limit).",
		}, []string{"node", "reason"}),
	}
	if reg != nil {
		reg.MustRegister(m.applySeconds, m.drifts, m.dropped)
		for _, c := range m.mods {
			reg.MustRegister(c)
		}
	}
	return m
}

// nodeMods has the counters of messages of one node. They are looked up once, because a change
// that concerns a thousand nodes counts on each of them. Those of groups and meters are nil
// until there is one.
type nodeMods struct {
	added, removed [len(pipeline.Counts{})]prometheus.Counter
	stamps         prometheus.Counter
}

// sent counts messages that were sent to a node's switch.
func (m *metrics) sent(node string, c *nodeMods, s *sent) {
	for k, mods := range m.mods {
		if kind := pipeline.ItemKind(k); kind != pipeline.ItemFlow && s.added[k]+s.removed[k] == 0 {
			continue
		}
		if c.added[k] == nil {
			c.added[k], c.removed[k] = mods.WithLabelValues(node, "add"), mods.WithLabelValues(node, "delete")
		}
		c.added[k].Add(float64(s.added[k]))
		c.removed[k].Add(float64(s.removed[k]))
	}
	if c.stamps == nil {
		c.stamps = m.mods[pipeline.ItemFlow].WithLabelValues(node, "stamp")
	}
	c.stamps.Add(float64(s.stamps))
}

// applied counts a job; full says that the whole table was compared.
func (m *metrics) applied(started time.Time, full bool) {
	kind := "delta"
	if full {
		kind = "full"
	}
	m.applySeconds.WithLabelValues(kind).Observe(time.Since(started).Seconds())
}
