package pipeline_test

import (
	"fmt"
	"maps"
	"net/netip"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// BenchmarkServiceDelta measures one service more among others with the same backends: the
// plan, the next view, the units affected, and the flows to send.
func BenchmarkServiceDelta(b *testing.B) {
	for _, services := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("services=%d", services), func(b *testing.B) {
			more := oneServiceMore(b, services)
			b.ReportAllocs()
			for b.Loop() {
				more()
			}
		})
	}
}

// TestServiceAmongMany: what one service more costs does not follow how many others have its
// backends. Allocations stand for the work, as time does not tell on a busy machine.
func TestServiceAmongMany(t *testing.T) {
	few, many := testing.AllocsPerRun(2, oneServiceMore(t, 100)), testing.AllocsPerRun(2, oneServiceMore(t, 2000))
	if many > 1.5*few {
		t.Errorf("%.0f allocations among 2000 services, %.0f among 100", many, few)
	}
}

// oneServiceMore returns a function that adds one service to others with the same backends,
// and computes what to send.
func oneServiceMore(tb testing.TB, services int) func() {
	before := manyServices(tb, services)
	ops := []topology.Op{listing(services)}
	var d pipeline.Delta
	return func() {
		r, err := topology.Plan(before.Topo, ops, time.Unix(0, 0))
		if err != nil {
			tb.Fatal(err)
		}
		u := updateOf(r)
		after := before.Next(u)
		marked := map[string]map[pipeline.Unit]*pipeline.View{}
		pipeline.Affected(before, after, u, func(node string, unit pipeline.Unit) {
			if marked[node] == nil {
				marked[node] = map[pipeline.Unit]*pipeline.View{}
			}
			marked[node][unit] = before
		})
		for node, units := range marked {
			d.Compute(after, node, maps.All(units))
		}
	}
}

// BenchmarkServicesOfNode compiles all flows of a node with many services.
func BenchmarkServicesOfNode(b *testing.B) {
	v := manyServices(b, 10_000)
	var set pipeline.ItemSet
	var c pipeline.Compiler
	b.ReportAllocs()
	for b.Loop() {
		set.Reset()
		c.CompileNode(&set, v, "n1")
	}
	b.ReportMetric(float64(set.Len()), "items")
}

func updateOf(r topology.Result) pipeline.Update {
	return pipeline.Update{Topo: r.Next, Changes: r.Changes, Identities: r.Identities, Identified: r.Identified, Numberings: r.Numberings}
}

// manyServices is a view with services of ten backends each, which a hundred ports of a
// segmented network on two nodes are.
func manyServices(tb testing.TB, services int) *pipeline.View {
	tb.Helper()
	ops := []topology.Op{
		put(topology.KindNetwork, "net", topology.NetworkSpec{Mode: topology.Segmented, ContainersPerNode: 250, MaxNodes: 100, Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.0.0.0/12")}}}),
		put(topology.KindNode, "n1", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.1")}), put(topology.KindNode, "n2", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.2")}),
	}
	places := make([]pipeline.PlaceChange, 100)
	for i := range places {
		name, node := fmt.Sprintf("p%d", i), 1+i%2
		ops = append(ops, portOp(name, "net", node))
		places[i] = pipeline.PlaceChange{Port: name, After: pipeline.Place{Node: fmt.Sprintf("n%d", node), OFPort: openflow.PortNo(1 + i)}}
	}
	for i := range services {
		ops = append(ops, listing(i))
	}
	r, err := topology.Plan(topology.NewSnapshot(), ops, time.Unix(0, 0))
	if err != nil {
		tb.Fatal(err)
	}
	return pipeline.NewView(topology.NewSnapshot()).Next(updateOf(r)).Next(pipeline.Update{Places: places})
}

// listing is the i-th of many services.
func listing(i int) topology.Op {
	s := model.ServiceSpec{
		Addresses: []netip.Addr{netip.AddrFrom4([4]byte{172, 20, byte(i >> 8), byte(i)})}, Networks: []string{"net"},
		Ports: []model.ServicePort{{Port: 80}},
	}
	for k := range 10 {
		s.Backends.Endpoints = append(s.Backends.Endpoints, model.ServiceEndpoint{Port: fmt.Sprintf("p%d", (i+10*k)%100)})
	}
	return put(model.KindService, fmt.Sprintf("s%d", i), s)
}
