package topology_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

func putService(name, address string, change func(*model.ServiceSpec)) topology.Op {
	spec := model.ServiceSpec{
		Addresses: []netip.Addr{netip.MustParseAddr(address)}, Routers: []string{"r"},
		Ports:    []model.ServicePort{{Port: 80}},
		Backends: model.ServiceBackends{PolicySelection: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}}}},
	}
	if change != nil {
		change(&spec)
	}
	return put(model.KindService, name, spec)
}

func labelledPort(name, network, app string) topology.Op {
	op := put(topology.KindPort, name, topology.PortSpec{Network: network})
	op.Labels = map[string]string{"app": app}
	return op
}

// TestServiceReferences: an object that a service names must exist, and cannot be deleted
// while it is named. A service's addresses are no other service's for the same ports, and
// in no subnet of theirs.
func TestServiceReferences(t *testing.T) {
	s := plan(t, topology.NewSnapshot(),
		put(topology.KindNetwork, "blue", stretched("10.0.0.0/24")), put(topology.KindNetwork, "red", stretched("10.1.0.0/24")),
		put(topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"blue"}}),
		put(topology.KindPort, "web", topology.PortSpec{Network: "blue"}),
		put(model.KindPortGroup, "g", model.PortGroupSpec{Selector: &model.Selector{}}),
		putService("a", "10.96.0.1", func(s *model.ServiceSpec) {
			s.Backends = model.ServiceBackends{Endpoints: []model.ServiceEndpoint{{Port: "web"}}}
		}),
		putService("b", "10.96.0.2", func(s *model.ServiceSpec) {
			s.Routers, s.Networks = nil, []string{"red"}
			s.Backends = model.ServiceBackends{PolicySelection: model.PolicySelection{PortGroup: "g"}}
		})).Next
	for _, tt := range []struct {
		ops  []topology.Op
		want string // "" if it is right
	}{
		{[]topology.Op{del(topology.KindRouter, "r")}, "router/r: in use by service/a"},
		{[]topology.Op{del(topology.KindPort, "web")}, "port/web: in use by service/a"},
		{[]topology.Op{del(topology.KindNetwork, "red")}, "network/red: in use by service/b"},
		{[]topology.Op{del(model.KindPortGroup, "g")}, "portgroup/g: in use by service/b"},
		{[]topology.Op{del(topology.KindRouter, "r"), del(model.KindService, "a")}, ""},
		{[]topology.Op{putService("c", "10.96.0.3", func(s *model.ServiceSpec) { s.Networks = []string{"none"} })}, `spec.networks[0]: there is no network "none"`},
		{[]topology.Op{putService("c", "10.96.0.1", nil)}, "service/a has 10.96.0.1, too"},
		{[]topology.Op{putService("c", "10.96.0.1", func(s *model.ServiceSpec) { s.Routers, s.Networks = nil, []string{"red"} })}, ""},
		{[]topology.Op{putService("c", "10.0.0.200", nil)}, `10.0.0.200 of service/c is in subnet 10.0.0.0/24 of network "blue"`},
		{[]topology.Op{put(topology.KindNetwork, "red", stretched("10.1.0.0/24", "10.96.0.0/24"))}, `network/red: spec.subnets: 10.96.0.2 of service/b is in subnet 10.96.0.0/24`},
		{[]topology.Op{put(topology.KindNetwork, "new", stretched("10.96.0.0/24")), put(topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"blue", "new"}})}, "10.96.0.1 of service/a is in subnet 10.96.0.0/24"},
	} {
		_, err := topology.Plan(s, tt.ops, epoch)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("refused: %v", err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%v, want %q", err, tt.want)
		}
	}
}

// TestServed: a network has a zone for services once its ports may use any, and keeps it.
// The backends are those of the selection, and can be looked up in both directions.
func TestServed(t *testing.T) {
	s := plan(t, topology.NewSnapshot(),
		put(topology.KindNetwork, "blue", stretched("10.0.0.0/24")), put(topology.KindNetwork, "red", stretched("10.1.0.0/24")),
		put(topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"blue"}}),
		labelledPort("web1", "blue", "web"), labelledPort("web2", "red", "web"), labelledPort("db", "red", "db"),
		putService("a", "10.96.0.1", func(s *model.ServiceSpec) { s.Networks = []string{"red"} })).Next
	zone := func(s *topology.Snapshot, network string) topology.Zone {
		if n, ok := s.Numbering("network/" + network); ok {
			return n.Services
		}
		return 0
	}
	blue := zone(s, "blue")
	if n, _ := s.Network("red"); blue == 0 || zone(s, "red") != 0 || s.Served(n) {
		t.Errorf("zones %d and %d: a network without gateways is served", blue, zone(s, "red"))
	}
	s = plan(t, s, put(topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"blue", "red"}})).Next
	if n, _ := s.Network("red"); zone(s, "blue") != blue || zone(s, "red") == 0 || zone(s, "red") == blue || !s.Served(n) {
		t.Errorf("zones %d and %d", zone(s, "blue"), zone(s, "red"))
	}
	if got := slices.Collect(s.ServicesOfNetwork("red")); len(got) != 1 {
		t.Errorf("%d services of a network that one names, and its router", len(got))
	}
	o, _ := s.Service("a")
	var names []string
	for b := range s.Backends(o) {
		names = append(names, b.Name)
		if with := s.ServicesWith(b.Port); len(with) != 1 || with[0] != o {
			t.Errorf("%s is a backend of %v", b.Name, with)
		}
	}
	if !slices.Equal(names, []string{"web1", "web2"}) {
		t.Errorf("backends %v", names)
	}
	if db, _ := s.Port("db"); len(s.ServicesWith(db)) != 0 {
		t.Error("db is a backend")
	}
	if s = plan(t, s, del(model.KindService, "a")).Next; zone(s, "blue") != blue {
		t.Error("the zone did not stay")
	}
}
