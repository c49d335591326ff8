package pipeline_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestBackendOfTwoFamilies: P-SVC-24: a port of two families is in the group of each family once, with the same weight as
// one of a single family, also if several services have it.
func TestBackendOfTwoFamilies(t *testing.T) {
	b := build(t)
	b.nodes(1)
	b.stretched("dual", 100, "10.0.0.0/24", "fd00:0:0:1::/64")
	b.stretched("four", 101, "10.1.0.0/24")
	b.op(topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"dual", "four"}})
	b.port("both", "dual", "n1")
	b.port("one", "four", "n1")
	for i, name := range []string{"a", "b"} {
		b.op(model.KindService, name, model.ServiceSpec{
			Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 96, 0, byte(i + 1)}), netip.MustParseAddr(fmt.Sprintf("fd00:96::%d", i+1))}, Routers: []string{"r"},
			Ports:    []model.ServicePort{{Port: 80}},
			Backends: model.ServiceBackends{Endpoints: []model.ServiceEndpoint{{Port: "both"}, {Port: "one"}}},
		})
	}
	b.commit()
	var set pipeline.ItemSet
	new(pipeline.Compiler).CompileNode(&set, b.view, "n1")
	groups := map[int]int{} // by their buckets
	for _, i := range set.Items() {
		m, err := openflow.DecodeMessage(set.Message(i))
		if err != nil {
			t.Fatal(err)
		}
		g, ok := m.(*openflow.GroupMod)
		if !ok || g.Group.Type != openflow.GroupTypeSelect {
			continue
		}
		var weights []uint16
		for w := range g.Group.Buckets.All() {
			weights = append(weights, w.Weight)
		}
		groups[len(weights)]++
		for _, w := range weights {
			if w != weights[0] {
				t.Errorf("group %d has the weights %v, want the same for each backend", g.Group.ID, weights)
			}
		}
	}
	if groups[2] != 2 || groups[1] != 2 || len(groups) != 2 {
		t.Errorf("groups by their number of buckets: %v, want 2 with both backends and 2 with that of IPv6", groups)
	}
}

// TestServicesOfNobody: P-SVC-30: a thousand services that no port may use change nothing in switches.
func TestServicesOfNobody(t *testing.T) {
	b := build(t)
	b.nodes(2)
	b.stretched("blue", 100, "10.0.0.0/24")
	b.stretched("empty", 101, "10.1.0.0/24")
	b.op(topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"blue"}})
	b.op(topology.KindRouter, "q", topology.RouterSpec{Networks: []string{"empty"}})
	b.labelled("web1", "blue", "n1", "web")
	b.labelled("web2", "blue", "n2", "web")
	b.commit()
	before := b.view
	for i := range 1000 {
		b.op(model.KindService, fmt.Sprintf("s%d", i), model.ServiceSpec{
			Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 96, byte(i >> 8), byte(i)})}, Routers: []string{"q"},
			Ports:    []model.ServicePort{{Port: 80}},
			Backends: model.ServiceBackends{PolicySelection: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}}}},
		})
	}
	b.commit()
	marked := 0
	for _, s := range b.last {
		pipeline.Affected(s.before, s.after, s.update, func(node string, u pipeline.Unit) { marked++ })
	}
	if marked != 0 {
		t.Errorf("%d units of nodes are marked, want none", marked)
	}
	for _, node := range []string{"n1", "n2"} {
		if was, is := count(before, node), count(b.view, node); was != is {
			t.Errorf("%s has %d items, before %d", node, is, was)
		}
	}
}
