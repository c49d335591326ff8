package topology_test

import (
	"net/netip"
	"slices"
	"strconv"
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

// nodePorts returns the numbers of a service's node ports, in the order of its ports.
func nodePorts(t *testing.T, s *topology.Snapshot, name string) (all []uint16) {
	t.Helper()
	o, ok := s.Service(name)
	if !ok {
		t.Fatalf("there is no service %s", name)
	}
	for _, p := range o.Spec.Ports {
		all = append(all, o.NodePort(p))
	}
	return all
}

// withNodePorts has ports of TCP or, where marked by u, UDP, with node ports.
func withNodePorts(text ...string) func(*model.ServiceSpec) {
	return func(s *model.ServiceSpec) {
		s.Ports = nil
		for i, of := range text {
			p := model.ServicePort{Name: "p" + string(rune('a'+i)), Port: uint16(80 + i), Protocol: model.ProtocolTCP}
			if number, udp := strings.CutPrefix(of, "u"); udp {
				p.Protocol, of = model.ProtocolUDP, number
			}
			if err := p.NodePort.UnmarshalText([]byte(of)); err != nil {
				panic(err)
			}
			s.Ports = append(s.Ports, p)
		}
	}
}

// TestNodePorts: a number of one protocol is of one service (P-SVC-16: of two protocols it may be of
// two), a refusal names the holder, and numbers that were chosen stay, whatever else changes.
func TestNodePorts(t *testing.T) {
	s := plan(t, topology.NewSnapshot(),
		put(topology.KindNetwork, "blue", stretched("10.0.0.0/24")), put(topology.KindNetwork, "red", stretched("10.1.0.0/24")),
		put(topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"blue"}}),
		putService("a", "10.96.0.1", withNodePorts("30080", "auto", "u30080"))).Next
	given := nodePorts(t, s, "a")
	if given[0] != 30080 || given[2] != 30080 || given[1] < model.FirstNodePort || given[1] > model.LastNodePort || given[1] == 30080 {
		t.Fatalf("node ports %v", given)
	}
	if o, ok := s.ServiceAtNodePort(model.ProtocolTCP, given[1]); !ok || o.Name != "a" {
		t.Error("a service is not found by the node port that was chosen for it")
	}
	more := plan(t, s, putService("b", "10.96.0.2", withNodePorts("30070")), putService("c", "10.96.0.3", func(s *model.ServiceSpec) { withNodePorts("30071")(s); s.Routers, s.Networks = nil, []string{"red"} })).Next
	if got, want := slices.Collect(more.ScopesOutside()), []topology.Ref{{Kind: topology.KindNetwork, Name: "red"}, {Kind: topology.KindRouter, Name: "r"}}; !slices.Equal(got, want) {
		t.Errorf("services with node ports name %v, want %v", got, want)
	}
	for _, tt := range []struct {
		ops  []topology.Op
		want string // "" if it is right
	}{
		{[]topology.Op{putService("b", "10.96.0.2", withNodePorts("30080"))}, "spec.ports[0].nodePort: service/a has the node port 30080 of tcp"},
		{[]topology.Op{putService("b", "10.96.0.2", withNodePorts("u30080"))}, "service/a has the node port 30080 of udp"},
		{[]topology.Op{putService("b", "10.96.0.2", withNodePorts("u30081", "30081"))}, ""},
		{[]topology.Op{putService("b", "10.96.0.2", withNodePorts("30081", "30081"))}, "spec.ports[0] has the node port 30081 of tcp, too"},
		{[]topology.Op{putService("b", "10.96.0.2", withNodePorts("30080")), del(model.KindService, "a")}, ""},
		{[]topology.Op{putService("b", "10.96.0.2", withNodePorts("30080")), putService("a", "10.96.0.1", withNodePorts("30081", "auto", "u30081"))}, ""},
		{[]topology.Op{putService("b", "10.96.0.2", func(s *model.ServiceSpec) { withNodePorts("auto")(s); s.Networks = []string{"red"} })}, "names several networks or routers"},
		{[]topology.Op{putService("b", "10.96.0.2", func(s *model.ServiceSpec) { s.ExternalTrafficPolicy = model.TrafficLocal })}, "the service has neither a node port nor addresses on an uplink"},
	} {
		_, err := topology.Plan(s, tt.ops, epoch)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("refused: %v", err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%v, want %q", err, tt.want)
		}
	}
	// P-SVC-15: what is chosen for one port stays when another changes or goes.
	s = plan(t, s, putService("a", "10.96.0.1", withNodePorts("30090", "auto", "u30080"))).Next
	if now := nodePorts(t, s, "a"); now[0] != 30090 || now[1] != given[1] || now[2] != 30080 {
		t.Errorf("node ports %v after a change of one, before %v", now, given)
	}
	s = plan(t, s, putService("a", "10.96.0.1", func(s *model.ServiceSpec) { withNodePorts("30090", "auto", "u30080")(s); s.Ports = s.Ports[1:] })).Next
	if now := nodePorts(t, s, "a"); !slices.Equal(now, []uint16{given[1], 30080}) {
		t.Errorf("node ports %v once the first port is gone, before %v", now, given)
	}
	if _, taken := s.ServiceAtNodePort(model.ProtocolTCP, 30090); taken {
		t.Error("a node port is taken whose port is gone")
	}
	s = plan(t, s, putService("a", "10.96.0.1", nil)).Next
	if o, _ := s.Service("a"); o.NodePorts != nil {
		t.Errorf("a service without node ports has the numbers %v", o.NodePorts)
	}
}

