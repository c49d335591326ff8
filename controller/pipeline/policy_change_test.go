package pipeline_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestChangedPolicies: what is sent for policies that change takes a switch from all flows of
// the view before to all flows of the view after, and touches none that is in both, though the
// policies that do not change are not compiled. Their counts are those of a full compilation.
func TestChangedPolicies(t *testing.T) {
	alone, together := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		v := pipeline.NewView(topology.NewSnapshot())
		plan := func(ops ...topology.Op) (pipeline.Update, bool) {
			r, err := topology.Plan(v.Topo, ops, time.Time{})
			if err != nil {
				return pipeline.Update{}, false
			}
			return pipeline.Update{Topo: r.Next, Changes: r.Changes, Blocks: r.Blocks, Identities: r.Identities, Numberings: r.Numberings, Identified: r.Identified}, true
		}
		ops := []topology.Op{put(model.KindPortGroup, "g", model.PortGroupSpec{Ports: []string{"p0", "p3"}})}
		for i, name := range netNames {
			ops = append(ops, put(topology.KindNetwork, name, topology.NetworkSpec{Subnets: []topology.Subnet{
				{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i), 0, 0}), 24)}, {Prefix: netip.MustParsePrefix(fmt.Sprintf("fd00:%d::/64", i+1))},
			}}))
		}
		if rapid.Bool().Draw(t, "joined") {
			ops = append(ops, put(topology.KindRouter, "r", topology.RouterSpec{Networks: netNames[:2]}))
		}
		var places []pipeline.PlaceChange
		for i := range 8 {
			name := fmt.Sprintf("p%d", i)
			ops = append(ops, topology.Op{
				Verb: topology.Put, Ref: topology.Ref{Kind: topology.KindPort, Name: name},
				Spec: topology.PortSpec{Network: netNames[i%len(netNames)]}, Labels: map[string]string{"app": apps[i/2%len(apps)]},
			})
			places = append(places, pipeline.PlaceChange{Port: name, After: pipeline.Place{Node: nodeNames[i%2], OFPort: openflow.PortNo(10 + i)}})
		}
		for i, name := range nodeNames {
			ops = append(ops, put(topology.KindNode, name, topology.NodeSpec{TunnelIP: netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)})}))
		}
		// With these, the other policies make no selection that changes identities.
		selections := []model.PolicySelection{{PortGroup: "g"}, {Selector: &model.Selector{}}}
		for _, n := range netNames {
			selections = append(selections, model.PolicySelection{Networks: []string{n}})
		}
		for _, a := range apps {
			selections = append(selections, with("app", a))
		}
		for i, s := range selections {
			ops = append(ops, put(model.KindPolicy, fmt.Sprintf("always%d", i), model.PolicySpec{
				Tier: model.TierBaseline, Priority: 900 + i, Subject: s, Ingress: []model.PolicyRule{{Ports: tcpPorts(1)}}, Egress: []model.PolicyRule{{Ports: tcpPorts(1)}},
			}))
		}
		u, ok := plan(ops...)
		if !ok {
			t.Fatal("the beginning is refused")
		}
		u.Places = places
		v = v.Next(u)
		var counts pipeline.PolicyCounts
		var d pipeline.Delta
		for range rapid.IntRange(3, 10).Draw(t, "changes") {
			var ops []topology.Op
			for range rapid.IntRange(1, 2).Draw(t, "policies") {
				op := topology.Op{Verb: topology.Delete, Ref: topology.Ref{Kind: model.KindPolicy, Name: rapid.SampledFrom([]string{"u", "v", "w", "x", "y", "z"}).Draw(t, "policy")}}
				if _, there := v.Topo.Object(op.Ref); !there || rapid.IntRange(0, 3).Draw(t, "put") > 0 {
					op.Verb, op.Spec = topology.Put, simplePolicy(t)
				}
				if !slices.ContainsFunc(ops, func(o topology.Op) bool { return o.Ref == op.Ref }) {
					ops = append(ops, op)
				}
			}
			u, ok := plan(ops...)
			if !ok {
				continue
			}
			before := v
			v = v.Next(u)
			marked := map[string]map[pipeline.Unit]*pipeline.View{}
			pipeline.Affected(before, v, u, func(node string, unit pipeline.Unit) {
				if marked[node] == nil {
					marked[node] = map[pipeline.Unit]*pipeline.View{}
				}
				marked[node][unit] = before
			})
			for node, units := range marked {
				if pipeline.AloneOn(before, v, node) {
					alone++
				} else {
					together++
				}
				d.Compute(v, node, maps.All(units))
				have, want := byKey(before, node), byKey(v, node)
				for _, i := range d.Removed() {
					delete(have, key(d.RemoveMessage(i)))
				}
				for _, i := range d.Added() {
					msg := d.AddMessage(i)
					if bytes.Equal(have[key(msg)], msg) {
						t.Fatalf("%s: added, but there already: %v", node, describe(msg))
					}
					have[key(msg)] = slices.Clone(msg)
				}
				for k, msg := range want {
					if !bytes.Equal(have[k], msg) {
						t.Fatalf("%s: want %v\nhave %v", node, describe(msg), have[k])
					}
					delete(have, k)
				}
				for _, msg := range have {
					t.Fatalf("%s: left over: %v", node, describe(msg))
				}
			}
			if got, want := counts.Loads(before, v, u), new(pipeline.PolicyCounts).Loads(before, v, u); !slices.Equal(got, want) {
				t.Fatalf("counts %+v, want %+v", got, want)
			}
		}
	})
	if alone < 2*together || alone == 0 {
		t.Errorf("%d changes were compiled alone, %d with all policies: that proves too little", alone, together)
	}
}

// simplePolicy returns a random policy, mostly one whose flows depend on it and its parts alone.
func simplePolicy(t *rapid.T) model.PolicySpec {
	s := randomPolicy(t)
	if rapid.IntRange(0, 19).Draw(t, "special") == 0 {
		return s
	}
	s.Mode, s.OnChange = "", ""
	for _, rules := range [][]model.PolicyRule{s.Ingress, s.Egress} {
		for i := range rules {
			if rules[i].Action == model.ActionReject {
				rules[i].Action = model.ActionAllow
			}
			rules[i].Ports = slices.DeleteFunc(rules[i].Ports, func(p model.PolicyPort) bool { return p.Name != "" })
		}
	}
	return s
}

// byKey returns the items of a node.
func byKey(v *pipeline.View, node string) map[string][]byte {
	all := map[string][]byte{}
	for _, msg := range compile(v, node) {
		all[key(msg)] = msg
	}
	return all
}
