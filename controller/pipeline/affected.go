package pipeline

import (
	"iter"
	"maps"
	"net/netip"
	"slices"

	"github.com/sdnctl/sdnctl/topology"
)

// Affected calls mark for each node and unit whose flows the update may have
// changed; the same pair may be marked more than once. It may name too many,
// which costs a compilation that finds no difference, but never too few. The
// ports of one stretched network come node by node.
//
// The work is proportional to what changed and to the nodes that must know it,
// not to the number of nodes.
func Affected(before, after *View, u Update, mark func(node string, unit Unit)) {
	a := &affected{before: before, after: after, mark: mark, servedSeen: map[string]bool{}}
	for _, t := range u.Tunnels {
		mark(t.Node, Unit{Kind: UnitNode, Name: t.Node})
	}
	for _, l := range u.Locals {
		if before.TunnelUDP(l.Node) != after.TunnelUDP(l.Node) {
			mark(l.Node, Unit{Kind: UnitNode, Name: l.Node})
		}
	}
	for _, l := range u.Uplinks {
		a.bridgesOn(l.Node, l.Bridge)
		a.policiesOnward(l.Node)
	}
	for _, h := range u.Hosts {
		mark(h.Node, Unit{Kind: UnitNode, Name: h.Node})
	}
	for _, b := range u.Blocks {
		a.block(b)
	}
	a.changed = map[string]bool{}
	for _, c := range u.Changes {
		if c.Ref.Kind == topology.KindPort && !a.relabelled(c) {
			a.changed[c.Ref.Name] = true
		}
	}
	for _, c := range u.Changes {
		if e, ok := effects.Of(c.Ref.Kind); ok {
			e.mark(a, c)
		}
	}
	for _, p := range u.Places {
		if !a.changed[p.Port] && !a.stays(p.Port) {
			a.port(p.Port)
		}
	}
	a.outside(u)
	a.egressIPs(u)
	a.routed(u)
	a.servicesOnUplinks(u)
	a.health(u)
	a.links(u)
	a.drained(u)
	a.joined()
	a.policies(u)
	a.spread()
	a.sources()
	a.ipv6Node()
}

// sources marks the sources of domains whose nodes may have changed. A node that stays in a
// domain needs the difference; a node that joins or leaves needs all of them.
func (a *affected) sources() {
	for _, u := range a.after.resources {
		for n := range a.after.membersOf(u.Name) {
			if a.before.inDomain(u.Name, n) {
				a.mark(n, u)
			}
		}
	}
}

type affected struct {
	before, after *View
	mark          func(node string, unit Unit)
	// changed holds the ports whose spec changed in more than labels. All nodes that know
	// them are marked.
	changed map[string]bool
	// arrivals caches, for this update, which networks came to or left which
	// nodes, so that ten thousand ports that arrive together do not each mark
	// all ten thousand.
	arrivals map[pair]bool
	// stretched holds, by network, the ports that all nodes of the network know. They are
	// marked together at the end, so that the nodes of a network are looked up once.
	stretched map[string][]Unit
	spreading map[pair]bool
	// servedSeen has the networks for which served has been called.
	servedSeen map[string]bool
}

// nodesOf iterates over the nodes to which the network was or is relevant, each
// once.
func (a *affected) nodesOf(network string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for n := range a.after.NodesOf(network) {
			if !yield(n) {
				return
			}
		}
		for n := range a.before.NodesOf(network) {
			if !a.after.Relevant(network, n) && !yield(n) {
				return
			}
		}
	}
}

// allOf marks everything of the network on the node, as it was and as it is.
func (a *affected) allOf(network, node string) {
	for _, v := range []*View{a.before, a.after} {
		for u := range v.unitsOf(network, node, allUnitKinds) {
			a.mark(node, u.Unit)
		}
	}
}

