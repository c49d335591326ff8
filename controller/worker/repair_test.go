package worker

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/openflow/session"
	"github.com/sdnctl/sdnctl/topology"
)

// wantedFlows compiles the flows of a node whose network has ports on another node, leaving out
// the number of flows that without says.
func wantedFlows(t testing.TB, ports, without int) *pipeline.ItemSet {
	t.Helper()
	put := func(kind topology.Kind, name string, spec topology.Spec) topology.Op {
		return topology.Op{Verb: topology.Put, Ref: topology.Ref{Kind: kind, Name: name}, Spec: spec}
	}
	ops := []topology.Op{
		put(topology.KindNode, "here", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.1")}),
		put(topology.KindNode, "there", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.2")}),
		put(topology.KindNetwork, "net", topology.NetworkSpec{VNI: 7, Mode: topology.Stretched,
			Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.0.0.0/16")}}}),
		put(topology.KindPort, "here", topology.PortSpec{Network: "net", Node: "here"}),
	}
	for i := range ports {
		ops = append(ops, put(topology.KindPort, fmt.Sprintf("p%d", i), topology.PortSpec{Network: "net", Node: "there"}))
	}
	r, err := topology.Plan(topology.NewSnapshot(), ops, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	v := pipeline.NewView(topology.NewSnapshot()).Next(pipeline.Update{Topo: r.Next, Changes: r.Changes, Blocks: r.Blocks, Identities: r.Identities, Numberings: r.Numberings, Identified: r.Identified})
	v = v.Next(pipeline.Update{
		Places:  []pipeline.PlaceChange{{Port: "here", After: pipeline.Place{Node: "here", Interface: "eth0", OFPort: 5}}},
		Tunnels: []pipeline.TunnelChange{{Node: "here", After: 1}},
	})
	var set pipeline.ItemSet
	var c pipeline.Compiler
	for u := range v.Units("here") {
		if u.Kind == pipeline.UnitNode {
			continue // it has a meter, too
		}
		if u.Kind == pipeline.UnitPort && without > 0 && u.Name != "here" {
			without--
			continue
		}
		c.Compile(&set, v, "here", u)
	}
	return &set
}

func flowOf(t testing.TB, set *pipeline.ItemSet, e pipeline.Item) openflow.Flow {
	t.Helper()
	mod, err := openflow.DecodeFlowMod(set.Message(e))
	if err != nil {
		t.Fatal(err)
	}
	return mod.Flow
}

// modelSwitch is a flow table that reports changes by others.
type modelSwitch struct {
	flows    map[openflow.FlowKey]openflow.Flow
	reported []session.FlowChange
}

func (m *modelSwitch) report(e openflow.FlowEvent, f openflow.Flow) {
	m.reported = append(m.reported, session.FlowChange{FlowUpdate: openflow.FlowUpdate{Event: e, Flow: f}})
}

// apply applies a job as the worker does.
func (m *modelSwitch) apply(t testing.TB, before, after *pipeline.ItemSet) {
	had, has := map[openflow.Cookie]bool{}, map[openflow.Cookie]bool{}
	for _, e := range before.Items() {
		had[e.Cookie()] = true
	}
	for _, e := range after.Items() {
		has[e.Cookie()] = true
	}
	for _, e := range before.Items() {
		for k, f := range m.flows {
			if !has[e.Cookie()] && f.Cookie == e.Cookie() && f.Table == e.Table() {
				delete(m.flows, k)
			}
		}
	}
	for _, e := range after.Items() {
		if !had[e.Cookie()] {
			f := flowOf(t, after, e)
			m.flows[f.Key()] = f
		}
	}
}

// repaired undoes what was reported, and returns how many flows it touched.
func (m *modelSwitch) repaired(t testing.TB, wanted *pipeline.ItemSet) int {
	remove, add := undoing(compareReported(m.reported, wanted))
	for _, f := range remove {
		delete(m.flows, f.Key())
	}
	for _, e := range add {
		f := flowOf(t, wanted, e)
		m.flows[f.Key()] = f
	}
	m.reported = nil
	return len(remove) + len(add)
}

// TestRepairsAnything: whatever others do, and however that interleaves with the worker's own
// changes, undoing what was reported leaves exactly the wanted flows, and touches nothing else.
func TestRepairsAnything(t *testing.T) {
	sets := []*pipeline.ItemSet{wantedFlows(t, 6, 0), wantedFlows(t, 6, 3), wantedFlows(t, 9, 1)}
	var pool []openflow.Flow // sdnd's flows, and similar ones of others
	for _, s := range sets {
		for _, e := range s.Items() {
			f := flowOf(t, s, e)
			pool = append(pool, f)
			f.Priority += 3
			pool = append(pool, f)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		wanted := sets[0]
		m := &modelSwitch{flows: map[openflow.FlowKey]openflow.Flow{}}
		m.apply(t, &pipeline.ItemSet{}, wanted)
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			f := rapid.SampledFrom(pool).Draw(rt, "flow")
			old, there := m.flows[f.Key()]
			switch rapid.SampledFrom([]string{"add", "add", "delete", "delete", "modify", "job", "repair"}).Draw(rt, "what") {
			case "add":
				switch rapid.IntRange(0, 3).Draw(rt, "how") {
				case 0:
					f.Cookie = 0
				case 1:
					f.Cookie = rapid.SampledFrom(pool).Draw(rt, "cookie").Cookie
				case 2:
					f.Instructions = nil
				}
				m.flows[f.Key()] = f
				m.report(openflow.FlowAdded, f)
			case "delete":
				if there {
					delete(m.flows, f.Key())
					m.report(openflow.FlowDeleted, old)
				}
			case "modify":
				if instr := rapid.SampledFrom(pool).Draw(rt, "instructions").Instructions; there && string(instr) != string(old.Instructions) {
					old.Instructions = instr
					m.flows[f.Key()] = old
					m.report(openflow.FlowModified, old)
				}
			case "job":
				next := rapid.SampledFrom(sets).Draw(rt, "next")
				m.apply(t, wanted, next)
				wanted = next
			case "repair":
				keys := map[openflow.FlowKey]bool{}
				for _, c := range m.reported {
					keys[c.Key()] = true
				}
				if n := m.repaired(t, wanted); n > len(keys) {
					rt.Fatalf("%d flows are touched, %d were reported", n, len(keys))
				}
			}
		}
		m.repaired(t, wanted)
		want := map[openflow.FlowKey]openflow.Flow{}
		for _, e := range wanted.Items() {
			f := flowOf(t, wanted, e)
			want[f.Key()] = f
		}
		if diff := cmp.Diff(want, m.flows); diff != "" {
			rt.Errorf("flows that are to be (-) and are (+):\n%s", diff)
		}
	})
}

// inAnotherOrder returns a match with its fields the other way round.
func inAnotherOrder(m openflow.Match) openflow.Match {
	var fields [][]byte
	for len(m) > 0 {
		n := 4 + int(m[3])
		fields, m = append(fields, m[:n]), m[n:]
	}
	slices.Reverse(fields)
	return slices.Concat(fields...)
}

// TestFlowsInAnotherForm: flows that a switch returns in another form are not replaced, and
// wrong ones are corrected.
func TestFlowsInAnotherForm(t *testing.T) {
	set := wantedFlows(t, 5, 0)
	var e pipeline.Item
	var f openflow.Flow
	for _, e = range set.Items() {
		f = flowOf(t, set, e)
		if other := inAnotherOrder(f.Match); string(other) != string(f.Match) {
			f.Match = other
			break
		}
	}
	if pipeline.CookieOf(&f) == e.Cookie() {
		t.Fatal("no flow has two fields")
	}
	broken := f
	broken.Instructions = nil
	for _, tt := range []struct {
		name  string
		event openflow.FlowEvent
		flow  openflow.Flow
		right bool
	}{
		{"put back", openflow.FlowAdded, f, true},
		{"deleted", openflow.FlowDeleted, f, false},
		{"modified", openflow.FlowModified, broken, false},
	} {
		all := compareReported([]session.FlowChange{{FlowUpdate: openflow.FlowUpdate{Event: tt.event, Flow: tt.flow}}}, set)
		if !all[0].ours || all[0].entry != e || all[0].right != tt.right {
			t.Errorf("%s: taken for %+v", tt.name, all[0])
		}
		remove, add := undoing(all)
		if len(remove) != 0 || (len(add) == 0) != tt.right || len(add) > 0 && add[0] != e {
			t.Errorf("%s: remove %v, add %v", tt.name, remove, add)
		}
	}
}

// BenchmarkRepair measures undoing one change, without compiling.
func BenchmarkRepair(b *testing.B) {
	set := wantedFlows(b, 5000, 0)
	f := flowOf(b, set, set.Items()[set.Len()-1])
	changes := []session.FlowChange{{FlowUpdate: openflow.FlowUpdate{Event: openflow.FlowDeleted, Flow: f}}}
	b.ReportAllocs()
	for b.Loop() {
		if _, add := undoing(compareReported(changes, set)); len(add) != 1 {
			b.Fatal("not undone")
		}
	}
}
