package model

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReferences: a spec yields every object that it names, each with its field. An object
// that another one names cannot be deleted, and the error says which field names it.
func TestReferences(t *testing.T) {
	group := PolicySelection{PortGroup: "g1"}
	networks := PolicySelection{Networks: []string{"blue", "red"}}
	for name, tt := range map[string]struct {
		spec Spec
		want []string
	}{
		"network": {NetworkSpec{Blocks: []BlockSpec{{Node: "n1"}, {Node: "n2"}}},
			[]string{"spec.blocks[0].node node/n1", "spec.blocks[1].node node/n2"}},
		"node":   {NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.1")}, nil},
		"uplink": {UplinkSpec{Type: UplinkHost}, nil},
		"router": {RouterSpec{Networks: []string{"blue", "red"}, Egress: &RouterEgress{Uplink: "wan"}},
			[]string{"spec.networks[0] network/blue", "spec.networks[1] network/red", "spec.egress.uplink uplink/wan"}},
		"port":       {PortSpec{Network: "blue", Node: "n1"}, []string{"spec.network network/blue", "spec.node node/n1"}},
		"port group": {PortGroupSpec{Ports: []string{"web", "db"}}, []string{"spec.ports[0] port/web", "spec.ports[1] port/db"}},
		"policy": {PolicySpec{
			Subject: group,
			Ingress: []PolicyRule{{}, {Peers: []PolicyPeer{{PolicySelection: networks}}}},
			Egress:  []PolicyRule{{Peers: []PolicyPeer{{CIDR: netip.MustParsePrefix("10.0.0.0/8")}, {PolicySelection: group}}}},
		}, []string{
			"spec.subject.portGroup portgroup/g1",
			"spec.ingress[1].peers[0].networks[0] network/blue", "spec.ingress[1].peers[0].networks[1] network/red",
			"spec.egress[0].peers[1].portGroup portgroup/g1",
		}},
		"service": {ServiceSpec{
			Networks: []string{"blue"}, Routers: []string{"r1"}, Uplink: &ServiceUplink{Name: "ext"},
			Backends: ServiceBackends{PolicySelection: networks, Endpoints: []ServiceEndpoint{{Port: "web"}}},
		}, []string{
			"spec.networks[0] network/blue", "spec.routers[0] router/r1", "spec.uplink.name uplink/ext",
			"spec.backends.networks[0] network/blue", "spec.backends.networks[1] network/red", "spec.backends.endpoints port/web",
		}},
		"egress address": {EgressIPSpec{Uplink: "ext", Ports: PolicySelection{PortGroup: "web", Networks: []string{"blue"}}, Nodes: []string{"n2", "n1"}},
			[]string{"spec.uplink uplink/ext", "spec.ports.portGroup portgroup/web", "spec.ports.networks[0] network/blue", "spec.nodes[0] node/n2", "spec.nodes[1] node/n1"}},
		"floating address": {FloatingIPSpec{Uplink: "ext", Port: "web"}, []string{"spec.uplink uplink/ext", "spec.port port/web"}},
		"floating address with forwards": {FloatingIPSpec{Uplink: "ext", Forwards: []FloatingForward{{To: "web"}, {To: "db"}}},
			[]string{"spec.uplink uplink/ext", "spec.forwards[0].to port/web", "spec.forwards[1].to port/db"}},
	} {
		var got []string
		for field, ref := range tt.spec.References() {
			got = append(got, fmt.Sprintf("%s %s/%s", field, ref.Kind, ref.Name))
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
		for range tt.spec.References() {
			break // every iterator must stop when it is asked to
		}
	}
}

// TestWritersOfPorts: nodes declare ordinary ports of their own; addresses that other ports
// could have, and ports that can pose as others, need a higher role.
func TestWritersOfPorts(t *testing.T) {
	for want, spec := range map[Role]PortSpec{
		NodeItself: {Network: "blue", Node: "n1"},
		Operator:   {Network: "blue", Addresses: []PortAddress{{IP: netip.MustParseAddr("10.0.0.9")}}},
		Admin:      {Network: "blue", PortSecurity: PortSecurityOff},
	} {
		if got := spec.Writer(); got != want {
			t.Errorf("%+v: %v, want %v", spec, got, want)
		}
	}
}

// TestDerivedValues: values that the program derives are part of what machines and switches
// have configured, so that they never change: a node's datapath id by its name, a port's
// link-local address by its MAC, and the addresses at an uplink.
func TestDerivedValues(t *testing.T) {
	mac, err := ParseMAC("52:54:00:12:34:56")
	if err != nil {
		t.Fatal(err)
	}
	ranges := DefaultUplinkRanges()
	for what, tt := range map[string]struct{ got, want any }{
		"datapath id": {DatapathIDFor("node1").String(), "ca4eba7207232f14"},
		"link-local":  {LinkLocal(mac).String(), "fe80::5054:ff:fe12:3456"},
		"kernel":      {UplinkAddr(ranges[0], UplinkKernel).String(), "198.18.0.1"},
		"kernel, IPv6": {UplinkAddr(ranges[1], UplinkKernel).String(),
			"fd73:646e:6374::1"},
		"router":                             {UplinkAddr(ranges[0], 0x102).String(), "198.18.1.2"},
		"kernel MAC":                         {UplinkKernelMAC().String(), "02:73:64:6e:00:01"},
		"switch MAC":                         {UplinkSwitchMAC().String(), "02:73:64:6e:00:02"},
		"MAC of an address on a bridge":      {OutsideMAC(netip.MustParseAddr("192.0.2.65")).String(), "0e:73:c0:00:02:41"},
		"MAC of an IPv6 address on a bridge": {OutsideMAC(netip.MustParseAddr("2001:db8:0:2::65")).String(), "1e:72:cc:f3:cb:0e"},
		"MAC of its neighbour":               {OutsideMAC(netip.MustParseAddr("2001:db8:0:2::66")).String(), "1e:72:cc:f3:c9:5b"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s is %v, want %v", what, tt.got, tt.want)
		}
	}
}

// TestSelectionKey: selections that mean the same have one key, and others have another.
func TestSelectionKey(t *testing.T) {
	in := func(values ...string) PolicySelection {
		return PolicySelection{Selector: &Selector{MatchExpressions: []Requirement{{Key: "tier", Operator: SelectIn, Values: values}, {Key: "app", Operator: SelectExists}}}}
	}
	turned := in("a", "b")
	turned.Selector.MatchExpressions[0], turned.Selector.MatchExpressions[1] = turned.Selector.MatchExpressions[1], turned.Selector.MatchExpressions[0]
	one := in("a", "b")
	for _, same := range []PolicySelection{in("b", "a"), in("a", "b", "a"), turned} {
		if one.Key() != same.Key() {
			t.Errorf("%s\n%s", one.Key(), same.Key())
		}
	}
	all := []PolicySelection{one, in("a"), {PortGroup: "a"}, {Networks: []string{"a"}}, {Networks: []string{"a", "b"}}, {}}
	keys := map[string]bool{}
	for _, s := range all {
		keys[s.Key()] = true
	}
	if len(keys) != len(all) {
		t.Errorf("%d keys for %d selections: %v", len(keys), len(all), keys)
	}
}

// TestTargetOfBackend: a listed backend may serve a port of the service at a number of its
// own; the others serve it at the service's target port, or at the number that they give to
// its name with its protocol.
func TestTargetOfBackend(t *testing.T) {
	b := ServiceBackends{Endpoints: []ServiceEndpoint{{Port: "web2", TargetPorts: map[string]uint16{"http": 9090}}, {Port: "web1"}}}
	b.SortEndpoints()
	ports := []ServicePort{
		{Name: "http", Protocol: ProtocolTCP, Port: 80, TargetPort: TargetPort{Number: 8080}},
		{Name: "dns", Protocol: ProtocolUDP, Port: 53, TargetPort: TargetPort{Number: 53}},
		{Name: "api", Protocol: ProtocolTCP, Port: 81, TargetPort: TargetPort{Name: "api"}},
		{Name: "udp", Protocol: ProtocolUDP, Port: 81, TargetPort: TargetPort{Name: "api"}},
		{Name: "none", Protocol: ProtocolTCP, Port: 82, TargetPort: TargetPort{Name: "none"}},
	}
	named := map[string]PolicyPort{"api": {Protocol: ProtocolTCP, First: 7070, Last: 7070}}
	for backend, want := range map[string][]uint16{"web1": {8080, 53, 7070, 0, 0}, "web2": {9090, 53, 7070, 0, 0}} {
		e, ok := b.Endpoint(backend)
		var got []uint16
		for _, p := range ports {
			got = append(got, e.Target(p, named))
		}
		if !ok || !slices.Equal(got, want) {
			t.Errorf("%s serves %v, want %v", backend, got, want)
		}
	}
	if _, ok := b.Endpoint("web3"); ok {
		t.Error("a port that is not listed is a backend")
	}
}
