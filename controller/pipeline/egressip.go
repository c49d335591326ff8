package pipeline

import (
	"iter"
	"maps"
	"net/netip"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// Gateway is a node by which ports leave with an egress address.
type Gateway struct {
	Node string
	// Out is its port to the bridge of the uplink, 0 if it has none.
	Out openflow.PortNo
	// Bridge says that it has one, or that this is not known yet, as after a start.
	Bridge bool
	// Reached says that the node is reached, as far as is known: by the switches that probe it or,
	// if none does, by sdnd.
	Reached bool
}

// EgressIP is an egress address, and where it works.
type EgressIP struct {
	*topology.EgressIP
	Uplink *topology.Uplink
	// Gateways are its nodes in the order of preference.
	Gateways []Gateway
	// Holder is the node that answers for the addresses: the first that is reached and has the
	// bridge of the uplink. "" if there is none.
	Holder string

	view *View
}

// gateway returns a node as a gateway that has the bridge, nil if it is none.
func (e *EgressIP) gateway(node string) *Gateway {
	for i := range e.Gateways {
		if g := &e.Gateways[i]; g.Node == node && g.Out != 0 {
			return g
		}
	}
	return nil
}

// by returns the uplink as a gateway has it.
func (e *EgressIP) by(g *Gateway) bridgeUplink { return bridgeUplink{Uplink: e.Uplink, port: g.Out} }

// sends reports whether ports on a node leave with the addresses.
func (e *EgressIP) sends(node string) bool {
	_, ok := e.view.egress.at.Get(pairOf(node, e.Name))
	return ok
}

// AddressOf returns the address of a family with which a port leaves, the zero Addr if there is none of the
// family. It follows from the port's name, so that an address which comes or goes changes those of few other
// ports (rendezvous hashing).
func (e *EgressIP) AddressOf(port string, f topology.Family) (best netip.Addr) {
	var highest uint64
	for _, a := range e.Spec.Addresses {
		if model.FamilyOf(a) != f {
			continue
		}
		if h := xxhash.Sum64String(port + "\x00" + a.String()); !best.IsValid() || h > highest {
			best, highest = a, h
		}
	}
	return best
}

// EgressIPOf returns what is known of an egress address.
func (v *View) EgressIPOf(o *topology.EgressIP) *EgressIP {
	e := &EgressIP{EgressIP: o, view: v}
	e.Uplink, _ = v.Topo.Uplink(o.Spec.Uplink)
	for _, node := range o.Spec.Nodes {
		g := Gateway{Node: node, Reached: v.Reached(node)}
		if e.Uplink != nil && e.Uplink.Spec.Bridge != "" {
			g.Out = v.Bridge(node, e.Uplink.Spec.Bridge)
		}
		_, known := v.Away(node)
		g.Bridge = g.Out != 0 || !known
		e.Gateways = append(e.Gateways, g)
		if e.Holder == "" && g.Bridge && g.Reached {
			e.Holder = node
		}
	}
	return e
}

// Away reports whether a node's switch is away; known is false as long as that is not known, as after a
// start.
func (v *View) Away(node string) (away, known bool) { return v.egress.away.Get(node) }

// ContactAt returns a node's probe of another node.
func (v *View) ContactAt(node, to string) Contact {
	n, ok := v.Topo.Node(to)
	if !ok {
		return Contact{}
	}
	return v.ContactBy(node, model.EgressProbe(n.DatapathID))
}

// ContactBy returns a node's probe by the name of its port.
func (v *View) ContactBy(node, port string) Contact {
	p, _ := v.egress.probes.Get(pairOf(port, node))
	return p
}

// ContactsOf returns the names of all probes of a node. It looks at all probes.
func (v *View) ContactsOf(node string) (names []string) {
	v.egress.probes.Scan(func(k pair, _ Contact) bool {
		if secondOf(k) == node {
			names = append(names, firstOf(k))
		}
		return true
	})
	return names
}

// Reached reports whether a node is reached. Switches that probe it know best, as it is they that
// send there; a probe that was never answered says nothing as long as the node is connected, since
// the node's own may have yet to be made. Without probes the node's session decides.
func (v *View) Reached(node string) bool {
	n, ok := v.Topo.Node(node)
	if !ok {
		return false
	}
	away, _ := v.Away(node)
	dead := false
	for from := range seconds(v.egress.probes, model.EgressProbe(n.DatapathID)) {
		gone, _ := v.Away(from)
		switch p := v.ContactBy(from, model.EgressProbe(n.DatapathID)); {
		case gone:
		case p.Live:
			return true
		case p.Met || away:
			dead = true
		}
	}
	return !dead && !away
}

// EgressHolder returns the node that answers for an egress address, "" if there is none.
func (v *View) EgressHolder(name string) string {
	o, ok := v.Topo.EgressIP(name)
	if !ok {
		return ""
	}
	return v.EgressIPOf(o).Holder
}

// EgressPorts returns how many ports leave with an egress address, by network.
func (v *View) EgressPorts(name string) map[string]int {
	ports := map[string]int{}
	for network := range seconds(v.egress.nets, name) {
		ports[network], _ = v.egress.nets.Get(pairOf(name, network))
	}
	return ports
}

// EgressPeers returns the other nodes that a node must probe, by name: those by which its ports leave,
// and those whose ports leave by it.
func (v *View) EgressPeers(node string) []string {
	found := map[string]bool{}
	for name := range seconds(v.egress.at, node) {
		if e, ok := v.Topo.EgressIP(name); ok {
			for _, n := range e.Spec.Nodes {
				found[n] = true
			}
		}
	}
	for e := range v.Topo.EgressIPsNaming(topology.Ref{Kind: topology.KindNode, Name: node}) {
		for n := range seconds(v.egress.by, e.Name) {
			found[n] = true
		}
	}
	own, _ := v.tunnelIP(node)
	maps.DeleteFunc(found, func(peer string, _ bool) bool {
		to, ok := v.tunnelIP(peer)
		return peer == node || !ok || !own.IsValid() || !reachable(own, to).IsValid()
	})
	return slices.Sorted(maps.Keys(found))
}

// sendsEgress reports whether any port on a node leaves with an egress address.
func (v *View) sendsEgress(node string) bool {
	for range seconds(v.egress.at, node) {
		return true
	}
	return false
}

// sendsEgressIn reports whether any port on a node leaves with an egress address of a family.
func (v *View) sendsEgressIn(node string, f topology.Family) bool {
	for name := range seconds(v.egress.at, node) {
		if e, ok := v.Topo.EgressIP(name); ok && e.Spec.Has(f) {
			return true
		}
	}
	return false
}

// leavesWith returns the egress address with which a port leaves by a family. IPv6 of a router that leaves routed
// leaves with the port's own address.
func (v *View) leavesWith(p *topology.Port, f topology.Family) (e *topology.EgressIP, ok bool) {
	if r, joined := v.Topo.RouterOf(p.Spec.Network); f == topology.IPv6 && joined && r.Spec.RoutesIPv6() {
		return nil, false
	}
	return v.Topo.EgressIP(v.EgressOf(p.Name, f))
}

// egressUnits yields the units of egress addresses that a node may have flows of.
func (v *View) egressUnits(node string) iter.Seq[Unit] {
	return func(yield func(Unit) bool) {
		if v.Topo.Count(topology.KindEgressIP) == 0 {
			return
		}
		seen := map[string]bool{}
		for name := range seconds(v.egress.at, node) {
			if seen[name] = true; !yield(Unit{Kind: UnitEgress, Name: name}) {
				return
			}
		}
		for e := range v.Topo.EgressIPsNaming(topology.Ref{Kind: topology.KindNode, Name: node}) {
			if !seen[e.Name] && !yield(Unit{Kind: UnitEgress, Name: e.Name}) {
				return
			}
		}
		for u := range v.bypassUnits(node) {
			if !yield(u) {
				return
			}
		}
	}
}

// bypassUnits yields the units of the other nodes that ports of a node do not reach with egress
// addresses.
func (v *View) bypassUnits(node string) iter.Seq[Unit] {
	return func(yield func(Unit) bool) {
		if !v.sendsEgress(node) {
			return
		}
		for n := range v.Topo.Nodes() {
			if n.Name != node && !yield(Unit{Kind: UnitBypass, Name: n.Name}) {
				return
			}
		}
	}
}

// EgressGateway reports whether a node is a gateway of an egress address and has the bridge of an uplink.
func (v *View) EgressGateway(node string) bool {
	if !v.bridged(node) {
		return false
	}
	for range v.Topo.EgressIPsNaming(topology.Ref{Kind: topology.KindNode, Name: node}) {
		return true
	}
	return false
}

// EgressSenders yields the nodes that have ports which leave with an egress address, by name.
func (v *View) EgressSenders(name string) iter.Seq[string] { return seconds(v.egress.by, name) }

// LeaveElsewhere reports whether all ports of a network on a node leave by other nodes, with egress
// addresses, so that none of them needs the uplink of their router there.
func (v *View) LeaveElsewhere(network, node string, u *topology.Uplink) bool {
	if !v.sendsEgress(node) {
		return false
	}
	for p := range v.PortsOn(node) {
		if p.Spec.Network != network {
			continue
		}
		for _, f := range model.Families() {
			_, has := p.Address(f)
			if _, out := u.Spec.SubnetOf(f); !has || u.Spec.Type == model.UplinkBridge && !out {
				continue
			}
			if e, ok := v.leavesWith(p, f); !ok || slices.Contains(e.Spec.Nodes, node) {
				return false
			}
		}
	}
	return true
}

// EgressNetworks returns the networks whose ports may come to leave elsewhere with an update, or no
// longer.
func (u *Update) EgressNetworks(before, after *View) map[string]bool {
	networks := map[string]bool{}
	for port := range u.egressPorts(before, after) {
		for _, v := range []*View{before, after} {
			if p, ok := v.Topo.Port(port); ok && (v.sendsEgress(v.Location(p)) || before.egressesOf(port) != after.egressesOf(port)) {
				networks[p.Spec.Network] = true
			}
		}
	}
	return networks
}
