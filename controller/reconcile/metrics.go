package reconcile

import (
	"github.com/prometheus/client_golang/prometheus"
)

// metrics of the Fabric. Labels are bounded by the number of nodes.
type metrics struct {
	handshakesFailed prometheus.Counter
	unexpected       prometheus.Counter
	work             *workMetrics
}

// newMetrics makes the metrics and registers them with reg, unless it is nil.
func newMetrics(reg prometheus.Registerer, b *board) *metrics {
	m := &metrics{
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
		reg.MustRegister(m.handshakesFailed, m.unexpected, connected, inSync, quarantined, newThrottled(b), newNodeMetrics(b))
		reg.MustRegister(m.work.collectors()...)
	}
	return m
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
