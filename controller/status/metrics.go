package status

import "github.com/prometheus/client_golang/prometheus"

// Collectors returns the metrics of nodes and switches.
func (b *Board) Collectors() []prometheus.Collector {
	connected := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "sdnd_nodes_connected", Help: "Declared nodes whose switch is connected.",
	}, func() float64 { n, _ := b.counts(); return float64(n) })
	inSync := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "sdnd_nodes_in_sync", Help: "Declared nodes whose switch has confirmed all changes that concern it.",
	}, func() float64 { _, n := b.counts(); return float64(n) })
	quarantined := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "sdnd_switches_quarantined", Help: "Connected switches that no declared node claims and that get no flows.",
	}, func() float64 { return float64(b.countQuarantined()) })
	return append(newSessionMetrics(b), connected, inSync, quarantined, newNodeMetrics(b))
}

// counts returns the number of connected nodes, and of those that have confirmed all changes.
func (b *Board) counts() (connected, inSync int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.connected, b.inSync
}

func (b *Board) countQuarantined() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.quarantined)
}
