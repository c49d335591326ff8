package reconcile

import (
	"net/netip"
	"path/filepath"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store/bolt"
)

// The metrics' names and texts are as Prometheus wants them (promtool check
// metrics does the same), and give the state of each node.
func TestMetricsLint(t *testing.T) {
	reg := prometheus.NewRegistry()
	st, err := bolt.Open(filepath.Join(t.TempDir(), "test.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	_, err = st.Apply(t.Context(), "test", []topology.Op{{
		Verb: topology.Create, Ref: topology.Ref{Kind: topology.KindNode, Name: "node1"}, Spec: topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.168.50.11")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = New(Config{Registerer: reg}, st)
	if err != nil {
		t.Fatal(err)
	}
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
	gauges := map[string]float64{}
	for _, m := range families {
		for _, x := range m.GetMetric() {
			name := m.GetName()
			for _, l := range x.GetLabel() {
				name += " " + l.GetValue()
			}
			gauges[name] = x.GetGauge().GetValue()
		}
	}
	for name, want := range map[string]float64{
		"sdnd_node_connected node1": 0, "sdnd_node_ready node1": 0, "sdnd_node_conditions node1": 1,
		"sdnd_objects_with_condition NotConnected error": 1, "sdnd_objects_with_condition NotBound error": 0,
	} {
		if got, ok := gauges[name]; !ok || got != want {
			t.Errorf("%s is %v (%t), want %v", name, got, ok, want)
		}
	}
}
