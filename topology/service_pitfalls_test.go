package topology_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestOddServices: P-SVC-23: services without backends, without a selection, of one family with backends of two,
// and of two families with backends of one are served as far as they can be; one without an address is refused, with
// what to do. P-SVC-24: a backend of two families is one backend, however often and by whichever of its sides it is
// named.
func TestOddServices(t *testing.T) {
	selecting := func(s *model.ServiceSpec) {
		s.Backends = model.ServiceBackends{PolicySelection: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}}}}
	}
	listing := func(ports ...string) func(*model.ServiceSpec) {
		return func(s *model.ServiceSpec) {
			s.Backends = model.ServiceBackends{}
			for _, p := range ports {
				s.Backends.Endpoints = append(s.Backends.Endpoints, model.ServiceEndpoint{Port: p})
			}
		}
	}
	two := stretched("10.0.0.0/24")
	two.Subnets = append(two.Subnets, topology.Subnet{Prefix: netip.MustParsePrefix("fd00::/64")})
	s := plan(t, topology.NewSnapshot(),
		put(topology.KindNetwork, "dual", two), put(topology.KindNetwork, "four", stretched("10.1.0.0/24")),
		put(topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"dual", "four"}}),
		labelledPort("web1", "dual", "web"), labelledPort("web2", "four", "web"),
		putService("none", "10.96.0.1", listing()), putService("selects", "10.96.0.2", selecting),
		putService("six", "fd00:96::1", selecting), putService("lists", "10.96.0.3", listing("web1", "web2")),
		putService("both", "10.96.0.4", func(s *model.ServiceSpec) {
			s.Addresses = append(s.Addresses, netip.MustParseAddr("fd00:96::4"))
			listing("web1")(s)
		})).Next
	backends := func(s *topology.Snapshot, service string) (all []string) {
		o, ok := s.Service(service)
		if !ok {
			t.Fatalf("there is no service %s", service)
		}
		for b := range s.Backends(o) {
			all = append(all, b.Name)
		}
		return all
	}
	for service, want := range map[string][]string{"none": nil, "selects": {"web1", "web2"}, "six": {"web1", "web2"}, "lists": {"web1", "web2"}, "both": {"web1"}} {
		if got := backends(s, service); !slices.Equal(got, want) {
			t.Errorf("%s has the backends %v, want %v", service, got, want)
		}
	}
	for _, tt := range []struct {
		op   topology.Op
		want string
	}{
		{putService("headless", "10.96.0.9", func(s *model.ServiceSpec) { s.Addresses = nil }), "spec.addresses: the address is missing; give one that no subnet of the networks has, such as 10.96.0.10, or set headless for a service without"},
		{putService("named", "10.96.0.9", func(s *model.ServiceSpec) { s.Addresses = []netip.Addr{{}} }), "spec.addresses[0]: the address is missing"},
		{putService("twice", "10.96.0.9", listing("web1", "web1")), `spec.backends.endpoints[1].port: port "web1" is listed twice; list it once`},
		{putService("twice", "10.96.0.9", func(s *model.ServiceSpec) {
			selecting(s)
			s.Backends.Endpoints = []model.ServiceEndpoint{{Port: "web1"}}
		}), "has both a selection of ports and endpoints"},
		{putService("gone", "10.96.0.9", listing("none")), `there is no port "none"`},
	} {
		if _, err := topology.Plan(s, []topology.Op{tt.op}, epoch); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, want %q", err, tt.want)
		}
	}
	// What goes on one side leaves the other.
	s = plan(t, s, putService("both", "fd00:96::4", listing("web1")), putService("lists", "10.96.0.3", listing("web2"))).Next
	if got := backends(s, "both"); !slices.Equal(got, []string{"web1"}) {
		t.Errorf("with addresses of one family alone: %v", got)
	}
	if got := backends(s, "lists"); !slices.Equal(got, []string{"web2"}) {
		t.Errorf("with one endpoint less: %v", got)
	}
}