// TestServiceUplink: a service's addresses on an uplink are the uplink's to lend and nobody else's, whoever
// comes first, and it holds the uplink.
func TestServiceUplink(t *testing.T) {
	on := func(addresses ...string) func(*model.ServiceSpec) {
		return func(s *model.ServiceSpec) {
			s.Uplink = &model.ServiceUplink{Name: "ext"}
			for _, a := range addresses {
				s.Uplink.Addresses = append(s.Uplink.Addresses, netip.MustParseAddr(a))
			}
		}
	}
	ext := func(addresses string) topology.Op {
		return put(topology.KindUplink, "ext", model.UplinkSpec{Type: model.UplinkBridge, Bridge: "br-ex", Subnet: netip.MustParsePrefix("192.0.2.0/24"), Addresses: []netip.Prefix{netip.MustParsePrefix(addresses)}})
	}
	dual := put(topology.KindUplink, "ext", model.UplinkSpec{
		Type: model.UplinkBridge, Bridge: "br-ex", Subnet: netip.MustParsePrefix("192.0.2.0/24"), Subnet6: netip.MustParsePrefix("2001:db8:0:2::/64"),
		Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.64/26"), netip.MustParsePrefix("2001:db8:0:2::40/122")},
	})
	s := plan(t, topology.NewSnapshot(),
		put(topology.KindNetwork, "blue", stretched("10.0.0.0/24")), put(topology.KindNetwork, "red", stretched("192.0.2.0/28")),
		put(topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"blue"}}),
		put(topology.KindPort, "web", topology.PortSpec{Network: "blue"}),
		put(topology.KindNode, "n1", topology.NodeSpec{TunnelIP: ip("172.16.56.2"), UplinkAddresses: []netip.Addr{ip("192.0.2.65")}}),
		ext("192.0.2.64/26"), put(topology.KindUplink, "wan", model.UplinkSpec{}),
		put(topology.KindFloatingIP, "f", model.FloatingIPSpec{Uplink: "ext", Address: ip("192.0.2.70"), Port: "web"}),
		putService("a", "10.96.0.1", on("192.0.2.90", "192.0.2.91"))).Next
	names := func(s *topology.Snapshot) (all []string) {
		for o := range s.ServicesOnUplinks() {
			all = append(all, o.Name)
		}
		return all
	}
	if got := names(s); !slices.Equal(got, []string{"a"}) {
		t.Errorf("services on uplinks: %v", got)
	}
	for _, tt := range []struct {
		ops  []topology.Op
		want string // "" if it is right
	}{
		{[]topology.Op{putService("b", "10.96.0.2", on("192.0.2.91"))}, "spec.uplink.addresses[0]: 192.0.2.91 belongs to service/a"},
		{[]topology.Op{putService("b", "10.96.0.2", on("192.0.2.92", "192.0.2.70"))}, "spec.uplink.addresses[1]: 192.0.2.70 belongs to floatingip/f"},
		{[]topology.Op{putService("b", "10.96.0.2", on("192.0.2.65"))}, "192.0.2.65 belongs to node/n1"},
		{[]topology.Op{put(topology.KindFloatingIP, "g", model.FloatingIPSpec{Uplink: "ext", Address: ip("192.0.2.90"), Forwards: []model.FloatingForward{{Port: 80, To: "web"}}})}, "192.0.2.90 belongs to service/a"},
		{[]topology.Op{put(topology.KindEgressIP, "e", model.EgressIPSpec{Uplink: "ext", Addresses: []netip.Addr{ip("192.0.2.91")}, Ports: model.PolicySelection{Networks: []string{"blue"}}, Nodes: []string{"n1"}})}, "192.0.2.91 belongs to service/a"},
		{[]topology.Op{put(topology.KindNode, "n2", topology.NodeSpec{TunnelIP: ip("172.16.56.3"), UplinkAddresses: []netip.Addr{ip("192.0.2.90")}})}, "192.0.2.90 belongs to service/a"},
		{[]topology.Op{putService("b", "10.96.0.2", on("192.0.2.90")), del(model.KindService, "a")}, ""},
		{[]topology.Op{putService("b", "10.96.0.2", on("192.0.2.90")), putService("a", "10.96.0.1", on("192.0.2.92"))}, ""},
		{[]topology.Op{put(topology.KindFloatingIP, "g", model.FloatingIPSpec{Uplink: "ext", Address: ip("192.0.2.90"), Forwards: []model.FloatingForward{{Port: 80, To: "web"}}}), putService("a", "10.96.0.1", nil)}, ""},
		{[]topology.Op{putService("b", "10.96.0.2", on("192.0.2.20"))}, "192.0.2.20 of service/b is none of the addresses of uplink/ext"},
		{[]topology.Op{putService("b", "10.96.0.2", func(s *model.ServiceSpec) { on("192.0.2.92")(s); s.Uplink.Name = "wan" })}, "spec.uplink.name: uplink/wan is of the type host, which has no addresses outside for service/b"},
		{[]topology.Op{putService("b", "10.96.0.2", func(s *model.ServiceSpec) { on("192.0.2.92")(s); s.Uplink.Name = "none" })}, `spec.uplink.name: there is no uplink "none"`},
		{[]topology.Op{putService("b", "10.96.0.2", func(s *model.ServiceSpec) { on("192.0.2.92")(s); s.Networks = []string{"red"} })}, "spec.uplink: a service with addresses on an uplink names several networks or routers"},
		{[]topology.Op{putService("b", "10.96.0.2", on())}, "spec.uplink.addresses: has 0 addresses, want 1 to 16"},
		{[]topology.Op{putService("b", "10.96.0.2", on("2001:db8::1"))}, "2001:db8::1 of service/b is none of the addresses of uplink/ext"},
		{[]topology.Op{dual, putService("b", "10.96.0.2", on("192.0.2.92", "2001:db8:0:2::5a"))}, ""},
		{[]topology.Op{dual, putService("b", "10.96.0.2", on("2001:db8:0:2::5a")), putService("c", "10.96.0.3", on("2001:db8:0:2::5a"))}, "spec.uplink.addresses[0]: 2001:db8:0:2::5a belongs to service/b"},
		{[]topology.Op{dual, putService("b", "10.96.0.2", on("2001:db8:0:2::1"))}, "2001:db8:0:2::1 of service/b is none of the addresses of uplink/ext"},
		{[]topology.Op{putService("b", "10.96.0.2", on("192.0.2.92", "192.0.2.92"))}, "192.0.2.92 is listed twice"},
		{[]topology.Op{putService("b", "192.0.2.92", on("192.0.2.92"))}, "192.0.2.92 is among spec.addresses, too"},
		{[]topology.Op{putService("b", "10.96.0.2", func(s *model.ServiceSpec) {
			on("192.0.2.92")(s)
			s.Ports = []model.ServicePort{{Protocol: model.ProtocolUDP, Port: 4789}}
		})}, "udp/4789 is VXLAN"},
		{[]topology.Op{putService("b", "10.96.0.2", func(s *model.ServiceSpec) {
			on("192.0.2.92")(s)
			s.Ports = []model.ServicePort{{Name: "a", Port: 30080}, {Name: "b", Port: 80, NodePort: model.NodePort{Number: 30080}}}
		})}, "30080 is in the range of node ports"},
		{[]topology.Op{putService("b", "10.96.0.2", func(s *model.ServiceSpec) { on("192.0.2.92")(s); s.ExternalTrafficPolicy = model.TrafficLocal })}, ""},
		{[]topology.Op{ext("192.0.2.64/28")}, "192.0.2.90 of service/a is none of the addresses of uplink/ext"},
		{[]topology.Op{del(topology.KindUplink, "ext"), del(topology.KindFloatingIP, "f")}, "in use by service/a"},
		{[]topology.Op{del(topology.KindUplink, "ext"), del(topology.KindFloatingIP, "f"), del(model.KindService, "a")}, ""},
		{[]topology.Op{put(topology.KindNetwork, "green", stretched("192.0.2.80/28")), put(topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"blue", "green"}})}, "192.0.2.90 of service/a is in subnet 192.0.2.80/28"},
	} {
		_, err := topology.Plan(s, tt.ops, epoch)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("refused: %v", err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%v, want %q", err, tt.want)
		}
	}
	s = plan(t, s, putService("a", "10.96.0.1", nil)).Next
	if got := names(s); len(got) != 0 {
		t.Errorf("services on uplinks: %v, want none", got)
	}
	plan(t, s, putService("b", "10.96.0.2", on("192.0.2.90"))) // it is free again
}

