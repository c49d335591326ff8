package pipeline_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// policyFlows returns how many flows policies add to a node of ten ports, one of each of ten
// applications. In all there are so many ports, ten on each node of one segmented network, in
// so many applications. Each application has a policy of ten rules, each of which allows
// another application to one TCP port.
func policyFlows(t testing.TB, ports, apps int) int {
	t.Helper()
	view := pipeline.NewView(topology.NewSnapshot())
	commit := func(ops []topology.Op, places ...pipeline.PlaceChange) {
		t.Helper()
		r, err := topology.Plan(view.Topo, ops, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		view = view.Next(pipeline.Update{
			Topo: r.Next, Changes: r.Changes, Blocks: r.Blocks, Identities: r.Identities,
			Numberings: r.Numberings, Identified: r.Identified, Places: places,
		})
	}
	nodes := ports / 10
	ops := []topology.Op{put(model.KindNetwork, "pods", topology.NetworkSpec{
		VNI: 7, Mode: topology.Segmented, Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.0.0.0/8")}}, ContainersPerNode: 10, MaxNodes: nodes,
	})}
	var places []pipeline.PlaceChange
	for i := range nodes {
		node := fmt.Sprintf("n%d", i)
		ops = append(ops, put(model.KindNode, node, topology.NodeSpec{TunnelIP: netip.AddrFrom4([4]byte{192, 168, byte(i >> 8), byte(i)}), TunnelCheck: topology.TunnelEnforce}))
		for j := range 10 {
			name := fmt.Sprintf("p%d-%d", i, j)
			op := put(model.KindPort, name, topology.PortSpec{Network: "pods", Node: node})
			op.Labels = map[string]string{"app": fmt.Sprint((i*10 + j) % apps)}
			ops = append(ops, op)
			if i == 0 {
				places = append(places, pipeline.PlaceChange{Port: name, After: pipeline.Place{Node: node, Interface: name, OFPort: openflow.PortNo(10 + j)}})
			}
		}
	}
	commit(ops, places...)
	count := func() int {
		var c pipeline.Compiler
		var set pipeline.ItemSet
		c.CompileNode(&set, view, "n0")
		return set.Len()
	}
	before := count()
	ops = nil
	for i := range apps {
		var rules []model.PolicyRule
		for j := range 10 {
			rules = append(rules, model.PolicyRule{Peers: peers(with("app", fmt.Sprint((i+j+1)%apps))), Ports: tcpPorts(1)})
		}
		ops = append(ops, put(model.KindPolicy, fmt.Sprintf("app%d", i), policy(with("app", fmt.Sprint(i)), rules...)))
	}
	commit(ops)
	return count() - before
}

// TestPolicyFlows: the cost of policies on a node depends on the rules for its own ports,
// not on the number of ports and policies elsewhere.
func TestPolicyFlows(t *testing.T) {
	few, many := policyFlows(t, 200, 20), policyFlows(t, 1000, 100)
	t.Logf("policies add %d flows among 200 ports and 20 policies, %d among 1,000 ports and 100", few, many)
	if many > few {
		t.Errorf("%d flows among 1,000 ports and 100 policies, %d among 200 and 20", many, few)
	}
	if many > 2500 {
		t.Errorf("policies add %d flows", many)
	}
}

// BenchmarkPolicyFlows counts the flows that 10,000 rules over 100,000 ports add to a node of
// ten ports.
func BenchmarkPolicyFlows(b *testing.B) {
	n := 0
	for b.Loop() {
		n = policyFlows(b, 100_000, 1000)
	}
	b.ReportMetric(float64(n), "policy-flows")
}