// node marks what depends on a node: routes and ports that lead to it carry its tunnel
// address, and the node itself has only those that lead to addresses of the same family.
func (a *affected) node(c topology.Change) {
	name := c.Ref.Name
	a.mark(name, Unit{Kind: UnitNode, Name: name})
	was, hadIt := a.before.Topo.Node(name)
	is, hasIt := a.after.Topo.Node(name)
	if hadIt && hasIt && (was.Spec.TunnelIP != is.Spec.TunnelIP || !slices.Equal(was.Spec.Addresses, is.Spec.Addresses)) {
		for network := range a.after.NetworksOn(name) {
			a.hostEverywhere(network, name)
		}
	}
	if hadIt && hasIt && was.Spec.TunnelIP == is.Spec.TunnelIP {
		return
	}
	if hadIt && hasIt && was.Spec.TunnelIP.BitLen() != is.Spec.TunnelIP.BitLen() {
		// It reaches other nodes than before.
		for network := range a.after.NetworksOn(name) {
			a.allOf(network, name)
		}
	}
	for _, v := range []*View{a.before, a.after} {
		for b := range v.Topo.BlocksOn(name) {
			if r, ok := v.Topo.RouterOf(b.Network); ok && routed(r) {
				a.leaves(r)
			}
			for n := range a.nodesOf(b.Network) {
				a.mark(n, Unit{Kind: UnitBlock, Name: b.Network, Part: name})
			}
		}
		for network := range v.NetworksOn(name) {
			a.membersEverywhere(network)
		}
		for p := range v.PortsOn(name) {
			if n, ok := v.Topo.Network(p.Spec.Network); ok && n.Spec.Mode == topology.Stretched && !a.changed[p.Name] {
				a.everywhere(n.Name, Unit{Kind: UnitPort, Name: p.Name})
			}
		}
	}
}

// network marks everything of a network that changed in more than its labels, which no flow
// depends on.
func (a *affected) network(c topology.Change) {
	was, _ := c.Before.(*topology.Network)
	is, _ := c.After.(*topology.Network)
	if was != nil && is != nil && was.VNI == is.VNI && was.GatewayMAC == is.GatewayMAC &&
		was.Spec.Mode == is.Spec.Mode && was.Spec.HostAccess == is.Spec.HostAccess && slices.EqualFunc(was.Spec.Subnets, is.Spec.Subnets, sameSubnet) {
		if is.Spec.Mode == topology.Segmented && !slices.Equal(blockGateways(was), blockGateways(is)) {
			for n := range a.nodesOf(c.Ref.Name) {
				a.mark(n, Unit{Kind: UnitNetwork, Name: c.Ref.Name})
			}
		}
		if r, ok := a.after.Topo.RouterOf(c.Ref.Name); ok && was.Spec.PortMTU() != is.Spec.PortMTU() {
			a.leaves(r)
			a.sizes(r, c.Ref.Name)
		}
		if r, ok := a.after.Topo.RouterOf(c.Ref.Name); ok && !slices.Equal(was.Spec.DNS.Upstream, is.Spec.DNS.Upstream) {
			a.leaves(r)
		}
		if answersOf(was) == answersOf(is) && was.Spec.Multicast == is.Spec.Multicast {
			if was.Spec.FloodLimit != is.Spec.FloodLimit || was.Spec.FloodBurst != is.Spec.FloodBurst {
				a.floods(is.Name)
			}
			return
		}
	}
	for n := range a.nodesOf(c.Ref.Name) {
		a.servicesAt(c.Ref.Name, n)
		a.hostNode(n)
		a.allOf(c.Ref.Name, n)
	}
	for _, v := range []*View{a.before, a.after} {
		if r, ok := v.Topo.RouterOf(c.Ref.Name); ok {
			a.leaves(r)
			if was != nil && is != nil && was.Spec.PortMTU() != is.Spec.PortMTU() {
				a.sizes(r, c.Ref.Name)
			}
		}
	}
}