// TestManyNodePorts: P-SVC-14: of hundreds of node ports and health ports that are chosen, and hundreds
// that are asked for, in one change and the next, none comes twice; once all are taken that is said.
func TestManyNodePorts(t *testing.T) {
	s := plan(t, topology.NewSnapshot(),
		put(topology.KindNetwork, "blue", stretched("10.0.0.0/24")),
		put(topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"blue"}})).Next
	const all = int(model.LastNodePort-model.FirstNodePort) + 1
	service := func(i int, text ...string) topology.Op {
		return putService("s"+strconv.Itoa(i), netip.AddrFrom4([4]byte{10, 96, byte(i >> 8), byte(i)}).String(), withNodePorts(text...))
	}
	seen := map[uint16]string{}
	for part := range 2 {
		var ops []topology.Op
		for i := range 500 {
			n := 2 * (500*part + i)
			asked := service(n, "auto")
			spec := asked.Spec.(model.ServiceSpec)
			spec.ExternalTrafficPolicy, spec.HealthCheckNodePort = model.TrafficLocal, model.NodePort{Auto: true}
			asked.Spec = spec
			ops = append(ops, asked, service(n+1, strconv.Itoa(int(model.FirstNodePort)+all-1-500*part-i)))
		}
		r, err := topology.Plan(s, ops, epoch)
		if part == 0 && err != nil {
			t.Fatal(err)
		}
		if err != nil { // numbers that are asked for now were chosen before: whose they are is said
			if !strings.Contains(err.Error(), "has the node port") {
				t.Fatal(err)
			}
			continue
		}
		s = r.Next
	}
	for o := range s.Services() {
		held := 0
		for _, n := range o.HeldNodePorts() {
			if seen[n] != "" {
				t.Errorf("%s has the node port %d, as %q has", o.Name, n, seen[n])
			}
			seen[n] = o.Name
			held++
		}
		if want := len(o.Spec.Ports) + map[bool]int{true: 1}[o.Spec.HealthCheckNodePort.Auto]; held != want {
			t.Errorf("%s has %d node ports, want %d", o.Name, held, want)
		}
	}
	var rest []topology.Op
	for i := range all - len(seen) {
		rest = append(rest, service(5000+i, "auto"))
	}
	s = plan(t, s, rest...).Next
	if _, err := topology.Plan(s, []topology.Op{service(9000, "auto")}, epoch); err == nil || !strings.Contains(err.Error(), "all node ports of tcp are taken") {
		t.Errorf("one more than there are: %v", err)
	}
}
