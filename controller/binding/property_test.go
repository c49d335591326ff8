package binding_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sdnctl/sdnctl/controller/binding"
	"github.com/sdnctl/sdnctl/topology"
)

// facts are what OpenFlow and OVSDB report of one node.
type facts struct {
	ports  map[uint32]string
	ifaces map[string]binding.Interface
}

// fleet is a table and the reports that it received.
type fleet struct {
	*binding.Table
	topo   *topology.Snapshot
	facts  map[string]facts
	places map[string]binding.Place // as the reported changes have them
}

var names = []string{"veth1", "eth7", "patch-to-br-web", "patch-to-br-web-a", "patch-to-br-web-b"}

func newFleet(topo *topology.Snapshot) *fleet {
	f := &fleet{Table: binding.NewTable("br-int", tunnel), topo: topo, facts: map[string]facts{}, places: map[string]binding.Place{}}
	for _, n := range []string{"n1", "n2"} {
		f.facts[n] = facts{map[uint32]string{}, map[string]binding.Interface{}}
	}
	return f
}

// take records changes, which must follow from the places so far.
func (f *fleet) take(t *rapid.T, out binding.Outcome) {
	for _, c := range out.Changes {
		if f.places[c.Port] != c.Before || f.Place(c.Port) != c.After || c.Before == c.After {
			t.Fatalf("%+v, but it was at %+v and is at %+v", c, f.places[c.Port], f.Place(c.Port))
		}
		if f.places[c.Port] = c.After; c.After == (binding.Place{}) {
			delete(f.places, c.Port)
		}
	}
}

// happen changes something on a node and reports it.
func (f *fleet) happen(t *rapid.T) {
	node := rapid.SampledFrom([]string{"n1", "n2"}).Draw(t, "node")
	is := f.facts[node]
	number := rapid.Uint32Range(1, 4).Draw(t, "number")
	name := rapid.SampledFrom(names).Draw(t, "name")
	switch rapid.IntRange(0, 3).Draw(t, "what") {
	case 0:
		delete(is.ports, number)
		f.take(t, f.SetPort(f.topo, node, number, ""))
	case 1:
		is.ports[number] = name[:min(len(name), 15)]
		f.take(t, f.SetPort(f.topo, node, number, is.ports[number]))
	case 2:
		delete(is.ifaces, name)
		f.reportInterfaces(t, node)
	case 3:
		i := binding.Interface{Name: name, OFPort: number, Inactive: rapid.IntRange(0, 4).Draw(t, "inactive") == 0}
		switch id := rapid.SampledFrom([]string{"web", "vm-7", "eth0", "eth1"}).Draw(t, "id"); id {
		case "eth0", "eth1":
			i.ContainerID, i.ContainerIface = "web", id
		default:
			i.IfaceID = id
		}
		is.ifaces[name] = i
		f.reportInterfaces(t, node)
	}
}

func (f *fleet) reportInterfaces(t *rapid.T, node string) {
	f.take(t, f.SetInterfaces(f.topo, node, slices.Collect(maps.Values(f.facts[node].ifaces))))
}

func (f *fleet) reportPorts(t *rapid.T, node string) {
	f.take(t, f.SetPorts(f.topo, node, f.facts[node].ports))
}

// begun returns a fleet in which every node has reported its facts, in some order.
func begun(t *rapid.T, topo *topology.Snapshot, what map[string]facts, remembered map[string]binding.Place) *fleet {
	f := newFleet(topo)
	f.facts = what
	for _, port := range rapid.Permutation(slices.Sorted(maps.Keys(remembered))).Draw(t, "ports") {
		f.take(t, f.Remember(topo, port, remembered[port]))
	}
	for _, source := range rapid.Permutation([]string{"n1 openflow", "n1 ovsdb", "n2 openflow", "n2 ovsdb"}).Draw(t, "order") {
		if node := source[:2]; source[3:] == "ovsdb" {
			f.reportInterfaces(t, node)
		} else {
			f.reportPorts(t, node)
		}
	}
	return f
}

func world(t *testing.T) *topology.Snapshot {
	topo := changed(t, declared(t), topology.Create, "web-eth1", topology.PortSpec{Network: "net", InterfaceID: "web/eth1"})
	return changed(t, topo, topology.Create, "begins", topology.PortSpec{Network: "net", Node: "n1", Interface: "patch-to-br-web"})
}

// TestRestartChangesNothing: whatever happened before, a table that remembers the places and
// receives the same reports in any order has all ports in the same places, and nowhere else in
// between.
func TestRestartChangesNothing(t *testing.T) {
	topo := world(t)
	rapid.Check(t, func(t *rapid.T) {
		f := newFleet(topo)
		f.reportPorts(t, "n1")
		f.reportPorts(t, "n2")
		for range rapid.IntRange(1, 30).Draw(t, "events") {
			f.happen(t)
		}
		for _, restart := range []string{"first", "second"} {
			g := begun(t, topo, f.facts, f.places)
			f.take(t, f.NodesReturned(topo))
			if !maps.Equal(f.places, g.places) {
				t.Fatalf("%s restart: %+v, before %+v, facts %+v", restart, g.places, f.places, f.facts)
			}
			f = g
		}
	})
}

