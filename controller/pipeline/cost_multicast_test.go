package pipeline_test

import (
	"encoding/binary"
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
// three flows and a group more, two flows and a meter for each port, and a third for each port with IPv4 that asks
// nobody by DHCP; without a limit two flows, and one and no meter for each port. Ports elsewhere cost nothing, and
// neither do networks without.
func TestCostOfMulticast(t *testing.T) {
	for limit, per := range map[model.FloodLimit]int{0: 1, 50: 1, model.FloodUnlimited: 0} {
		costOfMulticast(t, limit, per)
	}
}

// costOfMulticast counts with a limit that costs so many flows for the network, flows for each port, and meters.
func costOfMulticast(t *testing.T, limit model.FloodLimit, per int) {
	count := func(multicast model.Multicast, dhcp bool, here, elsewhere int) (flows, groups, meters int) {
		b := build(t)
		b.nodes(2)
		b.flooded("blue", topology.NetworkSpec{VNI: 100, DHCP: model.DHCP{Enabled: dhcp}, FloodLimit: limit}, multicast, "10.0.0.0/24", "fd00::/64")
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
			case pipeline.ItemMeter:
				meters++
			}
		}
		return flows, groups, meters
	}
	for _, here := range []int{1, 5} {
		for _, elsewhere := range []int{0, 3} {
			base, none, had := count("", false, here, elsewhere)
			flood, one, meters := count(model.MulticastFlood, false, here, elsewhere)
			served, _, _ := count("", true, here, elsewhere)
			both, _, _ := count(model.MulticastFlood, true, here, elsewhere)
			if flood-base != 2+per+(2+per)*here || one-none != 1 || meters-had != per*here || both-served != 2+per+(1+per)*here {
				t.Errorf("limit %d, %d ports here, %d elsewhere: %d flows, %d groups and %d meters more, with DHCP %d flows", limit, here, elsewhere, flood-base, one-none, meters-had, both-served)
			}
		}
	}
	without, _, had := count("", false, 0, 3)
	if flows, groups, meters := count(model.MulticastFlood, false, 0, 3); flows != without || groups != 0 || meters != had {
		t.Errorf("a node without ports pays: %d flows of %d, %d groups, %d meters", flows, without, groups, meters-had)
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

// TestCostOfFloodLimit holds what another limit of a network costs to docs/cost.md: a meter-mod for each port on its
// own node. Nodes without ports of it, and its flows, stay; from a limit to none, and back, costs the flows of the
// limit, too.
func TestCostOfFloodLimit(t *testing.T) {
	b := build(t)
	b.nodes(3)
	b.flooded("blue", topology.NetworkSpec{VNI: 100}, model.MulticastFlood, "10.0.0.0/24")
	b.flooded("green", topology.NetworkSpec{VNI: 200}, "", "10.1.0.0/24")
	b.router("r", "blue", "green")
	for i, n := range []string{"n1", "n1", "n1", "n2"} {
		b.port(fmt.Sprintf("blue%d", i), "blue", n)
	}
	b.port("leaf", "green", "n3")
	b.commit()
	set := func(what string, limit model.FloodLimit, burst int, want string) {
		t.Helper()
		before := b.view
		b.put(topology.KindNetwork, "blue", topology.NetworkSpec{
			VNI: 100, FloodLimit: limit, FloodBurst: burst, Multicast: model.MulticastFlood,
			Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.0.0.0/24")}},
		})
		b.commit()
		got := ""
		for _, node := range []string{"n1", "n2", "n3"} {
			units := map[pipeline.Unit]*pipeline.View{}
			for _, s := range b.last {
				pipeline.Affected(s.before, s.after, s.update, func(n string, u pipeline.Unit) {
					if n == node && units[u] == nil {
						units[u] = before
					}
				})
			}
			var d pipeline.Delta
			d.Compute(b.view, node, func(yield func(pipeline.Unit, *pipeline.View) bool) {
				for u, v := range units {
					if !yield(u, v) {
						return
					}
				}
			})
			var mods [3]int
			for _, all := range [][]pipeline.Item{d.Added(), d.Removed()} {
				for _, i := range all {
					mods[i.Kind()]++
				}
			}
			got += fmt.Sprintf("%s: %d units, %d flows, %d groups, %d meters; ", node, len(units), mods[pipeline.ItemFlow], mods[pipeline.ItemGroup], mods[pipeline.ItemMeter])
		}
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", what, got, want)
		}
	}
	const none = "n3: 0 units, 0 flows, 0 groups, 0 meters; "
	set("the default, said", 1000, 0, "n1: 4 units, 0 flows, 0 groups, 0 meters; n2: 2 units, 0 flows, 0 groups, 0 meters; "+none)
	set("another limit", 50, 0, "n1: 4 units, 0 flows, 0 groups, 3 meters; n2: 2 units, 0 flows, 0 groups, 1 meters; "+none)
	set("another burst", 50, 5, "n1: 4 units, 0 flows, 0 groups, 3 meters; n2: 2 units, 0 flows, 0 groups, 1 meters; "+none)
	set("no limit", model.FloodUnlimited, 0, "n1: 4 units, 5 flows, 0 groups, 3 meters; n2: 2 units, 3 flows, 0 groups, 1 meters; "+none)
	set("a limit again", 50, 0, "n1: 4 units, 5 flows, 0 groups, 3 meters; n2: 2 units, 3 flows, 0 groups, 1 meters; "+none)
}

