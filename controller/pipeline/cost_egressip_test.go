package pipeline_test

import (
	"strings"
	"testing"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// The constants of docs/cost.md for egress addresses.
const (
	perEgressPort   = 1 // flows of a port that leaves with one, on the port's node
	perEgressSender = 1 // items of each egress address there: the group,
	perBypassed     = 1 // flows of each other node there
	perSender       = 2 // and of the node, if it has an uplink anyway
	perHeld         = 8 // flows of each address on the node that has it
	perStandby      = 7 // and on one that stands by
	perHeld6        = 4 // flows more of an IPv6 address on the node that has it, for neighbour discovery,
	perStandby6     = 2 // and on one that stands by
)

// relabel gives a port another label app.
func (b *builder) relabel(name, app string) {
	p, _ := b.view.Topo.Port(name)
	b.put(topology.KindPort, name, p.Spec)
	b.ops[len(b.ops)-1].Labels = map[string]string{"app": app}
}

// TestCostOfEgressIP: an egress address costs items on the nodes of its ports and on its own, and
// nothing elsewhere; a port that gets it costs items on its own node.
func TestCostOfEgressIP(t *testing.T) {
	b := build(t)
	b.nodes(4)
	b.stretched("blue", 100, "10.0.0.0/24")
	b.bridged("r", "blue")
	for port, node := range map[string]string{"a": "n1", "b": "n2", "c": "n3"} {
		b.labelled(port, "blue", node, "web")
	}
	b.labelled("other", "blue", "n1", "db")
	b.commit()
	differ := func(what string, want []int, step func()) {
		t.Helper()
		b.costs(what, step, want...)
	}
	const sender = perEgressPort + perEgressSender + perSender + 3*perBypassed
	gateway := 1 + perNoSourcePort // of the router: one that translates
	differ("the first", []int{sender, sender + perHeld + gateway, sender + perStandby + gateway, 0}, func() {
		b.egressIP("out", 80, "web", "n2", "n3")
		b.commit()
	})
	differ("a port that gets it", []int{perEgressPort, 0, 0, 0}, func() {
		b.relabel("other", "web")
		b.commit()
	})
	differ("a port that loses it", []int{-perEgressPort, 0, 0, 0}, func() {
		b.relabel("other", "db")
		b.commit()
	})
	b.probe("n1", "n2", 21)
	b.probe("n1", "n3", 22)
	holds := func(what, want string) {
		t.Helper()
		if got := b.view.EgressHolder("out"); got != want {
			t.Errorf("%s: %q has the address, want %q", what, got, want)
		}
	}
	holds("all are reached", "n2")
	contact := func(to string, live bool) func() {
		n, _ := b.view.Topo.Node(to)
		return func() {
			b.step(pipeline.Update{Contacts: []pipeline.ContactChange{{Node: "n1", Port: model.EgressProbe(n.DatapathID), After: pipeline.Contact{No: 21, Live: live, Met: true}}}})
		}
	}
	differ("the first gateway dies", []int{0, perStandby - perHeld, perHeld - perStandby, 0}, contact("n2", false))
	holds("the first is dead", "n3")
	moves := pipeline.EgressMoves(b.last[len(b.last)-1].before, b.view, b.last[len(b.last)-1].update)
	if len(moves) != 1 || moves[0] != (pipeline.FloatingMove{Name: "out", From: "n2", To: "n3"}) {
		t.Errorf("moves: %v", moves)
	}
	differ("it comes back", []int{0, perHeld - perStandby, perStandby - perHeld, 0}, contact("n2", true))
	holds("it is back", "n2")
	b.step(pipeline.Update{Absences: []pipeline.AbsenceChange{{Node: "n2", Away: true}}})
	holds("its switch finds it, and sdnd does not", "n2")
	b.step(pipeline.Update{Absences: []pipeline.AbsenceChange{{Node: "n1", Away: true}, {Node: "n3", Away: true}}})
	holds("nobody is there", "")
	b.step(pipeline.Update{Absences: []pipeline.AbsenceChange{{Node: "n1"}, {Node: "n2"}, {Node: "n3"}}, Uplinks: []pipeline.UplinkChange{{Node: "n2", Bridge: "br-ex", Before: b.view.Bridge("n2", "br-ex")}}})
	holds("the first has no bridge", "n3")
	if a := b.view.EgressPeers("n3"); len(a) != 2 || a[0] != "n1" || a[1] != "n2" {
		t.Errorf("n3 probes %v", a)
	}
}

// TestEgressProbe: the name of a port that probes has as many characters as OpenFlow shows, and says
// whom.
func TestEgressProbe(t *testing.T) {
	for _, id := range []topology.DatapathID{1, 0x0000a1b2c3d4e5f6, 1<<64 - 1} {
		name := model.EgressProbe(id)
		if got, ok := model.EgressProbed(name); len(name) != 15 || !ok || got != id {
			t.Errorf("%v: %q is of %v, %v", id, name, got, ok)
		}
	}
	for _, name := range []string{"", "sd", "sdx-br-ex", "sdnctl", "SD00000000000001", "sdzzzzzzzzzzzzz", "sd0000000000001"} {
		if id, ok := model.EgressProbed(name); ok && model.EgressProbe(id) != name {
			t.Errorf("%q is of %v", name, id)
		}
	}
}

// TestCostOfEgressIPv6 is TestCostOfEgressIP for an IPv6 address beside one of IPv4.
func TestCostOfEgressIPv6(t *testing.T) {
	b := build(t)
	b.nodes(4)
	b.stretched("blue", 100, "10.0.0.0/24", "fd00::/64")
	b.bridgedBy(dualBridgeUplink("br-ex", "192.0.2"), "r", "blue")
	for port, node := range map[string]string{"a": "n1", "b": "n2", "c": "n3"} {
		b.labelled(port, "blue", node, "web")
	}
	b.labelled("other", "blue", "n1", "db")
	b.egressIP("out", 80, "web", "n2", "n3")
	b.commit()
	differ := func(what string, want []int, step func()) {
		t.Helper()
		b.costs(what, step, want...)
	}
	gateway := 1 // of the router: one that translates
	differ("an IPv6 address", []int{perEgressPort, perEgressPort + perHeld + perHeld6 + gateway, perEgressPort + perStandby + perStandby6 + gateway, 0}, func() {
		b.put(topology.KindEgressIP, "out", egressSpec([]string{"192.0.2.80", "2001:db8:0:2::50"}, "web", "n2", "n3"))
		b.commit()
	})
	differ("a port that gets both", []int{2 * perEgressPort, 0, 0, 0}, func() {
		b.relabel("other", "web")
		b.commit()
	})
	if got := b.view.EgressPorts("out"); got["blue"] != 4 {
		t.Errorf("%v ports leave with it, want 4 of blue: by both families each counts once", got)
	}
	both := perHeld + perHeld6 + perHeld - perStandby - perStandby6 - perStandby
	b.probe("n1", "n2", 21)
	n2, _ := b.view.Topo.Node("n2")
	differ("the first gateway dies", []int{0, -both, both, 0}, func() {
		b.step(pipeline.Update{Contacts: []pipeline.ContactChange{{Node: "n1", Port: model.EgressProbe(n2.DatapathID), After: pipeline.Contact{No: 21, Live: false, Met: true}}}})
	})
	b.put(topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"blue"}, Egress: &model.RouterEgress{Uplink: "ext", IPv6: model.IPv6Routed}})
	b.commit()
	flows := text(t, b.view, "n1")
	for toGateway, want := range map[string]bool{"nw_src=10.0.0.2 actions=set_field:0e:73:c0:00:02:50->eth_dst": true, "->eth_dst,group:1": true, "set_field:1e:72:cc:f3:81:fd->eth_dst": false} {
		if strings.Contains(flows, toGateway) != want {
			t.Errorf("where the router routes IPv6 %q is among the flows: %v", toGateway, !want)
		}
	}
}
