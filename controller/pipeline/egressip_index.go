package pipeline

import (
	"slices"

	"github.com/tidwall/btree"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// Contact is the port of a node by which its switch finds out whether another node is reached.
type Contact struct {
	// No is the port's number, 0 if there is none.
	No openflow.PortNo
	// Live says that the other node is reached, Met that it was reached before.
	Live, Met bool
}

// ContactChange says that a node has another probe. Port is its name (model.EgressProbe).
type ContactChange struct {
	Node, Port string
	After      Contact
}

// AbsenceChange says that a node's switch is known to be away, or is no longer.
type AbsenceChange struct {
	Node string
	Away bool
}

// egressIndex has where the ports are that leave with egress addresses, and which nodes are reached.
type egressIndex struct {
	of       [2]*btree.Map[string, string] // by family and port: the egress address that it leaves with
	at, by   *btree.Map[pair, int]         // node, egress address; and the other way round: its ports there
	in, nets *btree.Map[pair, int]         // network, egress address; and the other way round: its ports of it
	probes   *btree.Map[pair, Contact]     // name of the port, node that has it
	away     *btree.Map[string, bool]      // of the nodes of which that is known: whether their switches are away
}

func newEgressIndex() egressIndex {
	return egressIndex{
		[2]*btree.Map[string, string]{new(btree.Map[string, string]), new(btree.Map[string, string])}, new(btree.Map[pair, int]), new(btree.Map[pair, int]), new(btree.Map[pair, int]), new(btree.Map[pair, int]),
		new(btree.Map[pair, Contact]), new(btree.Map[string, bool]),
	}
}

func (x egressIndex) fork() egressIndex {
	return egressIndex{[2]*btree.Map[string, string]{x.of[0].Copy(), x.of[1].Copy()}, x.at.Copy(), x.by.Copy(), x.in.Copy(), x.nets.Copy(), x.probes.Copy(), x.away.Copy()}
}

// count adds d to the number of ports of an egress address in a network and on a node, which may be
// "".
func (x egressIndex) count(name, network, node string, d int) {
	add := func(m *btree.Map[pair, int], a, b string) {
		old, _ := m.Get(pairOf(a, b))
		if old+d == 0 {
			m.Delete(pairOf(a, b))
		} else {
			m.Set(pairOf(a, b), old+d)
		}
	}
	add(x.in, network, name)
	add(x.nets, name, network)
	if node != "" {
		add(x.at, node, name)
		add(x.by, name, node)
	}
}

// floatsWhole reports whether a floating address of a family leads to all of a port, which leaves with that.
func (v *View) floatsWhole(port string, f topology.Family) (whole, part bool) {
	for o := range v.Topo.FloatingIPsNaming(topology.Ref{Kind: topology.KindPort, Name: port}) {
		switch {
		case model.FamilyOf(o.Spec.Address) != f:
		case o.Spec.Port == port:
			return true, false
		default:
			part = true
		}
	}
	return false, part
}

// findEgress returns the egress addresses that a port leaves with, by family, "" if there is none: the first by
// name of those that select it and have addresses of the family, if it has one, too, and no floating address of
// its own.
func (v *View) findEgress(p *topology.Port) (names [2]string) {
	found := v.Topo.EgressIPsOf(p)
	for _, f := range model.Families() {
		i := slices.IndexFunc(found, func(e *topology.EgressIP) bool { return e.Spec.Has(f) })
		if _, has := p.Address(f); i < 0 || !has {
			continue
		}
		if whole, _ := v.floatsWhole(p.Name, f); !whole {
			names[f] = found[i].Name
		}
	}
	return names
}

// EgressOf returns the egress address that a port leaves with by a family, "" if there is none. IPv6 leaves with
// it unless the port's router routes it.
func (v *View) EgressOf(port string, f topology.Family) string {
	name, _ := v.egress.of[f].Get(port)
	return name
}

// egressesOf returns those of both families.
func (v *View) egressesOf(port string) [2]string {
	return [2]string{topology.IPv4: v.EgressOf(port, topology.IPv4), topology.IPv6: v.EgressOf(port, topology.IPv6)}
}

// setEgress notes in the index the egress addresses that a port leaves with.
func (v *View) setEgress(port string, names [2]string) {
	for f, name := range names {
		if name == "" {
			v.egress.of[f].Delete(port)
		} else {
			v.egress.of[f].Set(port, name)
		}
	}
}

// countEgress adds a port to the index as it is, or takes it out. One that leaves with the same egress address by
// both families counts once.
func (v *View) countEgress(in egressIndex, port string, d int) {
	p, ok := v.Topo.Port(port)
	if !ok {
		return
	}
	names := v.egressesOf(port)
	for i, name := range names {
		if name != "" && !slices.Contains(names[:i], name) {
			in.count(name, p.Spec.Network, v.Location(p), d)
		}
	}
}

// beginEgress fills the index of a view that has none before it.
func (v *View) beginEgress(touched map[membership]bool) {
	if v.Topo.Count(topology.KindEgressIP) == 0 {
		return
	}
	for p := range v.Topo.Ports() {
		v.setEgress(p.Name, v.findEgress(p))
		v.countEgress(v.egress, p.Name, +1)
	}
	for n := range v.Topo.Nodes() {
		for d := range v.domainsBy(n.Name) {
			touched[membership{d, n.Name}] = true
		}
	}
}

// egressPorts returns the ports whose egress address, network or place an update may change.
func (u *Update) egressPorts(before, after *View) map[string]bool {
	ports := map[string]bool{}
	if before.Topo.Count(topology.KindEgressIP)+after.Topo.Count(topology.KindEgressIP) == 0 {
		return ports
	}
	selected := func(v *View, name string) {
		if e, ok := v.Topo.EgressIP(name); ok {
			for p := range v.Topo.Selected(&e.Spec.Ports) {
				ports[p.Name] = true
			}
		}
	}
	for _, c := range u.Changes {
		switch c.Ref.Kind {
		case topology.KindPort:
			ports[c.Ref.Name] = true
		case topology.KindEgressIP:
			selected(before, c.Ref.Name)
			selected(after, c.Ref.Name)
		case model.KindPortGroup:
			for _, v := range []*View{before, after} {
				for e := range v.Topo.EgressIPsNaming(c.Ref) {
					selected(before, e.Name)
					selected(after, e.Name)
				}
			}
		case topology.KindFloatingIP:
			for _, o := range []topology.Object{c.Before, c.After} {
				if f, ok := o.(*topology.FloatingIP); ok {
					for _, p := range f.Spec.Ports() {
						ports[p] = true
					}
				}
			}
		}
	}
	for _, p := range u.Places {
		ports[p.Port] = true
	}
	return ports
}

// placeEgress updates the index for the successor of a view.
func (v *View) placeEgress(before *View, u Update) {
	for _, p := range u.Contacts {
		if p.After.No == 0 {
			v.egress.probes.Delete(pairOf(p.Port, p.Node))
		} else {
			v.egress.probes.Set(pairOf(p.Port, p.Node), p.After)
		}
	}
	for _, c := range u.Changes {
		if c.Ref.Kind == topology.KindNode && c.After == nil {
			v.egress.away.Delete(c.Ref.Name)
		}
	}
	for _, c := range u.Absences {
		v.egress.away.Set(c.Node, c.Away)
	}
	ports := u.egressPorts(before, v)
	for port := range ports {
		before.countEgress(v.egress, port, -1)
	}
	for port := range ports {
		var names [2]string
		if p, ok := v.Topo.Port(port); ok {
			names = v.findEgress(p)
		}
		v.setEgress(port, names)
		v.countEgress(v.egress, port, +1)
	}
}
