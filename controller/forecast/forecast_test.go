package forecast

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestPlanner: the effect of a change is computed from the topology that the change is planned
// on, be that the one of the newest view, the one that was planned last, or another.
func TestPlanner(t *testing.T) {
	plan := func(before *topology.Snapshot, ops ...topology.Op) topology.Result {
		t.Helper()
		r, err := topology.Plan(before, ops, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	put := func(kind topology.Kind, name string, spec topology.Spec, labels map[string]string) topology.Op {
		return topology.Op{Verb: topology.Put, Ref: topology.Ref{Kind: kind, Name: name}, Spec: spec, Labels: labels}
	}
	web := map[string]string{"app": "web"}
	policy := func(i int) topology.Op {
		return put(model.KindPolicy, fmt.Sprintf("p%d", i), model.PolicySpec{Priority: i, Subject: model.PolicySelection{Selector: &model.Selector{MatchLabels: web}}, Isolates: []model.PolicyDirection{model.Ingress},
			Ingress: []model.PolicyRule{{Ports: []model.PolicyPort{{Protocol: model.ProtocolTCP, First: 80, Last: 80}}}}}, nil)
	}
	start := plan(topology.NewSnapshot(),
		put(topology.KindNode, "n1", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.1")}, nil),
		put(topology.KindNetwork, "blue", topology.NetworkSpec{CIDR: netip.MustParsePrefix("10.0.0.0/24")}, nil),
		put(topology.KindPort, "web", topology.PortSpec{Network: "blue"}, web)).Next
	view := pipeline.NewView(start).Next(pipeline.Update{Places: []pipeline.PlaceChange{{Port: "web", After: pipeline.Place{Node: "n1", Interface: "web", OFPort: 7}}}})
	var f Planner
	now := func() *pipeline.View { return view }
	if got := f.Effect(now, start, plan(start, put(topology.KindPort, "lb", topology.PortSpec{Network: "blue"}, nil)), false); got.After != nil {
		t.Error("computed views though there are no policies")
	}
	first := plan(start, policy(1))
	one := f.Effect(now, start, first, true)
	second := plan(first.Next, policy(2))
	two := f.Effect(now, first.Next, second, true)
	third := plan(second.Next, policy(3))
	f.last = nil
	three := f.Effect(now, second.Next, third, true)
	var got []pipeline.PolicyLoad
	for _, x := range []Effect{one, two, three} {
		got = append(got, x.Policies...)
		if x.Flows == nil || x.Flows.Nodes != 1 || x.Flows.Mods < x.Policies[0].After-x.Policies[0].Before {
			t.Errorf("would send %+v for %+v", x.Flows, x.Policies)
		}
	}
	n := got[0].After
	each := got[1].After - n
	want := []pipeline.PolicyLoad{{Node: "n1", After: n, Alike: 1}, {Node: "n1", Before: n, After: n + each, Alike: 1}, {Node: "n1", Before: n + each, After: n + 2*each, Alike: 1}}
	if diff := cmp.Diff(want, got); diff != "" || each < 4 {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
