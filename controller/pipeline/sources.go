package pipeline

import (
	"iter"
	"net/netip"
	"slices"
	"strings"

	"github.com/sdnctl/sdnctl/topology"
)

// A domain is the networks that a router joins, or one network that no router joins; its
// name is that object's reference. Only nodes that have ports of a domain may send to each
// other through the tunnel. A View keeps the tunnel addresses of the members of each domain
// as the prefixes that cover them exactly, by part of the underlay, so that a node that
// joins or leaves changes one part.
type domain = string

// partBits is the number of last bits in which addresses of one part of the underlay
// differ: a part is a prefix of 24 bits for IPv4, of 120 for IPv6. No flow admits more
// addresses than a part has, and a change of one of them takes at most sourceChange
// flow-mods.
const (
	partBits     = 8
	sourceChange = partBits + 1
)

// members counts the nodes of a domain that may send: those with a tunnel address.
type members struct {
	// exempt counts the members that may not send from their tunnel address, ipv6 those
	// whose tunnel address is IPv6.
	nodes, exempt, ipv6 int
}

// mixed reports whether nodes have tunnel addresses of both families.
func (m members) mixed() bool { return 0 < m.ipv6 && m.ipv6 < m.nodes }

// membership says that a node is in a domain.
type membership struct {
	domain domain
	node   string
}

// domainOf returns the domain of a network.
func (v *View) domainOf(network string) domain {
	if r, ok := v.Topo.RouterOf(network); ok {
		return r.Ref().String()
	}
	return topology.Ref{Kind: topology.KindNetwork, Name: network}.String()
}

// networksIn iterates over the networks of a domain. A domain that does not exist has none.
func (v *View) networksIn(d domain) iter.Seq[string] {
	return func(yield func(string) bool) {
		kind, name, _ := strings.Cut(d, "/")
		if topology.Kind(kind) == topology.KindRouter {
			if r, ok := v.Topo.Router(name); ok {
				for _, n := range r.Spec.Networks {
					if !yield(n) {
						return
					}
				}
			}
			return
		}
		if _, joined := v.Topo.RouterOf(name); joined {
			return
		}
		if _, ok := v.Topo.Network(name); ok {
			yield(name)
		}
	}
}

// first returns the first network of a domain. It stands for the domain where the networks
// of a node are iterated over.
func (v *View) first(d domain) (*topology.Network, bool) {
	for n := range v.networksIn(d) {
		return v.Topo.Network(n)
	}
	return nil, false
}

// inDomain reports whether a port of the domain is on the node, machines outside reach the domain
// by it, or ports of the domain leave by it.
func (v *View) inDomain(d domain, node string) bool {
	return v.hasPortsIn(d, node) || v.enters(d, node) || v.egressesBy(d, node) || v.entersRouted(d, node)
}

// membersOf iterates over the nodes that have ports of the domain, each once.
func (v *View) membersOf(d domain) iter.Seq[string] {
	if n, ok := v.first(d); ok {
		return v.NodesOf(n.Name)
	}
	return func(func(string) bool) {}
}

// tunnelIP returns a node's declared tunnel address.
func (v *View) tunnelIP(node string) (netip.Addr, bool) {
	n, ok := v.Topo.Node(node)
	if !ok {
		return netip.Addr{}, false
	}
	return n.Spec.TunnelIP, n.Spec.TunnelIP.IsValid()
}

// reachable returns the tunnel address of another node if a node with the address from can send
// to it, or the zero Addr. A tunnel port sends from one address, so it reaches only addresses of the
// same family.
func reachable(from, to netip.Addr) netip.Addr {
	if from.IsValid() && to.IsValid() && from.Is4() != to.Is4() {
		return netip.Addr{}
	}
	return to
}

// isMixed reports whether a domain's nodes have tunnel addresses of both families.
func (v *View) isMixed(d domain) bool {
	m, _ := v.members.Get(d)
	return m.mixed()
}

// MixedTunnels reports whether the nodes that have ports of the network, or of one
// that a router joins with it, have tunnel addresses of both families, so that some
// do not reach others.
func (v *View) MixedTunnels(network string) bool { return v.isMixed(v.domainOf(network)) }

// Remixed iterates over the networks for which MixedTunnels, or the nodes with addresses of
// either family, may differ from the View before.
func (v *View) Remixed(before *View) iter.Seq[string] {
	return func(yield func(string) bool) {
		seen := map[string]bool{}
		for d := range v.remixed {
			for _, in := range []*View{before, v} {
				for n := range in.networksIn(d) {
					if !seen[n] && !yield(n) {
						return
					}
					seen[n] = true
				}
			}
		}
	}
}

