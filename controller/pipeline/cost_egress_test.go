package pipeline_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"testing"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// The constants of docs/cost.md for uplinks.
const (
	perExpiredIn = 1                               // flows for what comes from outside and whose TTL ends, for each family
	perTooBig    = 3                               // flows and a meter of a node that has any uplink, and IPv6
	perUplink    = 21 + 2*perExpiredIn + perTooBig // flows of a node that has the port, and both families
	// perTunnelUDP is what a node with an uplink has if its tunnel has another UDP port than VXLAN's.
	perTunnelUDP = 2

	perLeaving      = 3 + 4 // flows of a router that packets leave, for each family: 4 parts of the source ports
	perNoSourcePort = 1     // flows that count what finds no source port of a router, or of a bridge

	perSized = 1 // flows of a router that packets leave, for each of its networks and families

	perBridge        = 28 + perNoSourcePort + perExpiredIn     // flows of a node that has the bridge of an uplink, and no other, and one family
	perBridge6       = 2 + 2 + 3 + perNoSourcePort             // the same for IPv6 of an uplink with a gateway: classify, public, leave
	perUplinkAddress = 4 + 2                                   // flows, 2 for parts of the source ports, of a node's address on an uplink of the type bridge
	perLeavingBridge = perLeaving + perNoSourcePort + perSized // flows of a router that packets leave by a bridge
)

// TestCostOfEgress: the cost of a router with an uplink depends on the nodes that know the
// router, not on its ports or the other nodes.
func TestCostOfEgress(t *testing.T) {
	for _, ports := range []int{2, 20} {
		b := build(t)
		b.nodes(3)
		b.stretched("blue", 100, "10.0.0.0/24", "fd00:0:0:1::/64")
		b.segmented("pods", 300, "10.244.0.0/16", 200, 100)
		b.stretched("other", 400, "10.9.0.0/24")
		b.router("r", "blue", "pods")
		for i := range ports {
			b.port(fmt.Sprintf("p%d", i), "blue", fmt.Sprintf("n%d", 1+i%2))
		}
		b.port("q", "other", "n3")
		b.commit()
		costs := func(what string, step func(), want ...int) {
			t.Helper()
			b.costs(fmt.Sprintf("%d ports: %s", ports, what), step, want...)
		}
		costs("an uplink", func() {
			b.op(topology.KindUplink, "wan", model.UplinkSpec{})
			b.commit()
		}, 0, 0, 0)
		costs("the port of a node", func() {
			b.step(pipeline.Update{Uplinks: []pipeline.UplinkChange{{Node: "n1", After: 9}}})
		}, perUplink, 0, 0)
		costs("another UDP port of the node's tunnel", func() {
			b.step(pipeline.Update{Locals: []pipeline.LocalChange{{Node: "n1", After: b.view.Local("n1"), UDP: 4790}}})
		}, perTunnelUDP, 0, 0)
		costs("VXLAN's own again", func() {
			b.step(pipeline.Update{Locals: []pipeline.LocalChange{{Node: "n1", After: b.view.Local("n1"), UDP: 4789}}})
		}, -perTunnelUDP, 0, 0)
		const leaving = 2*perLeaving + perNoSourcePort + 1 + 3*perSized // one subnet of a segmented network; two networks, of which one has both families
		costs("egress of the router", func() {
			b.ops = append(b.ops, topology.Op{Verb: topology.Put, Ref: topology.Ref{Kind: topology.KindRouter, Name: "r"}, Spec: topology.RouterSpec{
				Networks: []string{"blue", "pods"}, Egress: &model.RouterEgress{Uplink: "wan"},
			}})
			b.commit()
		}, leaving, leaving, 0)
	}
}

