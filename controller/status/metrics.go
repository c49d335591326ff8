package status

import "github.com/prometheus/client_golang/prometheus"

// Collectors returns the metrics of nodes and switches.
func (b *Board) Collectors() []prometheus.Collector {
	connected := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "sdnd_nodes_connected", Help: "Declared nodes whose switch is connected.",
	}, func() float64 { return float64(b.count(func(s Node) bool { return s.Connected })) })
	inSync := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "sdnd_nodes_in_sync", Help: "Declared nodes whose switch has confirmed all changes that concern it.",
	}, func() float64 { return float64(b.count(func(s Node) bool { return s.InSync })) })
	quarantined := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "sdnd_switches_quarantined", Help: "Connected switches that no declared node claims and that get no flows.",
	}, func() float64 { return float64(b.countQuarantined()) })
	return []prometheus.Collector{connected, inSync, quarantined, newThrottled(b), newNodeMetrics(b)}
}

// count returns the number of nodes with a property.
func (b *Board) count(which func(Node) bool) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.nodes {
		if which(l.snapshot()) {
			n++
		}
	}
	return n
}

func (b *Board) countQuarantined() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.quarantined)
}