func sameSubnet(x, y topology.Subnet) bool {
	return x.Prefix == y.Prefix && x.Gateway == y.Gateway
}

// router marks the networks that a router joins: one that appears or disappears changes the
// routing domain of each, and the nodes to which each is relevant.
func (a *affected) router(c topology.Change) {
	members := map[string]bool{}
	was, _ := c.Before.(*topology.Router)
	is, _ := c.After.(*topology.Router)
	a.leaves(was)
	a.leaves(is)
	a.floatingBy(was)
	a.floatingBy(is)
	if was != nil && is != nil && was.ID == is.ID && slices.Equal(was.Spec.Networks, is.Spec.Networks) {
		return
	}
	for _, r := range []*topology.Router{was, is} {
		if r != nil {
			for _, n := range r.Spec.Networks {
				members[n] = true
			}
		}
	}
	for _, network := range slices.Sorted(maps.Keys(members)) {
		for n := range a.nodesOf(network) {
			a.policedNode(n)
			a.servicesAt(network, n)
			a.hostNode(n)
			a.allOf(network, n)
		}
	}
}

// block marks a block on its own node, which has the gateway and the neighbours, and on all
// nodes that have a route to it.
func (a *affected) block(b topology.BlockChange) {
	for n := range a.nodesOf(b.Network) {
		a.mark(n, Unit{Kind: UnitBlock, Name: b.Network, Part: b.Node})
	}
	for _, v := range []*View{a.before, a.after} {
		if r, ok := v.Topo.RouterOf(b.Network); ok && (routed(r) || v.answersAway(r)) {
			a.mark(b.Node, Unit{Kind: UnitRouter, Name: r.Name})
		}
		for p := range v.Topo.PortsOfNetworkOnNode(b.Network, b.Node) {
			a.mark(b.Node, Unit{Kind: UnitPort, Name: p.Name})
		}
	}
}

// stays marks a port whose interface changed on the node where it is. No other node depends
// on that. It returns false for a port that appeared, disappeared or moved.
func (a *affected) stays(name string) bool {
	was, ok := a.before.Topo.Port(name)
	is, still := a.after.Topo.Port(name)
	if !ok || !still || a.before.Location(was) != a.after.Location(is) {
		return false
	}
	a.floatingOf(is.Ref())
	if at := a.after.Location(is); at != "" {
		a.mark(at, Unit{Kind: UnitPort, Name: name})
		a.members(a.after, is.Spec.Network, at)
		for group := range a.after.JoinsOf(name) {
			a.mark(at, groupUnit(is.Spec.Network, group))
		}
		a.watched(at, is)
		a.judges(a.after, at, name)
		a.hopOf(a.after, is, at)
	}
	if a.before.answers(was) != a.after.answers(is) {
		a.hopOf(a.after, is)
	}
	if a.before.answers(was) != a.after.answers(is) {
		a.backend(a.after, is)
	}
	return true
}

// portChange marks a port whose spec changed. Its labels concern its own node, and the nodes
// that use services of which the labels make it a backend.
func (a *affected) portChange(c topology.Change) {
	if a.relabelled(c) {
		a.identified(c.Ref.Name)
		a.reselected(c)
		return
	}
	a.port(c.Ref.Name)
}

// relabelled reports whether a change of a port is of its labels alone.
func (a *affected) relabelled(c topology.Change) bool {
	was, _ := c.Before.(*topology.Port)
	is, _ := c.After.(*topology.Port)
	return was != nil && is != nil && topology.SameSpec(was.Spec, is.Spec) && was.MAC == is.MAC &&
		slices.Equal(was.Addresses, is.Addresses) && a.before.Place(is.Name) == a.after.Place(is.Name)
}