// Exempt reports whether the node may send from another address than its tunnel address:
// OVSDB shows another local_ip, or none. The packets of such a node are admitted from any
// address, unless its spec says that they are to be checked.
func (v *View) Exempt(node string) bool {
	n, ok := v.Topo.Node(node)
	if !ok || !n.Spec.TunnelIP.IsValid() || n.Spec.TunnelCheck == topology.TunnelEnforce {
		return false
	}
	return v.Local(node) != n.Spec.TunnelIP
}

// Local returns the address that the node's tunnel port sends from, as OVSDB shows it; the
// zero Addr if that is unknown.
func (v *View) Local(node string) netip.Addr {
	a, _ := v.locals.Get(node)
	return a
}

// TunnelUDP returns the UDP port of a node's tunnel, as OVSDB shows it; 0 if it is VXLAN's own, or
// unknown.
func (v *View) TunnelUDP(node string) uint16 {
	p, _ := v.udp.Get(node)
	return p
}

// tunnelUDP returns the UDP ports at which nodes take packets from tunnels: VXLAN's own, and that of
// this node's tunnel if it has another.
func (c *Compiler) tunnelUDP() []uint16 {
	ports := []uint16{vxlanPort}
	if p := c.view.TunnelUDP(c.node); p != 0 {
		ports = append(ports, p)
	}
	return ports
}

// peers counts the other nodes of a domain that may send to the node.
func (v *View) peers(d domain, node string) members {
	m, _ := v.members.Get(d)
	if _, ok := v.tunnelIP(node); ok && v.sends(d, node) {
		m.nodes--
		if v.Exempt(node) {
			m.exempt--
		}
	}
	return m
}

// sends reports whether the node may send to other members of the domain: a port
// of it is there, or packets of it are still under way.
func (v *View) sends(d domain, node string) bool {
	_, lingers := v.lingering.Get(pairOf(node, d))
	return lingers || v.inDomain(d, node)
}

// Leaving returns the domain of the network if its last port on the node is gone in next.
// Packets that the node sent in it may still be on their way.
func (v *View) Leaving(next *View, network, node string) (domain string, leaves bool) {
	d := next.domainOf(network)
	return d, v.inDomain(d, node) && !next.inDomain(d, node)
}

// Grown reports whether there are nodes that may send to others in the network which could
// not in the View before.
func (v *View) Grown(network string) bool {
	return len(v.grown) > 0 && v.grown[v.domainOf(network)]
}

// HasGrown reports whether Grown is true for any network.
func (v *View) HasGrown() bool { return len(v.grown) > 0 }

// SendsFor reports whether a unit of the node sends packets to other nodes in a network for
// which Grown is true.
func (v *View) SendsFor(u Unit, node string) bool {
	switch u.Kind {
	case UnitBlock:
		return u.Part != node && v.Grown(u.Name)
	case UnitHost:
		return v.Grown(u.Name)
	case UnitEgress:
		return v.HasGrown()
	case UnitPort:
		p, ok := v.Topo.Port(u.Name)
		return ok && v.Location(p) != node && v.Grown(p.Spec.Network)
	}
	return false
}

// Receives reports whether other nodes may send the node packets of the domain whose
// sources the unit is.
func (v *View) Receives(u Unit, node string) bool {
	return u.Kind == UnitSource && v.inDomain(u.Name, node)
}

// sourceUnits iterates over the units of a domain's sources.
func (v *View) sourceUnits(d domain) iter.Seq[Unit] {
	return func(yield func(Unit) bool) {
		if !yield(Unit{Kind: UnitSource, Name: d}) {
			return
		}
		for part := range seconds(v.sources, d) {
			if !yield(Unit{Kind: UnitSource, Name: d, Part: part}) {
				return
			}
		}
	}
}

// part returns the part of the underlay that an address is in.
func part(a netip.Addr) string {
	p, _ := a.Prefix(a.BitLen() - partBits) // no error: an address has as many bits
	return p.String()
}

