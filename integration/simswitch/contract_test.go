package simswitch_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/sdnctl/sdnctl/topology"
)

// cost is the work of changes by the reconciler's metrics.
type cost struct{ changes, flowMods, nodes, bytes float64 }

func (s cost) minus(o cost) cost {
	return cost{s.changes - o.changes, s.flowMods - o.flowMods, s.nodes - o.nodes, s.bytes - o.bytes}
}

// cost sums the metrics over changes of a kind of object.
func (b *bed) cost(object string) (s cost) {
	b.Helper()
	families, err := b.registry.Gather()
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if len(m.GetLabel()) != 1 || m.GetLabel()[0].GetValue() != object {
				continue
			}
			h := m.GetHistogram()
			switch f.GetName() {
			case "sdnd_change_flow_mods":
				s.flowMods, s.changes = h.GetSampleSum(), float64(h.GetSampleCount())
			case "sdnd_change_nodes":
				s.nodes = h.GetSampleSum()
			case "sdnd_change_bytes":
				s.bytes = h.GetSampleSum()
			}
		}
	}
	return s
}

// TestWorkOfChanges has the daemon's own metrics, and the switches' counters, say
// that single changes cost what docs/cost.md promises, in a small fleet and in
// one four times as large.
func TestWorkOfChanges(t *testing.T) {
	const stamp = 104 // bytes, in a bundle
	for _, nodes := range []int{20, 80} {
		t.Run(fmt.Sprint(nodes), func(t *testing.T) {
			b := newBed(t, nodes)
			b.declare()
			b.settled()
			R := float64(nodes / 10) // nodes that have ports of lan
			for _, tt := range []struct {
				name                   string
				op                     topology.Op
				object                 string
				flowMods, nodes, bytes float64 // at most, but for flow-mods exactly
			}{
				{"segmented port", portOn("pods", 7, 3), "port", 7, 1, 7*336 + stamp + 72},
				{"its end", remove(topology.KindPort, "pods-7-3"), "port", 7, 1, 7*80 + stamp + 72},
				{"stretched port", portOn("lan", 0, 4), "port", 6 + 2*(R-1), R, (6+2*(R-1))*336 + (stamp+72)*R},
				{"its end", remove(topology.KindPort, "lan-0-4"), "port", 6 + 2*(R-1), R, (6+2*(R-1))*80 + (stamp+72)*R},
				{"a network without ports", set(topology.KindNetwork, "none", topology.NetworkSpec{Mode: topology.Stretched,
					Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.1.0.0/16")}}}), "network", 0, 0, 0},
				{"its end", remove(topology.KindNetwork, "none"), "network", 0, 0, 0},
			} {
				before, mods := b.cost(tt.object), b.flowMods()
				b.apply(tt.op)
				b.settled()
				got := b.cost(tt.object).minus(before)
				if got.changes != 1 || got.flowMods != tt.flowMods || got.nodes > tt.nodes || got.bytes > tt.bytes {
					t.Errorf("%s: %+v; want %v flow-mods, and at most %v nodes and %v bytes", tt.name, got, tt.flowMods, tt.nodes, tt.bytes)
				}
				sum := 0.0
				for _, n := range b.touched(mods) {
					sum += float64(n) - 1 // the stamp
				}
				if sum != tt.flowMods {
					t.Errorf("%s: switches got %v flow-mods, the metrics say %v", tt.name, sum, got.flowMods)
				}
			}
		})
	}
}