// port marks a port on its own node and, if its network is stretched, on the nodes that
// send to it.
func (a *affected) port(name string) {
	u := Unit{Kind: UnitPort, Name: name}
	a.floatingOf(topology.Ref{Kind: topology.KindPort, Name: name})
	for _, v := range []*View{a.after, a.before} {
		p, ok := v.Topo.Port(name)
		if !ok {
			continue
		}
		a.backend(v, p)
		a.hopOf(v, p)
		at := v.Location(p)
		if at != "" {
			a.arrival(p.Spec.Network, at)
			a.members(v, p.Spec.Network, at)
			a.judges(v, at, name)
		}
		n, ok := v.Topo.Network(p.Spec.Network)
		switch {
		case ok && n.Spec.Mode == topology.Stretched:
			a.everywhere(n.Name, u)
		case at != "":
			a.mark(at, u)
		}
	}
}

// everywhere marks a port of a stretched network on all nodes of the network, once.
func (a *affected) everywhere(network string, u Unit) {
	if a.spreading == nil {
		a.spreading, a.stretched = map[pair]bool{}, map[string][]Unit{}
	}
	key := pairOf(network, u.Name)
	if !a.spreading[key] {
		a.spreading[key] = true
		a.stretched[network] = append(a.stretched[network], u)
	}
}

// spread marks the collected ports of stretched networks on all nodes that know them.
func (a *affected) spread() {
	for _, network := range slices.Sorted(maps.Keys(a.stretched)) {
		for n := range a.nodesOf(network) {
			for _, u := range a.stretched[network] {
				a.mark(n, u)
			}
		}
	}
}

// arrival marks what a node gains or loses when the first port of a network
// comes to it or the last one leaves: that network, and those that a router
// joins with it where they become relevant or irrelevant.
func (a *affected) arrival(network, node string) {
	key := pairOf(network, node)
	if a.arrivals[key] || a.before.HasPorts(network, node) == a.after.HasPorts(network, node) {
		return
	}
	if a.arrivals == nil {
		a.arrivals = map[pair]bool{}
	}
	a.arrivals[key] = true
	a.membersEverywhere(network)
	a.answersFrom(network, node)
	a.policedNode(node)
	a.servicesAt(network, node)
	a.hostNode(node)
	a.hostEverywhere(network, node)
	a.allOf(network, node)
	for _, v := range []*View{a.before, a.after} {
		r, ok := v.Topo.RouterOf(network)
		if !ok {
			continue
		}
		if v.answersAway(r) {
			a.mark(node, Unit{Kind: UnitRouter, Name: r.Name})
		}
		for _, other := range r.Spec.Networks {
			if other != network && a.before.Relevant(other, node) != a.after.Relevant(other, node) {
				a.allOf(other, node)
			}
		}
	}
}

// floods marks, on the nodes of a network, how much ports there may send to all of it.
func (a *affected) floods(network string) {
	if n, ok := a.after.Topo.Network(network); !ok || !copies(n) {
		return
	}
	for node := range seconds(a.after.byNetwork, network) {
		a.mark(node, Unit{Kind: UnitNetwork, Name: network})
		for p := range a.after.PortsOn(node) {
			if p.Spec.Network == network {
				a.mark(node, Unit{Kind: UnitPort, Name: p.Name})
			}
		}
	}
}

// members marks on a node who gets what is sent to groups of a network.
func (a *affected) members(v *View, network, node string) {
	if n, ok := v.Topo.Network(network); ok && copies(n) {
		a.mark(node, Unit{Kind: UnitNetwork, Name: network})
	}
}

// membersEverywhere marks, on all nodes of a stretched network, which nodes get what is sent to groups.
func (a *affected) membersEverywhere(network string) {
	n, ok := a.after.Topo.Network(network)
	if !ok || !copies(n) || n.Spec.Mode == topology.Segmented {
		return // a change of the network itself marks all of it
	}
	for node := range a.nodesOf(network) {
		a.mark(node, Unit{Kind: UnitNetwork, Name: network})
		for group := range a.after.GroupsOf(network, netip.Addr{}) {
			a.mark(node, groupUnit(network, group))
		}
	}
}
