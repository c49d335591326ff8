package pipeline_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestObstacles: which backends cannot be checked, and why; the others are.
func TestObstacles(t *testing.T) {
	put := func(kind topology.Kind, name string, s topology.Spec) topology.Op {
		return topology.Op{Verb: topology.Put, Ref: topology.Ref{Kind: kind, Name: name}, Spec: s}
	}
	network := func(prefixes ...string) topology.NetworkSpec {
		var s topology.NetworkSpec
		for _, p := range prefixes {
			s.Subnets = append(s.Subnets, topology.Subnet{Prefix: netip.MustParsePrefix(p)})
		}
		return s
	}
	service := func(address string, check model.HealthCheck, backends ...string) model.ServiceSpec {
		s := model.ServiceSpec{Addresses: []netip.Addr{netip.MustParseAddr(address)}, Routers: []string{"r"}, Ports: []model.ServicePort{{Port: 80}}, HealthCheck: &check}
		for _, b := range backends {
			s.Backends.Endpoints = append(s.Backends.Endpoints, model.ServiceEndpoint{Port: b})
		}
		return s
	}
	port := func(network string) topology.PortSpec { return topology.PortSpec{Network: network, Node: "n1"} }
	named := port("both")
	named.NamedPorts = map[string]model.PolicyPort{"web": {Protocol: model.ProtocolTCP, First: 8080, Last: 8080}}
	all := []string{"v4", "v6", "both", "named", "alone"}
	byName := model.HealthCheck{Port: model.TargetPort{Name: "web"}}
	r, err := topology.Plan(topology.NewSnapshot(), []topology.Op{
		put(topology.KindNode, "n1", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.1")}),
		put(topology.KindNetwork, "four", network("10.1.0.0/24")),
		put(topology.KindNetwork, "six", network("fd00:1::/64")),
		put(topology.KindNetwork, "both", network("10.2.0.0/24", "fd00:2::/64")),
		put(topology.KindNetwork, "alone", network("10.3.0.0/24")),
		put(topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"four", "six", "both"}}),
		put(topology.KindPort, "v4", port("four")), put(topology.KindPort, "v6", port("six")), put(topology.KindPort, "both", port("both")),
		put(topology.KindPort, "named", named), put(topology.KindPort, "alone", port("alone")),
		put(model.KindService, "s4", service("10.96.0.1", model.HealthCheck{}, all...)),
		put(model.KindService, "s6", service("fd00:96::1", model.HealthCheck{Protocol: model.CheckHTTP}, all...)),
		put(model.KindService, "sn", service("10.96.0.2", byName, all...)),
	}, time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	v := pipeline.NewView(topology.NewSnapshot()).Next(pipeline.Update{Topo: r.Next, Changes: r.Changes, Blocks: r.Blocks, Numberings: r.Numberings})
	for i, name := range all {
		v = v.Next(pipeline.Update{Places: []pipeline.PlaceChange{{Port: name, After: pipeline.Place{Node: "n1", OFPort: openflow.PortNo(i + 1)}}}})
	}
	checked := map[string][]string{}
	for c := range v.Checks() {
		checked[c.Service] = append(checked[c.Service], c.Port)
	}
	noName := pipeline.Obstacle{NamedPort: "web"}
	for _, s := range []struct {
		name    string
		checked []string
		why     map[string]pipeline.Obstacle
	}{
		{"s4", []string{"both", "named", "v4"}, map[string]pipeline.Obstacle{"v6": {NoFamily: "six"}}},
		{"s6", []string{"both", "named", "v6"}, map[string]pipeline.Obstacle{"v4": {NoFamily: "four"}, "alone": {NoFamily: "alone"}}},
		{"sn", []string{"named"}, map[string]pipeline.Obstacle{"v4": noName, "v6": noName, "both": noName, "alone": noName}},
	} {
		o, _ := v.Topo.Service(s.name)
		for _, name := range all {
			p, _ := v.Topo.Port(name)
			if got := v.Obstacle(o, p); got != s.why[name] && name != "alone" {
				t.Errorf("%s of %s: %+v, want %+v", name, s.name, got, s.why[name])
			}
		}
		got := slices.DeleteFunc(checked[s.name], func(name string) bool { return name == "alone" })
		if !slices.Equal(got, s.checked) {
			t.Errorf("%s checks %v, want %v", s.name, got, s.checked)
		}
	}
	away := func(node string) bool { return node == "n1" }
	o, _ := v.Topo.Service("s4")
	if n := v.BackendsOf(v.Topo, o, 0, nil); n.Unhealthy != 4 || n.Elsewhere != 1 || n.Unchecked != 1 || n.NotChecked != "v6" || n.Failing != "both" {
		t.Errorf("%+v, want 4 unhealthy backends, of which v6 cannot be checked", n)
	}
	if n := v.BackendsOf(v.Topo, o, 0, away); n.Unchecked != 4 || n.NotChecked != "both" || n.Away != "n1" || n.Failing != "" {
		t.Errorf("with the node away: %+v, want 4 backends that cannot be checked", n)
	}
}