// TestRestartMovesNothing: until all nodes have reported, a remembered port goes nowhere else.
func TestRestartMovesNothing(t *testing.T) {
	topo := declared(t)
	home := binding.Place{Node: "n2", Interface: "tap0", OFPort: 7}
	for _, order := range [][]string{
		{"n1 o", "n1 d", "n2 o", "n2 d"}, {"n1 d", "n1 o", "n2 d", "n2 o"}, {"n2 o", "n1 d", "n1 o", "n2 d"}, {"n2 d", "n1 o", "n1 d", "n2 o"},
	} {
		b := binding.NewTable("br-int", tunnel)
		b.Remember(topo, "web", home)
		for _, source := range order {
			var out binding.Outcome
			switch source {
			case "n1 o":
				out = b.SetPorts(topo, "n1", map[uint32]string{5: "veth1"})
			case "n1 d":
				out = b.SetInterfaces(topo, "n1", ids("veth1", "web"))
			case "n2 o":
				out = b.SetPorts(topo, "n2", map[uint32]string{7: "tap0"})
			case "n2 d":
				out = b.SetInterfaces(topo, "n2", ids("tap0", "web"))
			}
			for _, c := range out.Changes {
				if c.After.Node != home.Node || c.After.Interface != home.Interface {
					t.Errorf("%v: at %q: %+v", order, source, c)
				}
			}
		}
		if b.Place("web") != home {
			t.Errorf("%v: at last at %+v", order, b.Place("web"))
		}
	}
}

// TestOrderOfFirstReports: the first reports of a node have one outcome, whichever of
// its two sources comes first and whether or not it comes in pieces.
func TestOrderOfFirstReports(t *testing.T) {
	topo := world(t)
	rapid.Check(t, func(t *rapid.T) {
		f := newFleet(topo)
		for range rapid.IntRange(1, 20).Draw(t, "events") {
			f.happen(t)
		}
		one := f.facts["n1"]
		whole, pieces := newFleet(topo), newFleet(topo)
		whole.facts["n1"], pieces.facts["n1"] = one, one
		whole.reportInterfaces(t, "n1")
		whole.reportPorts(t, "n1")
		pieces.take(t, pieces.SetPorts(topo, "n1", nil))
		for _, number := range rapid.Permutation(slices.Sorted(maps.Keys(one.ports))).Draw(t, "numbers") {
			pieces.take(t, pieces.SetPort(topo, "n1", number, one.ports[number]))
		}
		pieces.reportInterfaces(t, "n1")
		if one.unambiguous() && !maps.Equal(whole.places, pieces.places) {
			t.Fatalf("%+v, in pieces %+v: %+v", whole.places, pieces.places, one)
		}
	})
}

// unambiguous reports whether no two ports have the same name. Otherwise the order of
// appearance decides which of them a port that names them gets.
func (f facts) unambiguous() bool {
	seen := map[string]bool{}
	for _, name := range f.ports {
		if seen[name] {
			return false
		}
		seen[name] = true
	}
	return true
}

// TestPlaceIsAClaim: a port is where an active interface claims it, and nowhere
// only if none does; the newest claim has it.
func TestPlaceIsAClaim(t *testing.T) {
	topo := world(t)
	rapid.Check(t, func(t *rapid.T) {
		f := newFleet(topo)
		f.reportPorts(t, "n1")
		f.reportPorts(t, "n2")
		for range rapid.IntRange(1, 30).Draw(t, "events") {
			f.happen(t)
			for p := range topo.Ports() {
				if err := f.check(p); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

func (f *fleet) check(p *topology.Port) error {
	at, claims := f.Place(p.Name), f.Claims(f.topo, p)
	for _, node := range []string{"n1", "n2"} {
		for port, number := range f.PortsOn(node) {
			if has := f.Place(port); has.Node != node || has.OFPort != number || !slices.Contains(f.PortsAt(node, number), port) {
				return fmt.Errorf("%s is at %+v, and yet on %s with the number %d", port, has, node, number)
			}
		}
	}
	if at.OFPort != 0 && !slices.Contains(f.PortsAt(at.Node, at.OFPort), p.Name) {
		return fmt.Errorf("%s is at %+v, and yet is not found there", p.Name, at)
	}
	if at == (binding.Place{}) {
		if len(claims.Conflicts) > 0 {
			return fmt.Errorf("%s is nowhere, but %+v", p.Name, claims)
		}
		return nil
	}
	if name := f.facts[at.Node].ports[at.OFPort]; name != at.Interface[:min(len(at.Interface), 15)] {
		return fmt.Errorf("%s is at %+v, which is %q", p.Name, at, name)
	}
	if i := f.facts[at.Node].ifaces[at.Interface]; i.Inactive && p.Spec.Interface == "" {
		return fmt.Errorf("%s is at %+v, which is inactive", p.Name, at)
	}
	if p.Spec.Node != "" && at.Node != p.Spec.Node {
		return fmt.Errorf("%s is at %+v", p.Name, at)
	}
	if slices.Contains(claims.Conflicts, at) || slices.Contains(claims.Candidates, at) {
		return fmt.Errorf("%s is at %+v, and yet %+v", p.Name, at, claims)
	}
	return nil
}

// TestManyNamesAlike: thousands of interfaces whose names begin alike, or that claim one port,
// cost no more than others.
func TestManyNamesAlike(t *testing.T) {
	topo := world(t)
	const n = 15000
	ports, ifaces := map[uint32]string{}, make([]binding.Interface, n)
	for i := range ifaces {
		ports[uint32(i+1)] = "patch-to-br-web"
		ifaces[i] = binding.Interface{Name: fmt.Sprintf("patch-to-br-web-%05d", i), OFPort: uint32(i + 1), IfaceID: "web"}
	}
	started := time.Now()
	b := binding.NewTable("br-int", tunnel)
	b.SetPorts(topo, "n1", ports)
	b.SetInterfaces(topo, "n1", ifaces)
	b.SetInterfaces(topo, "n1", nil)
	b.SetPorts(topo, "n1", nil)
	if took := time.Since(started); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}
