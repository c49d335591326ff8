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
