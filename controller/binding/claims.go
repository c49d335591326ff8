package binding

import (
	"cmp"
	"slices"
	"strings"

	"github.com/sdnctl/sdnctl/topology"
)

// claim is the claim of an interface to a port.
type claim struct {
	Place
	since uint64
	// shared says that other interfaces of the same container claim it as well.
	shared bool
	// part is the name of the interface inside its container, if it has one.
	part     string
	inactive bool
}

// resolve determines the places of the given ports again.
func (t *Table) resolve(topo *topology.Snapshot, ports map[string]bool) Outcome {
	var out Outcome
	for name := range ports {
		out.Examined = append(out.Examined, name)
		before := t.placed[name]
		var after Place
		if p, ok := topo.Port(name); ok {
			after = t.find(topo, p)
		}
		if before == after {
			continue
		}
		if after == (Place{}) {
			delete(t.placed, name)
		} else {
			t.placed[name] = after
		}
		delete(t.numbers, name)
		t.occupy(name, before, after)
		out.Changes = append(out.Changes, Change{name, before, after})
	}
	slices.SortFunc(out.Changes, func(a, b Change) int { return cmp.Compare(a.Port, b.Port) })
	return out
}

// find returns the place that a port should have.
func (t *Table) find(topo *topology.Snapshot, p *topology.Port) Place {
	if all := t.eligible(topo, p); len(all) > 0 {
		return all[0].Place
	}
	return Place{}
}

// eligible returns the claims that the port can follow, the best first.
func (t *Table) eligible(topo *topology.Snapshot, p *topology.Port) []claim {
	all := slices.DeleteFunc(t.active(topo, p), func(c claim) bool { return !pinnedTo(p, c.Node) })
	slices.SortFunc(all, func(a, b claim) int { return t.order(p, a, b) })
	return all
}

// active returns the claims of interfaces that br-int has and that are not
// inactive, in no particular order. While a port's node has not connected, the
// remembered place is one of them.
func (t *Table) active(topo *topology.Snapshot, p *topology.Port) []claim {
	at := t.placed[p.Name]
	all := slices.DeleteFunc(t.all(topo, p), func(c claim) bool {
		held := at == c.Place && !t.nodes[c.Node].openflowSeen
		return c.inactive || c.OFPort == 0 && !held
	})
	return t.onePerContainer(p, all)
}

// pinnedTo reports whether a port may be on a node.
func pinnedTo(p *topology.Port, node string) bool { return p.Spec.Node == "" || p.Spec.Node == node }

// order compares two claims; the better one is less.
func (t *Table) order(p *topology.Port, a, b claim) int {
	if t.returned && (a.OFPort == 0) != (b.OFPort == 0) {
		return cmp.Compare(b.OFPort, a.OFPort) // a present interface before a remembered one
	}
	return cmp.Or(
		cmp.Compare(b.since, a.since),
		-compareBool(t.holds(p, a), t.holds(p, b)),
		cmp.Compare(a.Node, b.Node), cmp.Compare(a.part, b.part),
		cmp.Compare(a.Interface, b.Interface), cmp.Compare(a.OFPort, b.OFPort),
	)
}

// holds reports whether the port is at the claim's place.
func (t *Table) holds(p *topology.Port, c claim) bool {
	at := t.placed[p.Name]
	return at.Node == c.Node && at.Interface == c.Interface && (p.Spec.Interface == "" || t.numberOf(p) == c.OFPort)
}

// numberOf returns the OpenFlow port number that a port has or is remembered to have had.
func (t *Table) numberOf(p *topology.Port) uint32 {
	return cmp.Or(t.placed[p.Name].OFPort, t.numbers[p.Name])
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// onePerContainer keeps one of the interfaces of the same container on the same node that claim
// the container's port: the one that has the port, or else the oldest.
func (t *Table) onePerContainer(p *topology.Port, all []claim) []claim {
	best := map[string]claim{} // by node
	for _, c := range all {
		if !c.shared {
			continue
		}
		b, ok := best[c.Node]
		if !ok || cmp.Or(-compareBool(t.holds(p, c), t.holds(p, b)), cmp.Compare(c.since, b.since),
			cmp.Compare(c.part, b.part), cmp.Compare(c.Interface, b.Interface)) < 0 {
			best[c.Node] = c
		}
	}
	return slices.DeleteFunc(all, func(c claim) bool { return c.shared && c != best[c.Node] })
}

// all returns every claim to a port, including those that the port cannot follow.
func (t *Table) all(topo *topology.Snapshot, p *topology.Port) []claim {
	if p.Spec.Interface != "" {
		return t.named(p)
	}
	var all []claim
	for _, i := range t.claims[p.BindingID()] {
		c := claim{Place: Place{i.node.name, i.Name, i.number}, since: i.since, inactive: i.Inactive}
		if i.IfaceID == "" && i.ContainerIface != "" && p.BindingID() == i.ContainerID {
			if _, own := topo.PortByBindingID(i.containerPort()); own {
				continue
			}
			c.shared, c.part = true, i.ContainerIface
		}
		all = append(all, c)
	}
	return all
}

// maxAlike is the largest number of interfaces with the same first 15 bytes of
// their names among which a port that names these bytes can be bound.
const maxAlike = 16

// named returns the claims to a port that names its interface: that of the interface with
// exactly this name, or those of all interfaces whose longer names OpenFlow truncates to it.
func (t *Table) named(p *topology.Port) []claim {
	n, ok := t.nodes[p.Spec.Node]
	if !ok {
		return nil
	}
	at := func(number uint32) claim {
		return claim{Place: Place{n.name, p.Spec.Interface, number}}
	}
	if i, ok := n.ifaces[p.Spec.Interface]; ok {
		return []claim{at(i.number)}
	}
	if number := n.numbers.only(p.Spec.Interface); number != 0 {
		return []claim{at(number)}
	}
	all := []claim{at(0)}
	more := n.numbers.more[p.Spec.Interface]
	if holds := t.numberOf(p); len(more) > maxAlike && more[holds] {
		return []claim{at(holds)}
	} else if len(more) > maxAlike {
		return all
	}
	for number := range more {
		all = append(all, at(number))
	}
	return all
}

// containerOf returns the container in an interface id that names one interface of a container,
// or "".
func containerOf(id string) string {
	if i := strings.LastIndex(id, "/"); i >= 0 {
		return id[:i]
	}
	return ""
}
