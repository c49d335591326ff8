package reconcile

import (
	"github.com/prometheus/client_golang/prometheus"
)

// metrics of the Fabric. Labels are bounded by the number of nodes.
type metrics struct {
	handshakesFailed prometheus.Counter
	unexpected       prometheus.Counter
	changes          *changeMetrics
}

// newMetrics makes the metrics and registers them with reg, unless it is nil.
func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		handshakesFailed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sdnd_openflow_handshakes_failed_total",
			Help: "Connections that did not become an OpenFlow 1.3 session.",
		}),
		unexpected: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sdnd_openflow_unexpected_messages_total",
			Help: "Messages from switches that sdnd did not ask for, such as packet-ins.",
		}),
		changes: newChangeMetrics(),
	}
	if reg != nil {
		reg.MustRegister(m.handshakesFailed, m.unexpected)
		reg.MustRegister(m.changes.collectors()...)
	}
	return m
}

// changeMetrics measure the cost of single changes, for which docs/cost.md promises bounds.
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
