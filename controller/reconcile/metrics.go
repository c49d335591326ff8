package reconcile

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sdnctl/sdnctl/controller/pipeline"
)

// metrics of the Fabric. Labels are bounded by the number of nodes.
type metrics struct {
	mods             [len(pipeline.Counts{})]*prometheus.CounterVec // by kind of item
	applySeconds     *prometheus.HistogramVec
	drifts           *prometheus.CounterVec
	dropped          *prometheus.CounterVec
	handshakesFailed prometheus.Counter
	unexpected       prometheus.Counter
	work             *workMetrics
}

// newMetrics makes the metrics and registers them with reg, unless it is nil.
func newMetrics(reg prometheus.Registerer, b *board) *metrics {
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
			Help: "Packets from ports of a node that its switch dropped, by reason: source (from another MAC or address than the port's, or with a VLAN tag), ipv6 (which no network carries).",
		}, []string{"node", "reason"}),
		handshakesFailed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sdnd_openflow_handshakes_failed_total",
			Help: "Connections that did not become an OpenFlow 1.3 session.",
		}),
		unexpected: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sdnd_openflow_unexpected_messages_total",
			Help: "Messages from switches that sdnd did not ask for, such as packet-ins.",
		}),
		work: newWorkMetrics(),
	}
	connected := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "sdnd_nodes_connected", Help: "Declared nodes whose switch is connected.",
	}, func() float64 { return float64(b.count(func(s NodeStatus) bool { return s.Connected })) })
	inSync := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "sdnd_nodes_in_sync", Help: "Declared nodes whose switch has confirmed everything that concerns it.",
	}, func() float64 { return float64(b.count(func(s NodeStatus) bool { return s.InSync })) })
	quarantined := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "sdnd_switches_quarantined", Help: "Connected switches that are no declared node and get no flows.",
	}, func() float64 { return float64(b.countQuarantined()) })
	if reg != nil {
		reg.MustRegister(m.applySeconds, m.drifts, m.dropped, m.handshakesFailed, m.unexpected, connected, inSync, quarantined, newThrottled(b), newNodeMetrics(b))
		reg.MustRegister(m.work.collectors()...)
		for _, c := range m.mods {
			reg.MustRegister(c)
		}
	}
	return m
}

// nodeMods are a node's counters of messages, looked up once: a change of a thousand nodes
// counts on each of them. Those of groups and meters are nil until there are such.
type nodeMods struct {
	added, removed [len(pipeline.Counts{})]prometheus.Counter
	stamps         prometheus.Counter
}

// sent notes messages sent to a node's switch.
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

// applied notes a job done; full says that the whole table was compared.
func (m *metrics) applied(started time.Time, full bool) {
	kind := "delta"
	if full {
		kind = "full"
	}
	m.applySeconds.WithLabelValues(kind).Observe(time.Since(started).Seconds())
}

func (b *board) count(which func(NodeStatus) bool) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.nodes {
		if which(l.snapshot()) {
			n++
		}
	}
	return n
}

func (b *board) countQuarantined() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.quarantined)
}
