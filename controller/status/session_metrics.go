package status

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// sessionTotals is what the sessions with one node's switches had to hold back or drop.
type sessionTotals struct {
	// throttled is how long reading was paused.
	throttled time.Duration
	// packetInsDropped is how many packet-ins were dropped.
	packetInsDropped uint64
}

// totals returns the totals of the node's sessions, including the present one. The caller holds
// the board's lock.
func (n *boardNode) totals() sessionTotals {
	t := n.ended
	if n.conn != nil {
		paused, _ := n.conn.Throttled()
		t.throttled += paused
		t.packetInsDropped += n.conn.PacketInsDropped()
	}
	return t
}

// sessionMetric is a counter of the sessions with each node's switches.
type sessionMetric struct {
	board *Board
	desc  *prometheus.Desc
	value func(sessionTotals) float64
}

// newSessionMetrics returns the counters of sessions.
func newSessionMetrics(b *Board) []prometheus.Collector {
	metric := func(name, help string, value func(sessionTotals) float64) sessionMetric {
		return sessionMetric{b, prometheus.NewDesc("sdnd_openflow_"+name+"_total", help, []string{"node"}, nil), value}
	}
	return []prometheus.Collector{
		metric("throttled_seconds",
			"How long reading from a node's switch was paused because it sent more than its share of asynchronous messages, such as changes of ports.",
			func(t sessionTotals) float64 { return t.throttled.Seconds() }),
		metric("packet_ins_dropped",
			"Packet-ins of a node's switch that were dropped because it sent more than its share, or faster than they were taken.",
			func(t sessionTotals) float64 { return float64(t.packetInsDropped) }),
	}
}

// Describe is part of prometheus.Collector.
func (m sessionMetric) Describe(ch chan<- *prometheus.Desc) { ch <- m.desc }

// Collect is part of prometheus.Collector. It omits nodes whose counter is 0.
func (m sessionMetric) Collect(ch chan<- prometheus.Metric) {
	var all []prometheus.Metric // collected with the lock, and sent without it
	m.board.mu.Lock()
	for name, n := range m.board.nodes {
		if v := m.value(n.totals()); v > 0 {
			all = append(all, prometheus.MustNewConstMetric(m.desc, prometheus.CounterValue, v, name))
		}
	}
	m.board.mu.Unlock()
	for _, c := range all {
		ch <- c
	}
}
