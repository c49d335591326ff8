package pipeline_test

import (
	"fmt"
	"maps"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// manyBackends has a service with so many backends, which are spread over nodes that use it, and places of the backends.
func manyBackends(t testing.TB, nodes, ports int) (*pipeline.View, []pipeline.PlaceChange) {
	t.Helper()
	ops := []topology.Op{put(topology.KindNetwork, "net", topology.NetworkSpec{Mode: topology.Segmented, ContainersPerNode: 250, MaxNodes: 200, Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.0.0.0/12")}}})}
	for i := range nodes {
		ops = append(ops, put(topology.KindNode, fmt.Sprintf("n%d", i+1), topology.NodeSpec{TunnelIP: netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)})}))
	}
	places := make([]pipeline.PlaceChange, ports)
	for i := range places {
		name, node := fmt.Sprintf("p%d", i), 1+i%nodes
		op := portOp(name, "net", node)
		op.Labels = map[string]string{"app": "web"}
		ops = append(ops, op)
		places[i] = pipeline.PlaceChange{Port: name, After: pipeline.Place{Node: fmt.Sprintf("n%d", node), OFPort: openflow.PortNo(1 + i/nodes)}}
	}
	ops = append(ops, put(model.KindService, "s", model.ServiceSpec{
		Addresses: []netip.Addr{netip.MustParseAddr("172.20.0.1")}, Networks: []string{"net"}, Ports: []model.ServicePort{{Port: 80}},
		Backends: model.ServiceBackends{PolicySelection: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}}}},
	}))
	r, err := topology.Plan(topology.NewSnapshot(), ops, time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	return pipeline.NewView(topology.NewSnapshot()).Next(updateOf(r)).Next(pipeline.Update{Places: places}), places
}

// TestManyBackends: several nodes are compiled at once from one view, which finds the backends of a service once, as
// each is compiled from a view of its own; and a view without one of the backends has it nowhere.
func TestManyBackends(t *testing.T) {
	const nodes, ports = 4, 300
	v, places := manyBackends(t, nodes, ports)
	digest := func(v *pipeline.View, node string) pipeline.Digest {
		var all pipeline.ItemSet
		new(pipeline.Compiler).CompileNode(&all, v, node)
		return all.Digest()
	}
	var wait sync.WaitGroup
	for i := range 3 * nodes {
		own := v.Next(pipeline.Update{})
		wait.Go(func() {
			node := fmt.Sprintf("n%d", 1+i%nodes)
			if got, want := digest(v, node), digest(own, node); got != want {
				t.Errorf("%s: digest %v, want %v", node, got, want)
			}
		})
	}
	wait.Wait()
	without := v.Next(pipeline.Update{Places: []pipeline.PlaceChange{{Port: "p7", Before: places[7].After}}})
	for i := range nodes {
		if node := fmt.Sprintf("n%d", 1+i); digest(without, node) == digest(v, node) {
			t.Errorf("%s has the backend still", node)
		}
	}
}

// BenchmarkBackendDelta measures a backend that leaves a service with thousands of others, on many
// nodes that use it.
func BenchmarkBackendDelta(b *testing.B) {
	before, places := manyBackends(b, 100, 5000)
	var d pipeline.Delta
	n := 0
	for b.Loop() {
		u := pipeline.Update{Places: []pipeline.PlaceChange{{Port: "p7", Before: places[7].After}}}
		after := before.Next(u)
		marked := map[string]map[pipeline.Unit]*pipeline.View{}
		pipeline.Affected(before, after, u, func(node string, unit pipeline.Unit) {
			if marked[node] == nil {
				marked[node] = map[pipeline.Unit]*pipeline.View{}
			}
			marked[node][unit] = before
		})
		n = 0
		for node, units := range marked {
			d.Compute(after, node, maps.All(units))
			n++
		}
	}
	b.ReportMetric(float64(n), "nodes")
}
