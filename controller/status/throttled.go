package status

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// throttled is the metric of how long reading from each node's switch was paused because the
// switch sent many asynchronous messages.
type throttled struct {
	board *Board
	desc  *prometheus.Desc
}

func newThrottled(b *Board) throttled {
	return throttled{b, prometheus.NewDesc(
		"sdnd_openflow_throttled_seconds_total",
		"How long reading from a node's switch was paused because it sent more than its share of asynchronous messages, such as packet-ins.",
		[]string{"node"}, nil,
	)}
}

// Describe is part of prometheus.Collector.
func (t throttled) Describe(ch chan<- *prometheus.Desc) { ch <- t.desc }

// Collect is part of prometheus.Collector. It omits nodes that were never throttled.
func (t throttled) Collect(ch chan<- prometheus.Metric) {
	var all []prometheus.Metric // collected with the lock, and sent without it
	t.board.mu.Lock()
	for name, n := range t.board.nodes {
		if d := n.throttledInAll(); d > 0 {
			all = append(all, prometheus.MustNewConstMetric(t.desc, prometheus.CounterValue, d.Seconds(), name))
		}
	}
	t.board.mu.Unlock()
	for _, m := range all {
		ch <- m
	}
}

// throttledInAll returns how long reading from the node's switches was paused, including the
// connected one. The caller holds the board's lock.
func (n *boardNode) throttledInAll() time.Duration {
	if n.conn == nil {
		return n.throttled
	}
	now, _ := n.conn.Throttled()
	return n.throttled + now
}
