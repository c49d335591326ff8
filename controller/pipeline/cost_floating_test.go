package pipeline_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// The constants of docs/cost.md for floating addresses.
const (
	perFloating     = 7 // flows of a floating address of a port, on the port's node
	perForwarding   = 5 // flows of a floating address with forwards, on their node
	perForward      = 1 // flows of each forward,
	perForwardedTo  = 1 // and of each port that gets any
	perFloatingNode = 6 // flows of a node that has any floating address, and no addresses but that of its tunnel
	perFloating6    = 4 // flows more of an IPv6 floating address, for neighbour discovery
	// perFloatingNode6 are flows of a node that has any IPv6 floating address, and no IPv6 address of its own.
	perFloatingNode6 = 4
)

// TestCostOfFloating: a floating address costs flows on the node where it is, and nothing elsewhere.
func TestCostOfFloating(t *testing.T) {
	b := build(t)
	b.nodes(3)
	b.stretched("blue", 100, "10.0.0.0/24", "fd00::/64")
	b.bridgedBy(dualBridgeUplink("br-ex", "192.0.2"), "r", "blue")
	b.port("one", "blue", "n1")
	b.port("two", "blue", "n1")
	b.port("far", "blue", "n2")
	b.commit()
	differ := func(what string, want []int, step func()) {
		t.Helper()
		before := b.view
		step()
		for i, node := range []string{"n1", "n2", "n3"} {
			if got := count(b.view, node) - count(before, node); got != want[i] {
				t.Errorf("%s: %s has %d flows more, want %d", what, node, got, want[i])
			}
		}
	}
	differ("the first of a node", []int{perFloating + perFloatingNode, 0, 0}, func() {
		b.floating("a", 70, "one")
		b.commit()
	})
	differ("the second", []int{perFloating, 0, 0}, func() {
		b.floating("b", 71, "two")
		b.commit()
	})
	differ("with forwards", []int{perForwarding + 3*perForward + 2*perForwardedTo, 0, 0}, func() {
		b.floating("c", 72, "", model.FloatingForward{Port: 80, To: "one"}, model.FloatingForward{Port: 81, To: "one"}, model.FloatingForward{Port: 80, Protocol: model.ProtocolUDP, To: "two"})
		b.commit()
	})
	differ("on another node", []int{-perFloating, perFloating + perFloatingNode, 0}, func() {
		b.put(topology.KindFloatingIP, "a", model.FloatingIPSpec{Uplink: "ext", Address: netip.MustParseAddr("192.0.2.70"), Port: "far"})
		b.commit()
	})
	moves := pipeline.FloatingMoves(b.last[0].before, b.last[0].after, b.last[0].update)
	if len(moves) != 1 || moves[0] != (pipeline.FloatingMove{Name: "a", From: "n1", To: "n2"}) {
		t.Errorf("moves: %v", moves)
	}
	differ("the first of IPv6", []int{perFloating + perFloating6 + perFloatingNode6, 0, 0}, func() {
		b.floating6("d", "2001:db8:0:2::70", "one")
		b.commit()
	})
	differ("of IPv6 with forwards", []int{perForwarding + perFloating6 + 2*perForward + perForwardedTo, 0, 0}, func() {
		b.floating6("e", "2001:db8:0:2::71", "", model.FloatingForward{Port: 80, To: "two"}, model.FloatingForward{Port: 81, To: "two"})
		b.commit()
	})
	differ("of IPv6 on another node", []int{-perFloating - perFloating6, perFloating + perFloating6 + perFloatingNode6, 0}, func() {
		b.put(topology.KindFloatingIP, "d", model.FloatingIPSpec{Uplink: "ext", Address: netip.MustParseAddr("2001:db8:0:2::70"), Port: "far"})
		b.commit()
	})
	moves = pipeline.FloatingMoves(b.last[0].before, b.last[0].after, b.last[0].update)
	if len(moves) != 1 || moves[0] != (pipeline.FloatingMove{Name: "d", From: "n1", To: "n2"}) {
		t.Errorf("moves of IPv6: %v", moves)
	}
}

// TestStaleUDP: entries of UDP go that a floating address had before it led to another port of the
// same node, and no others.
func TestStaleUDP(t *testing.T) {
	b := build(t)
	b.nodes(2)
	b.stretched("blue", 100, "10.0.0.0/24", "fd00::/64")
	b.bridgedBy(dualBridgeUplink("br-ex", "192.0.2"), "r", "blue")
	for port, node := range map[string]string{"one": "n1", "two": "n1", "far": "n2"} {
		b.port(port, "blue", node)
	}
	udp := func(port uint16, to string) model.FloatingForward {
		return model.FloatingForward{Protocol: model.ProtocolUDP, Port: port, To: to}
	}
	b.floating("a", 70, "one")
	b.floating("b", 71, "", udp(53, "one"), udp(54, "one"), model.FloatingForward{Port: 53, To: "one"})
	b.floating6("six", "2001:db8:0:2::70", "one")
	b.commit()
	for _, tt := range []struct {
		what, name string
		spec       model.FloatingIPSpec
		want       []uint16 // the ports whose entries go; 0 is all
	}{
		{"nothing changes", "a", model.FloatingIPSpec{Port: "one"}, nil},
		{"another port", "a", model.FloatingIPSpec{Port: "two"}, []uint16{0}},
		{"another port by IPv6", "six", model.FloatingIPSpec{Port: "two"}, []uint16{0}},
		{"on another node", "a", model.FloatingIPSpec{Port: "far"}, nil},
		{"one forward", "b", model.FloatingIPSpec{Forwards: []model.FloatingForward{udp(53, "two"), udp(54, "one"), {Port: 53, To: "two"}}}, []uint16{53}},
		{"no forward of UDP", "b", model.FloatingIPSpec{Forwards: []model.FloatingForward{{Port: 53, To: "one"}}}, []uint16{53, 54}},
	} {
		before := b.view
		was, _ := before.Topo.FloatingIP(tt.name)
		tt.spec.Uplink, tt.spec.Address = was.Spec.Uplink, was.Spec.Address
		b.put(topology.KindFloatingIP, tt.name, tt.spec)
		b.commit()
		is, _ := b.view.Topo.FloatingIP(tt.name)
		var got []uint16
		for _, m := range b.view.FloatingOf(is).StaleUDP(before.FloatingOf(was)) {
			if m.Protocol != 17 || m.Zone == 0 {
				t.Errorf("%s: %+v", tt.what, m)
			}
			if m.Source.Addr() != netip.IPv6Unspecified() { // what the port before sends
				if _, is := b.view.Topo.PortByAddress("blue", m.Source.Addr()); !is || m.Source.Port() != got[len(got)-1] || m.Destination.Port() != 0 {
					t.Errorf("%s: %+v", tt.what, m)
				}
				continue
			}
			if m.Destination.Addr() != was.Spec.Address {
				t.Errorf("%s: %+v", tt.what, m)
			}
			got = append(got, m.Destination.Port())
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: entries of %v go, want %v", tt.what, got, tt.want)
		}
	}
}
