package pipeline

import (
	"maps"
	"slices"
	"strings"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// EgressChanges are the egress addresses that an update may change, by what of them.
type EgressChanges struct {
	// Ports are the ports whose egress address, network or place may be another.
	Ports map[string]bool
	// Ways are the egress addresses whose nodes, or the ways to these, may be others; Members those
	// that have other ports.
	Ways, Members map[string]bool
}

// All returns the names of all of them.
func (c EgressChanges) All() map[string]bool {
	all := maps.Clone(c.Ways)
	maps.Copy(all, c.Members)
	return all
}

// EgressIn returns the egress addresses that an update may change.
func (u *Update) EgressIn(before, after *View) EgressChanges {
	c := EgressChanges{Ports: u.egressPorts(before, after), Ways: map[string]bool{}, Members: map[string]bool{}}
	if before.Topo.Count(topology.KindEgressIP)+after.Topo.Count(topology.KindEgressIP) == 0 {
		return c
	}
	naming := func(ref topology.Ref) {
		for _, v := range []*View{before, after} {
			for e := range v.Topo.EgressIPsNaming(ref) {
				c.Ways[e.Name] = true
			}
		}
	}
	node := func(name string) { naming(topology.Ref{Kind: topology.KindNode, Name: name}) }
	for _, x := range u.Changes {
		switch x.Ref.Kind {
		case topology.KindEgressIP:
			c.Ways[x.Ref.Name] = true
		case topology.KindNode, topology.KindUplink:
			naming(x.Ref)
		}
	}
	for _, l := range u.Uplinks {
		node(l.Node)
	}
	for _, p := range u.Contacts {
		if id, ok := model.EgressProbed(p.Port); ok {
			if n, ok := after.Topo.NodeByDatapath(id); ok {
				node(n.Name)
			}
		}
	}
	for _, x := range u.Absences {
		node(x.Node)
		for name := range seconds(after.egress.at, x.Node) { // its probes count, or no longer
			c.Ways[name] = true
		}
		for e := range after.Topo.EgressIPsNaming(topology.Ref{Kind: topology.KindNode, Name: x.Node}) {
			for peer := range seconds(after.egress.by, e.Name) {
				node(peer)
			}
		}
	}
	for port := range c.Ports {
		for _, v := range []*View{before, after} {
			for _, name := range v.egressesOf(port) {
				if name != "" {
					c.Members[name] = true
				}
			}
		}
	}
	return c
}

// EgressMoves returns the egress addresses that an update puts on other nodes than before, as
// FloatingMoves does.
func EgressMoves(before, after *View, u Update) (all []FloatingMove) {
	for name := range u.EgressIn(before, after).Ways {
		if m := (FloatingMove{name, before.EgressHolder(name), after.EgressHolder(name)}); m.From != m.To {
			all = append(all, m)
		}
	}
	slices.SortFunc(all, func(a, b FloatingMove) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// EgressNodes returns the nodes that may have rows or flows of egress addresses in either view: those of
// their ports, and those by which they leave.
func EgressNodes(before, after *View, names map[string]bool) []string {
	found := map[string]bool{}
	for _, v := range []*View{before, after} {
		for name := range names {
			for node := range seconds(v.egress.by, name) {
				found[node] = true
			}
			if e, ok := v.Topo.EgressIP(name); ok {
				for _, node := range e.Spec.Nodes {
					found[node] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// egressIPs marks what changes for egress addresses.
func (a *affected) egressIPs(u Update) {
	both := []*View{a.before, a.after}
	a.bypasses(u)
	a.egressTunnels(u)
	c := u.EgressIn(a.before, a.after)
	for port := range c.Ports {
		a.egressPort(port)
	}
	for name := range c.Ways {
		for _, node := range EgressNodes(a.before, a.after, map[string]bool{name: true}) {
			a.mark(node, Unit{Kind: UnitEgress, Name: name})
		}
	}
	for _, x := range u.Changes { // the addresses of ports follow from those of the egress address
		if x.Ref.Kind != topology.KindEgressIP {
			continue
		}
		for _, v := range both {
			if e, ok := v.Topo.EgressIP(x.Ref.Name); ok {
				for p := range v.Topo.Selected(&e.Spec.Ports) {
					if at := v.Location(p); at != "" {
						a.mark(at, Unit{Kind: UnitPort, Name: p.Name})
					}
				}
			}
		}
	}
	a.egressRouters(u)
	a.egressIPv6(u, c)
	for m := range egressDomains(a.before, a.after, u) {
		a.policedNode(m.node)
		a.hostNode(m.node)
		for _, v := range both {
			for n := range v.networksIn(m.domain) {
				a.allOf(n, m.node)
			}
		}
	}
}

// egressIPv6 marks gateways that begin to carry IPv6, or no longer do.
func (a *affected) egressIPv6(u Update, c EgressChanges) {
	nodes := map[string]bool{}
	for _, node := range EgressNodes(a.before, a.after, c.All()) {
		nodes[node] = true
	}
	for _, x := range u.Changes { // networks of other families
		for _, v := range []*View{a.before, a.after} {
			var d domain
			switch x.Ref.Kind {
			case topology.KindNetwork:
				d = v.domainOf(x.Ref.Name)
			case topology.KindRouter:
				d = x.Ref.String()
			default:
				continue
			}
			for node := range v.gatewaysOf(d) {
				nodes[node] = true
			}
		}
	}
	for node := range nodes {
		if a.before.CarriesIPv6(node) != a.after.CarriesIPv6(node) {
			a.mark(node, Unit{Kind: UnitNode, Name: node})
			a.policedNode(node)
			a.answeredFamilies(node)
		}
	}
}

// egressTunnels marks what a node sends through its tunnel, if that gets another port, or the node another
// tunnel address.
func (a *affected) egressTunnels(u Update) {
	sender := func(node string) {
		for _, v := range []*View{a.before, a.after} {
			for name := range seconds(v.egress.at, node) {
				a.mark(node, Unit{Kind: UnitEgress, Name: name})
			}
		}
	}
	for _, t := range u.Tunnels {
		sender(t.Node)
	}
	for _, c := range u.Changes {
		if c.Ref.Kind == topology.KindNode {
			sender(c.Ref.Name)
		}
	}
}

// egressRouters marks, on gateways, the egress addresses of a router or uplink that changes, since the
// addresses of routers follow from the uplink's, and the ports that leave with egress addresses if
// their router begins or ceases to let any leave, or does so by another uplink.
func (a *affected) egressRouters(u Update) {
	for _, x := range u.Changes {
		if x.Ref.Kind != topology.KindUplink && x.Ref.Kind != topology.KindRouter {
			continue
		}
		for _, v := range []*View{a.before, a.after} {
			for e := range v.Topo.EgressIPs() {
				for _, node := range EgressNodes(a.before, a.after, map[string]bool{e.Name: true}) {
					a.mark(node, Unit{Kind: UnitEgress, Name: e.Name})
				}
			}
			switch x.Ref.Kind {
			case topology.KindUplink:
				for r := range v.Topo.RoutersBy(x.Ref.Name) {
					a.egressSources(v, r)
				}
			case topology.KindRouter:
				was, is := egressOfRouter(x.Before), egressOfRouter(x.After)
				if r, ok := v.Topo.Router(x.Ref.Name); ok && was != is {
					a.egressSources(v, r)
				}
			}
		}
	}
}

// egressOfRouter returns how the ports of a router leave; the zero value if they do not, or there is no
// router.
func egressOfRouter(o topology.Object) model.RouterEgress {
	if r, ok := o.(*topology.Router); ok && r.Spec.Egress != nil {
		return *r.Spec.Egress
	}
	return model.RouterEgress{}
}

// egressSources marks the ports of a router that leave with egress addresses.
func (a *affected) egressSources(v *View, r *topology.Router) {
	if v.egress.in.Len() == 0 {
		return
	}
	for _, network := range r.Spec.Networks {
		for p := range v.Topo.PortsOfNetwork(network) {
			if at := v.Location(p); at != "" && v.egressesOf(p.Name) != [2]string{} {
				a.mark(at, Unit{Kind: UnitPort, Name: p.Name})
			}
		}
	}
}

// egressPort marks a port whose egress address may be another, and what its node has only while ports
// there leave with that.
func (a *affected) egressPort(port string) {
	for _, v := range []*View{a.before, a.after} {
		names := v.egressesOf(port)
		p, ok := v.Topo.Port(port)
		if !ok || names == [2]string{} {
			continue
		}
		node := v.Location(p)
		if node == "" {
			continue
		}
		a.mark(node, Unit{Kind: UnitPort, Name: port})
		for _, name := range names {
			key := pairOf(node, name)
			_, was := a.before.egress.at.Get(key)
			if _, is := a.after.egress.at.Get(key); was != is {
				a.mark(node, Unit{Kind: UnitEgress, Name: name})
			}
		}
		if a.before.sendsEgress(node) != a.after.sendsEgress(node) {
			a.mark(node, Unit{Kind: UnitNode, Name: node})
			a.policiesOnward(node)
		}
		if a.before.sendsEgressIn(node, topology.IPv4) != a.after.sendsEgressIn(node, topology.IPv4) ||
			a.before.sendsEgressIn(node, topology.IPv6) != a.after.sendsEgressIn(node, topology.IPv6) {
			for _, w := range []*View{a.before, a.after} {
				for u := range w.bypassUnits(node) {
					a.mark(node, u)
				}
			}
		}
	}
}

// bypasses marks a node that comes, goes or gets other addresses on the nodes whose ports leave with
// egress addresses.
func (a *affected) bypasses(u Update) {
	for _, c := range u.Changes {
		if c.Ref.Kind != topology.KindNode || a.after.egress.at.Len() == 0 {
			continue
		}
		was, _ := c.Before.(*topology.Node)
		is, _ := c.After.(*topology.Node)
		if was != nil && is != nil && was.Spec.TunnelIP == is.Spec.TunnelIP && slices.Equal(was.Spec.Addresses, is.Spec.Addresses) {
			continue
		}
		last := ""
		a.after.egress.at.Scan(func(k pair, _ int) bool {
			if node := firstOf(k); node != last {
				last = node
				a.mark(node, Unit{Kind: UnitBypass, Name: c.Ref.Name})
			}
			return true
		})
	}
}
