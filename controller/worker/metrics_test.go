package worker

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/sdnctl/sdnctl/controller/pipeline"
)

// TestMetricsLint: the metrics' names and texts are as Prometheus wants them.
func TestMetricsLint(t *testing.T) {
	reg := prometheus.NewRegistry()
	p := NewPool(Config{}, reg)
	for k := range p.metrics.mods {
		s := sent{stamps: 1}
		s.added.Add(pipeline.ItemKind(k), 1)
		p.metrics.sent("node1", new(nodeMods), &s)
	}
	p.metrics.applied(time.Now(), true)
	p.metrics.drifts.WithLabelValues("node1", "added", "audit").Inc()
	p.metrics.dropped.WithLabelValues("node1", "ipv6").Inc()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	if len(families) != 6 {
		t.Errorf("%d metrics, want 6", len(families))
	}
}
