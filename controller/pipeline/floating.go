package pipeline

import (
	"cmp"
	"iter"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// Floating is a floating address, and where it works.
type Floating struct {
	*topology.FloatingIP
	Uplink *topology.Uplink
	// Node is where the address is: the node of the first of its ports that has an interface. ""
	// while none has.
	Node string
	// Port is that port, nil while there is none.
	Port *topology.Port
	// Router is that of the port's network, nil if there is none that leaves by the uplink.
	Router *topology.Router
	// Out is the node's port to the bridge of the uplink, 0 if it has none.
	Out openflow.PortNo
	// Elsewhere are the ports that the address cannot lead to from Node: those that have no
	// interface there, or another router than Port.
	Elsewhere []string

	zone    topology.Zone
	targets []floatingTarget
}

// floatingTarget is a port that an address leads to.
type floatingTarget struct {
	name    string
	address netip.Addr
}

// Family is the family of the address, and of all that it leads to ports.
func (f *Floating) Family() topology.Family { return model.FamilyOf(f.Spec.Address) }

// uplink returns the uplink as the node has it.
func (f *Floating) uplink() bridgeUplink { return bridgeUplink{Uplink: f.Uplink, port: f.Out} }

// Works reports whether the address is in use on Node.
func (f *Floating) Works() bool { return f.zone != 0 && f.Out != 0 }

// target returns the address of a port that the floating address leads to; ok is false if it does
// not lead there now.
func (f *Floating) target(port string) (a netip.Addr, ok bool) {
	i := slices.IndexFunc(f.targets, func(t floatingTarget) bool { return t.name == port })
	if i < 0 {
		return a, false
	}
	return f.targets[i].address, true
}

// StaleUDP returns, of a floating address that leads to another port of the same node than before,
// the entries of the connection tracker that must go: streams of UDP that go on without pause would
// be translated to the port before as long as they last. Each is all of an address, or of a port of
// it.
func (f *Floating) StaleUDP(before *Floating) (all []*openflow.CTFlush) {
	if !f.Works() || !before.Works() || f.Node != before.Node || f.zone != before.zone || f.Spec.Address != before.Spec.Address {
		return nil
	}
	every := netip.AddrPortFrom(netip.IPv6Unspecified(), 0)
	stale := func(from, to netip.AddrPort) {
		all = append(all, &openflow.CTFlush{Zone: uint16(f.zone), Protocol: protoUDP, Source: from, Destination: to})
	}
	was, is := before.udp(), f.udp()
	for _, port := range slices.Sorted(maps.Keys(was)) {
		if is[port] != was[port] {
			// What the port before still answers begins an entry of its own, which would keep the
			// stream from coming back; and what it has begun with the address has to leave with
			// another.
			stale(every, netip.AddrPortFrom(f.Spec.Address, port))
			stale(was[port], every)
		}
	}
	return all
}

// udp returns to where UDP leads, by the port of the address; 0 is all.
func (f *Floating) udp() map[uint16]netip.AddrPort {
	leads := map[uint16]netip.AddrPort{}
	if a, ok := f.target(f.Spec.Port); ok {
		leads[0] = netip.AddrPortFrom(a, 0)
	}
	for _, w := range f.Spec.Forwards {
		if a, ok := f.target(w.To); ok && w.Protocol == model.ProtocolUDP {
			leads[w.Port] = netip.AddrPortFrom(a, cmp.Or(w.TargetPort, w.Port))
		}
	}
	return leads
}

// FloatingOf returns what is known of a floating address.
func (v *View) FloatingOf(o *topology.FloatingIP) *Floating {
	f := &Floating{FloatingIP: o}
	f.Uplink, _ = v.Topo.Uplink(o.Spec.Uplink)
	for _, name := range o.Spec.Ports() {
		p, ok := v.Topo.Port(name)
		if !ok {
			continue
		}
		at := v.plugged(p)
		if f.Node == "" && at != "" {
			f.Node, f.Port = at, p
			f.Router, _ = v.Topo.RouterOf(p.Spec.Network)
		}
		a, has := p.Address(f.Family())
		if r, _ := v.Topo.RouterOf(p.Spec.Network); at == "" || at != f.Node || r != f.Router || !has {
			f.Elsewhere = append(f.Elsewhere, name)
			continue
		}
		f.targets = append(f.targets, floatingTarget{name, a})
	}
	if r := f.Router; r != nil && (r.Spec.Egress == nil || r.Spec.Egress.Uplink != o.Spec.Uplink) {
		f.Router = nil
	}
	if f.Router != nil {
		if n, ok := v.Topo.Numbering(f.Router.Ref().String()); ok {
			f.zone = n.Egress
		}
	}
	if f.Node != "" && f.Uplink != nil && f.Uplink.Spec.Bridge != "" {
		f.Out = v.Bridge(f.Node, f.Uplink.Spec.Bridge)
	}
	return f
}

// plugged returns the node on which a port has its interface, or had it last; "" if that is not
// where the port belongs.
func (v *View) plugged(p *topology.Port) string {
	if at := v.Place(p.Name).Node; at == v.Location(p) {
		return at
	}
	return ""
}

// FloatingNode returns the node where a floating address is, "" if there is none.
func (v *View) FloatingNode(name string) string {
	o, ok := v.Topo.FloatingIP(name)
	if !ok {
		return ""
	}
	for _, name := range o.Spec.Ports() {
		if p, ok := v.Topo.Port(name); ok {
			if at := v.plugged(p); at != "" {
				return at
			}
		}
	}
	return ""
}

// FloatingOn returns the floating addresses that are on a node, by name.
func (v *View) FloatingOn(node string) iter.Seq[string] { return seconds(v.floating, node) }

// floats reports whether any floating address is on a node.
func (v *View) floats(node string) bool {
	for range seconds(v.floating, node) {
		return true
	}
	return false
}

// floatsIn reports whether a floating address of a family is on a node.
func (v *View) floatsIn(node string, f topology.Family) bool {
	for name := range seconds(v.floating, node) {
		if o, ok := v.Topo.FloatingIP(name); ok && model.FamilyOf(o.Spec.Address) == f {
			return true
		}
	}
	return false
}

// FloatingIn returns the floating addresses whose place an update may change.
func (u *Update) FloatingIn(before, after *View) map[string]bool {
	names := map[string]bool{}
	if before.Topo.Count(topology.KindFloatingIP)+after.Topo.Count(topology.KindFloatingIP) == 0 {
		return names
	}
	ofPort := func(port string) {
		for _, v := range []*View{before, after} {
			for f := range v.Topo.FloatingIPsNaming(topology.Ref{Kind: topology.KindPort, Name: port}) {
				names[f.Name] = true
			}
		}
	}
	for _, c := range u.Changes {
		switch c.Ref.Kind {
		case topology.KindFloatingIP:
			names[c.Ref.Name] = true
		case topology.KindPort:
			ofPort(c.Ref.Name)
		}
	}
	for _, p := range u.Places {
		ofPort(p.Port)
	}
	return names
}

// placeFloating updates the index of floating addresses by node.
func (v *View) placeFloating(before *View, u Update) {
	for name := range u.FloatingIn(before, v) {
		if at := before.FloatingNode(name); at != "" {
			v.floating.Delete(pairOf(at, name))
		}
		if at := v.FloatingNode(name); at != "" {
			v.floating.Set(pairOf(at, name), struct{}{})
		}
	}
}

// FloatingMove is a floating address that an update puts on a node.
type FloatingMove struct {
	Name string
	// From is the node that had it, "" if none had.
	From, To string
}

// FloatingMoves returns the floating addresses that an update puts on other nodes than before, or
// removes from nodes, whose To is "" then; by name.
func FloatingMoves(before, after *View, u Update) (all []FloatingMove) {
	for name := range u.FloatingIn(before, after) {
		if m := (FloatingMove{name, before.FloatingNode(name), after.FloatingNode(name)}); m.From != m.To {
			all = append(all, m)
		}
	}
	slices.SortFunc(all, func(a, b FloatingMove) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// floating marks a floating address where it was and where it is, and what nodes have only while
// they have any.
func (a *affected) floating(name string) {
	for _, v := range []*View{a.before, a.after} {
		at := v.FloatingNode(name)
		if at == "" {
			continue
		}
		a.mark(at, Unit{Kind: UnitFloating, Name: name})
		if a.before.floatsIn(at, topology.IPv4) != a.after.floatsIn(at, topology.IPv4) || a.before.floatsIn(at, topology.IPv6) != a.after.floatsIn(at, topology.IPv6) {
			a.mark(at, Unit{Kind: UnitNode, Name: at})
		}
		if a.before.floats(at) != a.after.floats(at) {
			for e := range v.Topo.EgressIPsNaming(topology.Ref{Kind: topology.KindNode, Name: at}) {
				a.mark(at, Unit{Kind: UnitEgress, Name: e.Name})
			}
		}
	}
}

// floatingChange marks a floating address that changes.
func (a *affected) floatingChange(c topology.Change) {
	was, _ := c.Before.(*topology.FloatingIP)
	is, _ := c.After.(*topology.FloatingIP)
	if was != nil && is != nil && topology.SameSpec(was.Spec, is.Spec) {
		return // only its labels
	}
	a.floating(c.Ref.Name)
}

// floatingOf marks the floating addresses that name a port or an uplink.
func (a *affected) floatingOf(ref topology.Ref) {
	for _, v := range []*View{a.before, a.after} {
		for f := range v.Topo.FloatingIPsNaming(ref) {
			a.floating(f.Name)
		}
	}
}

// floatingBy marks the floating addresses on a router's uplink that lead to its ports. It looks at
// all floating addresses on the uplink.
func (a *affected) floatingBy(r *topology.Router) {
	if r == nil || r.Spec.Egress == nil {
		return
	}
	for _, v := range []*View{a.before, a.after} {
		for f := range v.Topo.FloatingIPsNaming(topology.Ref{Kind: topology.KindUplink, Name: r.Spec.Egress.Uplink}) {
			for _, name := range f.Spec.Ports() {
				if p, ok := v.Topo.Port(name); ok && slices.Contains(r.Spec.Networks, p.Spec.Network) {
					a.floating(f.Name)
					break
				}
			}
		}
	}
}