// resource updates the sources of v, which are still those of before, for the memberships
// that may have changed, and notes the units that did.
func (v *View) resource(before *View, touched map[membership]bool) {
	dirty := map[Unit]bool{}
	for m := range touched {
		was, is := before.sends(m.domain, m.node), v.sends(m.domain, m.node)
		old, had := before.tunnelIP(m.node)
		now, has := v.tunnelIP(m.node)
		was, is = was && had, is && has
		exempted, exempts := was && before.Exempt(m.node), is && v.Exempt(m.node)
		if was == is && old == now && exempted == exempts {
			continue
		}
		count, _ := v.members.Get(m.domain)
		alone := count.nodes < 2
		count.nodes += btoi(is) - btoi(was)
		count.exempt += btoi(exempts) - btoi(exempted)
		count.ipv6 += btoi(is && now.Is6()) - btoi(was && old.Is6())
		if count.mixed() || before.isMixed(m.domain) {
			if v.remixed == nil {
				v.remixed = map[domain]bool{}
			}
			v.remixed[m.domain] = true
		}
		if count.nodes == 0 {
			v.members.Delete(m.domain)
		} else {
			v.members.Set(m.domain, count)
		}
		if was && (!is || old != now) {
			dirty[Unit{Kind: UnitSource, Name: m.domain, Part: part(old)}] = true
		}
		if is && (!was || old != now) {
			if v.grown == nil {
				v.grown = map[domain]bool{}
			}
			v.grown[m.domain] = true
			dirty[Unit{Kind: UnitSource, Name: m.domain, Part: part(now)}] = true
		}
		if exempted != exempts {
			dirty[Unit{Kind: UnitSource, Name: m.domain}] = true
		}
		if alone != (count.nodes < 2) {
			// A node without peers admits nobody, itself included.
			for u := range before.sourceUnits(m.domain) {
				dirty[u] = true
			}
		}
	}
	for u := range dirty {
		v.resources = append(v.resources, u)
		if u.Part != "" {
			v.coverPart(u.Name, u.Part)
		}
	}
}

// coverPart covers the addresses of a domain's members in one part of the
// underlay.
func (v *View) coverPart(d domain, part string) {
	within := netip.MustParsePrefix(part)
	var addrs []netip.Addr
	for n := range v.Topo.NodesByTunnel(within) {
		if v.sends(d, n.Name) {
			addrs = append(addrs, n.Spec.TunnelIP)
		}
	}
	key := pairOf(d, part)
	if len(addrs) == 0 {
		v.sources.Delete(key)
		return
	}
	v.sources.Set(key, slices.Clip(cover(nil, within, addrs)))
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// touched returns the memberships that may differ between v and next, which the update
// made.
func (v *View) touched(next *View, u Update) map[membership]bool {
	t := &touches{before: v, after: next, found: map[membership]bool{}}
	for _, c := range u.Changes {
		if e, ok := effects.Of(c.Ref.Kind); ok {
			e.touch(t, c)
		}
	}
	for _, c := range u.Places {
		if p, ok := v.Topo.Port(c.Port); ok {
			t.place(p.Spec.Network, v.Location(p))
		}
		if p, ok := next.Topo.Port(c.Port); ok {
			t.place(p.Spec.Network, next.Location(p))
		}
	}
	t.outside(u)
	t.egress(u)
	t.routed(u)
	for _, l := range u.Locals {
		t.allOf(l.Node)
	}
	for _, l := range u.Lingers {
		t.found[membership{l.Domain, l.Node}] = true
	}
	return t.found
}

// touches collects memberships that may differ between two views.
type touches struct {
	before, after *View
	found         map[membership]bool
}

func (t *touches) touch(network, node string) {
	t.found[membership{t.before.domainOf(network), node}] = true
	t.found[membership{t.after.domainOf(network), node}] = true
}

// place adds a node's membership if the node gets its first port of a network, or loses its
// last.
func (t *touches) place(network, node string) {
	if node != "" && t.before.HasPorts(network, node) != t.after.HasPorts(network, node) {
		t.touch(network, node)
	}
}

// allOf adds all memberships of a node.
func (t *touches) allOf(node string) {
	for _, v := range []*View{t.before, t.after} {
		for network := range v.NetworksOn(node) {
			t.touch(network, node)
		}
		for d := range seconds(v.lingering, node) {
			t.found[membership{d, node}] = true
		}
	}
}

func (t *touches) node(c topology.Change) { t.allOf(c.Ref.Name) }

func (t *touches) router(c topology.Change) {
	for _, o := range []topology.Object{c.Before, c.After} {
		r, ok := o.(*topology.Router)
		if !ok {
			continue
		}
		for _, network := range r.Spec.Networks {
			for _, v := range []*View{t.before, t.after} {
				for node := range v.NodesOf(network) {
					t.touch(network, node)
				}
			}
		}
	}
}

func (t *touches) port(c topology.Change) {
	if p, ok := c.Before.(*topology.Port); ok {
		t.place(p.Spec.Network, t.before.Location(p))
	}
	if p, ok := c.After.(*topology.Port); ok {
		t.place(p.Spec.Network, t.after.Location(p))
	}
}
