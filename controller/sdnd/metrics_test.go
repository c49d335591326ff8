package main

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store/bolt"
)

// TestPoolMetrics: how many addresses of a network there are and are used, by
// names as promtool wants them; of too many networks, of the fullest.
func TestPoolMetrics(t *testing.T) {
	st, err := bolt.Open(filepath.Join(t.TempDir(), "test.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	put := func(kind topology.Kind, name string, spec topology.Spec) topology.Op {
		return topology.Op{Verb: topology.Put, Ref: topology.Ref{Kind: kind, Name: name}, Spec: spec}
	}
	network := func(cidr string) topology.NetworkSpec {
		return topology.NetworkSpec{Mode: topology.Stretched, Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix(cidr)}}}
	}
	apply := func(ops ...topology.Op) {
		t.Helper()
		if _, err := st.Apply(t.Context(), "test", ops); err != nil {
			t.Fatal(err)
		}
	}
	apply(put(topology.KindNetwork, "blue", network("10.0.0.0/28")),
		put(topology.KindPort, "web", topology.PortSpec{Network: "blue"}), put(topology.KindPort, "db", topology.PortSpec{Network: "blue"}))
	reg := newRegistry(st)
	const want = `
# HELP sdnd_network_addresses Addresses that ports of the network may have; of a segmented network those in the blocks of its nodes. Of the 1,000 networks and families with the greatest share used.
# TYPE sdnd_network_addresses gauge
sdnd_network_addresses{family="ipv4",network="blue"} 13
# HELP sdnd_network_addresses_allocated Addresses that ports of the network have. Of the 1,000 networks and families with the greatest share used.
# TYPE sdnd_network_addresses_allocated gauge
sdnd_network_addresses_allocated{family="ipv4",network="blue"} 2
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "sdnd_network_addresses", "sdnd_network_addresses_allocated"); err != nil {
		t.Error(err)
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

	var many []topology.Op
	for i := range maxPools {
		many = append(many, put(topology.KindNetwork, fmt.Sprintf("a%d", i), network(fmt.Sprintf("10.%d.%d.0/29", 1+i/256, i%256))))
	}
	apply(many...)
	if n, err := testutil.GatherAndCount(reg, "sdnd_network_addresses"); err != nil || n != maxPools {
		t.Errorf("of %d networks, want %d: %v", n, maxPools, err)
	}
	if err := testutil.GatherAndCompare(newRegistry(st), strings.NewReader(""), "sdnd_network_addresses_allocated"); err == nil || !strings.Contains(err.Error(), `{family="ipv4",network="blue"} 2`) {
		t.Errorf("the fullest network is not among them: %v", err)
	}
}
