package status

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/pipeline"
)

// nodeMetrics collects, at each scrape, the state of each node and the number of objects
// with each condition. The labels have a value for each node and each reason.
type nodeMetrics struct {
	board                               *Board
	connected, inSync, ready            *prometheus.Desc
	items                               [len(pipeline.Counts{})]*prometheus.Desc
	boundPorts, conditions, conditioned *prometheus.Desc
}

func newNodeMetrics(b *Board) *nodeMetrics {
	node := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, []string{"node"}, nil) }
	return &nodeMetrics{
		board:     b,
		connected: node("sdnd_node_connected", "1 if the node's switch is connected, else 0."),
		inSync:    node("sdnd_node_in_sync", "1 if the node's switch has confirmed all changes that concern it, else 0."),
		ready:     node("sdnd_node_ready", "1 if no condition of the node is an error, else 0."),
		items: [...]*prometheus.Desc{
			pipeline.ItemFlow:  node("sdnd_node_flows", "Flows that the node's switch has from sdnd."),
			pipeline.ItemGroup: node("sdnd_node_groups", "Groups that the node's switch has from sdnd."),
			pipeline.ItemMeter: node("sdnd_node_meters", "Meters that the node's switch has from sdnd."),
		},
		boundPorts: node("sdnd_node_bound_ports", "Ports that are bound to an interface of the node."),
		conditions: node("sdnd_node_conditions", "Errors and warnings of the node."),
		conditioned: prometheus.NewDesc("sdnd_objects_with_condition",
			"Nodes, networks and ports that have a condition, by its reason and severity.", []string{"reason", "severity"}, nil),
	}
}

// Describe is part of prometheus.Collector.
func (m *nodeMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range append(m.items[:], m.connected, m.inSync, m.ready, m.boundPorts, m.conditions, m.conditioned) {
		to <- d
	}
}

// Collect is part of prometheus.Collector.
func (m *nodeMetrics) Collect(to chan<- prometheus.Metric) {
	nodes, bound, reasons := m.board.forMetrics()
	for _, s := range nodes {
		for _, g := range []struct {
			desc  *prometheus.Desc
			value float64
		}{
			{m.connected, truth(s.Connected)}, {m.inSync, truth(s.InSync)}, {m.ready, truth(condition.Ready(s.Conditions))},
			{m.boundPorts, float64(bound[s.Node])}, {m.conditions, float64(len(s.Conditions))},
		} {
			to <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, g.value, s.Node)
		}
		for k, n := range s.Items {
			to <- prometheus.MustNewConstMetric(m.items[k], prometheus.GaugeValue, float64(n), s.Node)
		}
	}
	for _, d := range condition.Reasons() {
		to <- prometheus.MustNewConstMetric(m.conditioned, prometheus.GaugeValue, float64(reasons[d.Reason]), string(d.Reason), string(d.Severity))
	}
}

// forMetrics returns the status of all nodes, and counts of bound ports by node
// and of conditions by reason.
func (b *Board) forMetrics() (nodes []Node, bound map[string]int, reasons map[condition.Reason]int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	bound = map[string]int{}
	for name, n := range b.nodes {
		nodes = append(nodes, b.assessNode(n))
		bound[name] = b.bound[name]
	}
	return nodes, bound, Summarize(b.conditions, 0).Reasons
}

// truth returns 1 for true and 0 for false.
func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