// TestCostOfBridgeUplink: the cost of an uplink of the type bridge depends on what uses it on the
// node.
func TestCostOfBridgeUplink(t *testing.T) {
	b := build(t)
	b.nodes(2)
	b.stretched("blue", 100, "10.0.0.0/24")
	b.router("r", "blue")
	b.port("p", "blue", "n1")
	b.commit()
	differ := func(what string, step func(), want int) {
		t.Helper()
		before := b.view
		step()
		if got := count(b.view, "n1") - count(before, "n1"); got != want {
			t.Errorf("%s: n1 has %d flows more, want %d", what, got, want)
		}
	}
	differ("an uplink", func() {
		b.op(topology.KindUplink, "ext", bridgeUplink("br-ex", "192.0.2"))
		b.commit()
	}, 0)
	differ("the bridge of a node", func() {
		b.step(pipeline.Update{Uplinks: []pipeline.UplinkChange{{Node: "n1", Bridge: "br-ex", After: 9}}})
	}, perBridge)
	differ("egress of the router", func() {
		b.put(topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"blue"}, Egress: &model.RouterEgress{Uplink: "ext"}})
		b.commit()
	}, perLeavingBridge)
	differ("an address of the node", func() {
		n, _ := b.view.Topo.Node("n1")
		spec := n.Spec
		spec.UplinkAddresses = []netip.Addr{netip.MustParseAddr("192.0.2.65")}
		b.put(topology.KindNode, "n1", spec)
		b.commit()
	}, perUplinkAddress)
	const perUplinkAddress6 = 5 + 2 + 1 + 2 // neighbour discovery, and what comes back; its answers; what leaves for it; parts of the source ports
	differ("IPv6 of the uplink", func() {
		b.put(topology.KindUplink, "ext", dualBridgeUplink("br-ex", "192.0.2"))
		b.commit()
	}, perBridge6)
	differ("an IPv6 address of the node", func() {
		n, _ := b.view.Topo.Node("n1")
		spec := n.Spec
		spec.UplinkAddresses = append(slices.Clone(spec.UplinkAddresses), netip.MustParseAddr("2001:db8:0:2::65"))
		b.put(topology.KindNode, "n1", spec)
		b.commit()
	}, perUplinkAddress6)
}

// TestCostOfRoutedIPv6: a router whose IPv6 is routed costs its own flows on each node that packets may come in
// by, and the networks on those without ports of it.
func TestCostOfRoutedIPv6(t *testing.T) {
	b := build(t)
	for i, name := range []string{"n1", "n2", "n3"} {
		spec := topology.NodeSpec{TunnelIP: netip.AddrFrom4([4]byte{172, 16, 56, byte(i + 2)}), UplinkAddresses: []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 65)})}}
		if name != "n3" {
			spec.UplinkAddresses = append(spec.UplinkAddresses, netip.MustParseAddr("2001:db8:0:2::"+strconv.Itoa(i+65)))
		}
		b.op(topology.KindNode, name, spec)
	}
	b.stretched("blue", 100, "10.0.0.0/24", "2001:db8:1:1::/64")
	b.stretched("red", 200, "10.1.0.0/24", "2001:db8:1:2::/64")
	b.bridgedBy(dualBridgeUplink("br-ex", "192.0.2"), "r", "blue")
	b.bridgedBy(dualBridgeUplink("br-ex", "192.0.2"), "s", "red")
	b.port("p", "blue", "n1")
	b.port("q", "red", "n1")
	b.port("carries", "blue", "n2")
	b.port("without", "red", "n3")
	b.commit()
	way := func(router, network string, way model.IPv6Egress) func() {
		return func() {
			b.put(topology.KindRouter, router, topology.RouterSpec{Networks: []string{network}, Egress: &model.RouterEgress{Uplink: "ext", IPv6: way}})
			b.commit()
		}
	}
	const (
		routed = -4 + 1 + 1 + 2 // no parts of source ports; leaves, comes in, is let in, and not from its own addresses
		shutIn = 3 + 1          // of the node: what may not come in, and VXLAN
	)
	b.costs("routed", way("r", "blue", model.IPv6Routed), routed+shutIn, routed+shutIn, 0)
	// n2 has no ports of red: all flows of the router, of the network and of its two ports elsewhere.
	b.costs("another one", way("s", "red", model.IPv6Routed), routed, 31, -4)
}

// put declares or changes an object.
func (b *builder) put(k topology.Kind, name string, spec topology.Spec) {
	b.ops = append(b.ops, topology.Op{Verb: topology.Put, Ref: topology.Ref{Kind: k, Name: name}, Spec: spec})
}

// TestCostOfNarrow: a network with a smaller MTU than another of its router costs each node that knows
// it two flows, and one for each family.
func TestCostOfNarrow(t *testing.T) {
	b := build(t)
	b.nodes(3)
	b.stretched("blue", 100, "10.0.0.0/24")
	b.narrow("red", 200, 1300, "10.1.0.0/24", "fd00:0:0:2::/64")
	b.stretched("alone", 300, "10.2.0.0/24")
	b.port("p", "blue", "n1")
	b.port("q", "red", "n2")
	b.port("r", "alone", "n3")
	b.router("r", "blue", "red")
	b.commit()
	const narrow = 2 + 2
	set := func(network string, mtu int) func() {
		return func() {
			n, _ := b.view.Topo.Network(network)
			spec := n.Spec
			spec.MTU = mtu
			b.put(topology.KindNetwork, network, spec)
			b.commit()
		}
	}
	b.costs("as wide as the other", set("red", model.DefaultMTU), -narrow, -narrow, 0)
	b.costs("the other is narrower", set("blue", 1400), 3, 3, 0)
	b.costs("both are narrow", set("red", 1400), -3, -3, 0)
	b.costs("without a router", set("alone", 1300), 0, 0, 0)
}
