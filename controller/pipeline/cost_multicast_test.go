package pipeline_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// flooded declares a network with a spec that carries multicast, or not.
func (b *builder) flooded(name string, spec topology.NetworkSpec, multicast model.Multicast, subnets ...string) {
	for _, s := range subnets {
		spec.Subnets = append(spec.Subnets, topology.Subnet{Prefix: netip.MustParsePrefix(s)})
	}
	spec.Multicast = multicast
	b.op(topology.KindNetwork, name, spec)
}

// TestCostOfMulticast holds what multicast costs to docs/cost.md: a node with ports of the network has
// two flows and a group more, a flow for each port, and a second for each port with IPv4 that asks
// nobody by DHCP. Ports elsewhere cost nothing, and neither do networks without.
func TestCostOfMulticast(t *testing.T) {
	count := func(multicast model.Multicast, dhcp bool, here, elsewhere int) (flows, groups int) {
		b := build(t)
		b.nodes(2)
		b.flooded("blue", topology.NetworkSpec{VNI: 100, DHCP: model.DHCP{Enabled: dhcp}}, multicast, "10.0.0.0/24", "fd00::/64")
		for i := range here {
			b.port(fmt.Sprintf("here%d", i), "blue", "n1")
		}
		for i := range elsewhere {
			b.port(fmt.Sprintf("there%d", i), "blue", "n2")
		}
		var set pipeline.ItemSet
		new(pipeline.Compiler).CompileNode(&set, b.commit(), "n1")
		for _, i := range set.Items() {
			switch i.Kind() {
			case pipeline.ItemFlow:
				flows++
			case pipeline.ItemGroup:
				groups++
			}
		}
		return flows, groups
	}
	for _, here := range []int{1, 5} {
		for _, elsewhere := range []int{0, 3} {
			base, none := count("", false, here, elsewhere)
			flood, one := count(model.MulticastFlood, false, here, elsewhere)
			served, _ := count("", true, here, elsewhere)
			both, _ := count(model.MulticastFlood, true, here, elsewhere)
			if flood-base != 2+2*here || one-none != 1 || both-served != 2+here {
				t.Errorf("%d ports here, %d elsewhere: %d flows and %d groups more, with DHCP %d flows", here, elsewhere, flood-base, one-none, both-served)
			}
		}
	}
	without, _ := count("", false, 0, 3)
	if flows, groups := count(model.MulticastFlood, false, 0, 3); flows != without || groups != 0 {
		t.Errorf("a node without ports pays: %d flows of %d, %d groups", flows, without, groups)
	}
}

// TestCostOfMembers holds what a port costs in a network that carries multicast to docs/cost.md: its own
// node sends one group-mod; only the first and the last port of a node changes the group of others.
func TestCostOfMembers(t *testing.T) {
	b := build(t)
	b.nodes(3)
	b.flooded("blue", topology.NetworkSpec{VNI: 100}, model.MulticastFlood, "10.0.0.0/24")
	b.flooded("pods", topology.NetworkSpec{VNI: 300, Mode: topology.Segmented, ContainersPerNode: 20, MaxNodes: 10}, model.MulticastFlood, "10.244.0.0/16")
	for i, n := range []string{"n1", "n2"} {
		b.port(fmt.Sprintf("blue%d", i), "blue", n)
		b.port(fmt.Sprintf("pods%d", i), "pods", n)
	}
	b.commit()
	groups := func(what string, want map[string]int, change func()) {
		t.Helper()
		change()
		b.commit()
		got := map[string]int{}
		for _, node := range []string{"n1", "n2", "n3"} {
			for _, s := range b.last {
				units := map[pipeline.Unit]*pipeline.View{}
				pipeline.Affected(s.before, s.after, s.update, func(n string, u pipeline.Unit) {
					if n == node {
						units[u] = s.before
					}
				})
				var d pipeline.Delta
				d.Compute(s.after, node, func(yield func(pipeline.Unit, *pipeline.View) bool) {
					for u, v := range units {
						if !yield(u, v) {
							return
						}
					}
				})
				for _, i := range d.Added() {
					if i.Kind() == pipeline.ItemGroup {
						got[node]++
					}
				}
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: group-mods %v, want %v", what, got, want)
		}
	}
	groups("a second port", map[string]int{"n1": 1}, func() { b.port("second", "blue", "n1") })
	groups("the first port of a node", map[string]int{"n1": 1, "n2": 1, "n3": 2}, func() { b.port("first", "blue", "n3") })
	groups("a port of a block", map[string]int{"n2": 1}, func() { b.port("block", "pods", "n2") })
	groups("the first port of a block", map[string]int{"n3": 2}, func() { b.port("block3", "pods", "n3") })
}

// TestOverfullMulticast: a node whose ports and peers are more than a group has room for says so, and
// its group has as many as there is room for.
func TestOverfullMulticast(t *testing.T) {
	b := build(t)
	b.nodes(2)
	b.flooded("blue", topology.NetworkSpec{VNI: 100}, model.MulticastFlood, "10.0.0.0/16")
	b.flooded("pods", topology.NetworkSpec{VNI: 300, Mode: topology.Segmented, ContainersPerNode: 2000, MaxNodes: 4}, model.MulticastFlood, "10.1.0.0/16")
	for i := range pipeline.MaxMembers {
		b.port(fmt.Sprintf("b%d", i), "blue", "n1")
		b.port(fmt.Sprintf("p%d", i), "pods", "n1")
	}
	v := b.commit()
	overfull := func(network string) []string {
		n, _ := v.Topo.Network(network)
		return v.Overfull(n)
	}
	if got := append(overfull("blue"), overfull("pods")...); got != nil {
		t.Errorf("as many as there is room for: %v", got)
	}
	b.port("far", "blue", "n2")
	b.port("more", "pods", "n1")
	v = b.commit()
	if got := fmt.Sprint(overfull("blue"), overfull("pods")); got != "[n1] [n1]" {
		t.Errorf("one more: %v", got)
	}
	var set pipeline.ItemSet
	new(pipeline.Compiler).CompileNode(&set, v, "n1")
	for _, i := range set.Items() {
		if i.Kind() == pipeline.ItemGroup && len(set.Message(i)) > 60000 {
			t.Errorf("a group of %d bytes", len(set.Message(i)))
		}
	}
}

// TestMembersOfRoutedNetwork: nodes that have ports of other networks of the router, and none of the
// network itself, get no copies.
func TestMembersOfRoutedNetwork(t *testing.T) {
	b := build(t)
	b.nodes(2)
	b.flooded("blue", topology.NetworkSpec{VNI: 100}, model.MulticastFlood, "10.0.0.0/24")
	b.flooded("green", topology.NetworkSpec{VNI: 200}, "", "10.1.0.0/24")
	b.router("r", "blue", "green")
	b.port("web", "blue", "n1")
	b.port("leaf", "green", "n2")
	for _, msg := range compile(b.commit(), "n1") {
		if text := describe(msg); isNumbered(msg) && strings.Contains(text, "tun_dst") {
			t.Errorf("n2 gets copies: %s", text)
		}
	}
}
