package pipeline_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestEgressIPInAnyOrder: what ports need to leave with an egress address may come and go in any order:
// the address before their router lets any leave, or a tunnel that gets another port.
func TestEgressIPInAnyOrder(t *testing.T) {
	b := build(t)
	b.nodes(3)
	b.stretched("blue", 100, "10.0.0.0/24")
	b.bridged("r", "blue")
	b.labelled("one", "blue", "n1", "web")
	b.labelled("two", "blue", "n2", "db")
	b.commit()
	router := func(leaves *model.RouterEgress) func() {
		return func() {
			b.put(topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"blue"}, Egress: leaves})
			b.commit()
		}
	}
	tunnel := func(out openflow.PortNo) func() {
		return func() {
			b.last = nil
			b.step(pipeline.Update{Tunnels: []pipeline.TunnelChange{{Node: "n1", Before: b.view.Tunnel("n1"), After: out}}})
		}
	}
	for _, s := range []struct {
		what string
		step func()
	}{
		{"the router lets nobody leave", router(nil)},
		{"an egress address", func() {
			b.egressIP("out", 80, "web", "n2", "n3")
			b.commit()
		}},
		{"the router lets ports leave", router(&model.RouterEgress{Uplink: "ext"})},
		{"the tunnel has no port", tunnel(0)},
		{"the tunnel has another port", tunnel(9)},
		{"the router lets nobody leave again", router(nil)},
	} {
		nodes := []string{"n1", "n2", "n3"}
		worlds := map[string]table{}
		for _, n := range nodes {
			worlds[n] = compile(b.view, n)
		}
		s.step()
		for _, n := range nodes {
			b.applyTo(worlds[n], n)
			if diff := cmp.Diff(compile(b.view, n), worlds[n]); diff != "" {
				t.Errorf("%s: %s (-compiled anew +with what was sent):\n%s", s.what, n, diff)
			}
		}
	}
}