// TestFloodQuiet: what is certainly within the limits of all ports of a node is half of the strictest one.
func TestFloodQuiet(t *testing.T) {
	b := build(t)
	b.nodes(3)
	b.flooded("blue", topology.NetworkSpec{VNI: 100}, model.MulticastFlood, "10.0.0.0/24")
	b.flooded("slow", topology.NetworkSpec{VNI: 200, FloodLimit: 400, FloodBurst: 20}, model.MulticastSnoop, "10.1.0.0/24")
	b.flooded("any", topology.NetworkSpec{VNI: 300, FloodLimit: model.FloodUnlimited}, model.MulticastFlood, "10.2.0.0/24")
	b.flooded("off", topology.NetworkSpec{VNI: 400, FloodLimit: 1}, "", "10.3.0.0/24")
	b.router("r", "blue", "slow", "any", "off")
	b.port("a", "blue", "n1")
	b.port("b", "blue", "n2")
	b.port("c", "slow", "n2")
	b.port("d", "any", "n3")
	b.port("e", "off", "n3")
	v := b.commit()
	for node, want := range map[string]string{"n1": "500 true", "n2": "10 true", "n3": "0 false"} {
		if packets, ok := v.FloodQuiet(node); fmt.Sprint(packets, ok) != want {
			t.Errorf("%s: %d, %v, want %s", node, packets, ok, want)
		}
	}
	for id, want := range map[uint32]string{1: "false", 3<<16 + 3: "false", 3<<16 + 256: "false", 3<<16 + 256 + 7: "7 true", 4<<16 + 256: "false"} {
		in, ok := pipeline.FloodMeter(id)
		if got := fmt.Sprint(ok); ok && fmt.Sprintf("%d %v", in, ok) != want || !ok && got != want {
			t.Errorf("meter %d: %d, %v", id, in, ok)
		}
	}
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

// TestCostOfSnooping holds what a network that snoops costs to docs/cost.md, by family: flows of the network,
// flows and meters of a port.
func TestCostOfSnooping(t *testing.T) {
	count := func(multicast model.Multicast, ports int, subnets ...string) (flows, groups, meters int) {
		b := build(t)
		b.nodes(2)
		b.flooded("blue", topology.NetworkSpec{VNI: 100}, multicast, subnets...)
		for i := range ports {
			b.port(fmt.Sprintf("p%d", i), "blue", "n1")
		}
		b.port("far", "blue", "n2")
		var set pipeline.ItemSet
		new(pipeline.Compiler).CompileNode(&set, b.commit(), "n1")
		for _, i := range set.Items() {
			switch i.Kind() {
			case pipeline.ItemFlow:
				flows++
			case pipeline.ItemGroup:
				groups++
			case pipeline.ItemMeter:
				meters++
			}
		}
		return flows, groups, meters
	}
	for _, c := range []struct {
		subnets       []string
		network, port int
	}{
		{[]string{"10.0.0.0/24"}, 5, 4},
		{[]string{"fd00::/64"}, 6, 5},
		{[]string{"10.0.0.0/24", "fd00::/64"}, 8, 7},
	} {
		for _, ports := range []int{1, 4} {
			off, _, had := count("", ports, c.subnets...)
			flows, groups, meters := count(model.MulticastSnoop, ports, c.subnets...)
			if flows-off != c.network+ports*c.port || groups != 1 || meters-had != 2*ports {
				t.Errorf("%v, %d ports: %d flows more, %d groups, %d meters", c.subnets, ports, flows-off, groups, meters-had)
			}
		}
	}
}

// TestCostOfJoins holds what joining and leaving a group costs to docs/cost.md: a group-mod on the node of
// the port, and one on each other node that has ports of the network if the port is the first or the last
// member on its node; with the first and the last one of the network a flow-mod beside each. Nodes without
// ports of it, and nodes of other blocks, pay nothing.
func TestCostOfJoins(t *testing.T) {
	b := build(t)
	b.nodes(5)
	b.flooded("blue", topology.NetworkSpec{VNI: 100}, model.MulticastSnoop, "10.0.0.0/24", "fd00::/64")
	b.flooded("pods", topology.NetworkSpec{VNI: 300, Mode: topology.Segmented, ContainersPerNode: 20, MaxNodes: 10}, model.MulticastSnoop, "10.244.0.0/16")
	b.port("other", "pods", "n5")
	for i, n := range []string{"n1", "n2", "n3"} {
		for j := range 3 {
			b.port(fmt.Sprintf("blue%d%d", i+1, j), "blue", n)
			b.port(fmt.Sprintf("pods%d%d", i+1, j), "pods", n)
		}
	}
	b.commit()
	costs := func(what, port, group string, left bool, want string) {
		t.Helper()
		before, c := b.view, joinOf(port, group)
		c.Left = left
		u := pipeline.Update{Joins: []pipeline.JoinChange{c}}
		after := before.Next(u)
		b.view = after
		units := map[string]map[pipeline.Unit]bool{}
		pipeline.Affected(before, after, u, func(n string, u pipeline.Unit) {
			if units[n] == nil {
				units[n] = map[pipeline.Unit]bool{}
			}
			units[n][u] = true
		})
		var got []string
		for _, node := range []string{"n1", "n2", "n3", "n4", "n5"} {
			if len(units[node]) > 1 {
				t.Errorf("%s: %s has %d units compiled", what, node, len(units[node]))
			}
			var d pipeline.Delta
			d.Compute(after, node, func(yield func(pipeline.Unit, *pipeline.View) bool) {
				for u := range units[node] {
					if !yield(u, before) {
						return
					}
				}
			})
			count := func(all []pipeline.Item, k pipeline.ItemKind) (n int) {
				for _, i := range all {
					if i.Kind() == k {
						n++
					}
				}
				return n
			}
			flows := count(d.Added(), pipeline.ItemFlow) + count(d.Removed(), pipeline.ItemFlow)
			groups := max(count(d.Added(), pipeline.ItemGroup), count(d.Removed(), pipeline.ItemGroup)) // one that is replaced costs one message
			if flows+groups > 0 {
				got = append(got, fmt.Sprintf("%s:%d+%d", node, flows, groups))
			}
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s: flows and groups %q, want %q", what, s, want)
		}
	}
	for _, group := range []string{"239.1.1.1", "ff15::1"} {
		costs("the first member", "blue10", group, false, "n1:1+1 n2:1+1 n3:1+1")
		costs("a second one on its node", "blue11", group, false, "n1:0+1")
		costs("the first one of another node", "blue20", group, false, "n1:0+1 n2:0+1 n3:0+1")
		costs("a second one there", "blue21", group, false, "n2:0+1")
		costs("again", "blue21", group, false, "")
		costs("one of two leaves", "blue21", group, true, "n2:0+1")
		costs("the last one there leaves", "blue20", group, true, "n1:0+1 n2:0+1 n3:0+1")
		costs("one of two leaves", "blue10", group, true, "n1:0+1")
		costs("the last one leaves", "blue11", group, true, "n1:1+1 n2:1+1 n3:1+1")
		costs("nobody leaves", "blue11", group, true, "")
	}
	costs("the first member of a block", "pods10", "239.1.1.1", false, "n1:1+1")
	costs("a second one", "pods11", "239.1.1.1", false, "n1:0+1")
	costs("the first one of another block", "pods20", "239.1.1.1", false, "n2:1+1")
	costs("one leaves", "pods10", "239.1.1.1", true, "n1:0+1")
	costs("the last one leaves", "pods11", "239.1.1.1", true, "n1:1+1")
}

// TestManyGroups: a group with as many members and nodes as get copies fits into a message, and each
// group of a network has a number of its own, which it keeps.
func TestManyGroups(t *testing.T) {
	b := build(t)
	b.nodes(2)
	b.flooded("blue", topology.NetworkSpec{VNI: 100}, model.MulticastSnoop, "10.0.0.0/16")
	for i := range pipeline.MaxMembers + 5 {
		b.port(fmt.Sprintf("b%d", i), "blue", "n1")
		b.join(fmt.Sprintf("b%d", i), "239.1.1.1")
	}
	b.port("far", "blue", "n2")
	b.join("far", "239.1.1.1")
	for i := range pipeline.MaxNetworkGroups {
		b.join(fmt.Sprintf("b%d", i%700), fmt.Sprintf("239.2.%d.%d", i>>8, i&0xff))
	}
	v := b.commit()
	var set pipeline.ItemSet
	new(pipeline.Compiler).CompileNode(&set, v, "n1")
	numbers := map[uint32]bool{}
	for _, i := range set.Items() {
		if i.Kind() == pipeline.ItemGroup {
			m := set.Message(i)
			numbers[binary.BigEndian.Uint32(m[12:])] = true // of OFPT_GROUP_MOD (OpenFlow 1.3.5, 7.3.4.2)
			if len(m) > 60000 {
				t.Errorf("a group of %d bytes", len(m))
			}
		}
	}
	if len(numbers) != 2+pipeline.MaxNetworkGroups {
		t.Errorf("%d groups", len(numbers))
	}
	blue, _ := v.Topo.Network("blue")
	if full := v.Exhausted(blue); !full.Groups || full.Joins || full.Ports != nil {
		t.Errorf("bounds that are reached: %+v", full)
	}
	// A view that is made of the memberships in another order has the same numbers.
	anew := pipeline.NewView(v.Topo)
	u := pipeline.Update{}
	for p := range v.Topo.Ports() {
		u.Places = append(u.Places, pipeline.PlaceChange{Port: p.Name, After: v.Place(p.Name)})
	}
	for j := range v.Joins() {
		u.Joins = append([]pipeline.JoinChange{{Join: j}}, u.Joins...)
	}
	anew = anew.Next(u)
	want := map[pipeline.Join]bool{}
	for j := range v.Joins() {
		want[j] = true
	}
	for j := range anew.Joins() {
		if !want[j] {
			t.Fatalf("%+v is another", j)
		}
	}
}
