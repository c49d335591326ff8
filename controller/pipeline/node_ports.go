package pipeline

import (
	"iter"
	"maps"
	"net/netip"
	"slices"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// entry is an address of a node at which machines outside reach node ports, as the node's
// switch sees it, and the port of the switch behind which they are.
type entry struct {
	address netip.Addr
	port    openflow.PortNo
	// bridge is the uplink of the type bridge, nil for the node's kernel.
	bridge *bridgeUplink
}

// entriesOf returns the addresses at which a node has node ports. The kernel translates its
// own addresses to the one that the switch has on the link between them; on a bridge they are the
// node's addresses there.
func (v *View) entriesOf(node string) (all []entry) {
	if out := v.Uplink(node); out != 0 {
		if u, ok := v.Topo.HostUplink(); ok {
			for _, r := range u.Spec.Ranges {
				all = append(all, entry{address: model.UplinkAddr(r, model.UplinkSwitch), port: out})
			}
		}
	}
	for u := range v.bridgeUplinks(node) {
		for _, f := range model.Families() {
			if a, ok := u.own(f); ok {
				all = append(all, entry{address: a, port: u.port, bridge: &u})
			}
		}
	}
	return all
}

// enterable reports whether machines outside reach a node by an uplink.
func (v *View) enterable(node string) bool { return len(v.entriesOf(node)) > 0 }

// enterableNodes yields the nodes that machines outside reach by an uplink, each once.
func (v *View) enterableNodes() iter.Seq[string] {
	return func(yield func(string) bool) {
		found := map[string]bool{}
		v.uplinks.Scan(func(node string, _ openflow.PortNo) bool { found[node] = true; return true })
		v.bridges.Scan(func(k pair, _ openflow.PortNo) bool { found[firstOf(k)] = true; return true })
		for _, node := range slices.Sorted(maps.Keys(found)) {
			if v.enterable(node) && !yield(node) {
				return
			}
		}
	}
}

// outsideOf returns how a service that machines outside reach is reached from there: its one network or
// router; ok is false for others, and while its ports could not use it themselves.
func (v *View) outsideOf(o *topology.Service) (s scope, ok bool) {
	if !o.Spec.Exposed() {
		return s, false
	}
	for _, s := range v.scopesOf(o) {
		s.outside = true
		if !sharesGroups(o) {
			s.index++
		}
		return s, true
	}
	return s, false
}

// sharesGroups reports whether what comes from outside chooses among the same backends as
// ports of the networks do, so that it needs no groups of its own.
func sharesGroups(o *topology.Service) bool { return !local(o) && !externalLocal(o) }

// externalLocal reports whether what comes from outside reaches only backends on the node that
// it enters.
func externalLocal(o *topology.Service) bool {
	return o.Spec.ExternalTrafficPolicy == model.TrafficLocal
}

// reachedOutside reports whether services with node ports have their backends in a domain.
func (v *View) reachedOutside(d domain) bool {
	if !v.hasNodePorts() {
		return false
	}
	for o := range v.outsideIn(d) {
		if _, ok := v.outsideOf(o); ok {
			return true
		}
	}
	return false
}

// outsideIn yields the services with node ports that name a domain's router, or one of its
// networks.
func (v *View) outsideIn(d domain) iter.Seq[*topology.Service] {
	return func(yield func(*topology.Service) bool) {
		ref := refOfDomain(d)
		if ref.Kind == topology.KindRouter {
			for o := range v.Topo.ServicesOutside(ref) {
				if !yield(o) {
					return
				}
			}
		}
		for n := range v.networksIn(d) {
			for o := range v.Topo.ServicesOutside(topology.Ref{Kind: topology.KindNetwork, Name: n}) {
				if !yield(o) {
					return
				}
			}
		}
	}
}

// hasNodePorts reports whether any service has node ports.
func (v *View) hasNodePorts() bool {
	if v.Topo.Count(model.KindService) == 0 {
		return false
	}
	for range v.Topo.AllServicesOutside() {
		return true
	}
	return false
}

// anyOutside reports whether any service is reached from outside.
func (v *View) anyOutside() bool {
	if v.Topo.Count(model.KindService) == 0 {
		return false
	}
	for o := range v.Topo.AllServicesOutside() {
		if _, ok := v.outsideOf(o); ok {
			return true
		}
	}
	return false
}

// domainsOutside returns the domains with backends of services that have node ports.
func (v *View) domainsOutside() []domain {
	found := map[domain]bool{}
	for ref := range v.Topo.ScopesOutside() {
		for o := range v.Topo.ServicesOutside(ref) {
			if s, ok := v.outsideOf(o); ok {
				found[s.domain] = true
			}
			break // all that name it are in its domain
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// enters reports whether what comes from outside to a node may be for backends in a domain, so
// that the node takes part in it as if it had a port there.
func (v *View) enters(d domain, node string) bool {
	return v.reachedOutside(d) && v.enterable(node)
}

// EntryNode reports whether the node has node ports.
func (v *View) EntryNode(node string) bool { return v.anyOutside() && v.enterable(node) }

// servicesEntered returns the services that machines outside reach by the node.
func (v *View) servicesEntered(node string) (all []*topology.Service) {
	if !v.EntryNode(node) {
		return nil
	}
	for o := range v.Topo.AllServicesOutside() {
		if _, ok := v.outsideOf(o); ok {
			all = append(all, o)
		}
	}
	return all
}

// enteredFor yields the nodes at whose addresses a service's node ports are, each once.
func (v *View) enteredFor(o *topology.Service) iter.Seq[string] {
	if _, ok := v.outsideOf(o); !ok {
		return func(func(string) bool) {}
	}
	return v.enterableNodes()
}

// EnterableNodes returns the nodes that machines outside reach by an uplink, by name.
func (v *View) EnterableNodes() []string { return slices.Collect(v.enterableNodes()) }

// ReachedOutside reports whether machines outside reach a service at the nodes that EnterableNodes
// returns.
func (v *View) ReachedOutside(o *topology.Service) bool {
	_, ok := v.outsideOf(o)
	return ok
}

// NodePortNodes returns the nodes at whose addresses a service's node ports are, by name.
func (v *View) NodePortNodes(o *topology.Service) []string { return slices.Collect(v.enteredFor(o)) }

// NodePortAddresses returns the addresses of a node at which machines outside reach its node ports,
// as far as they are declared.
func (v *View) NodePortAddresses(node string) (all []netip.Addr) {
	n, ok := v.Topo.Node(node)
	if !ok {
		return nil
	}
	add := func(a netip.Addr) {
		if a.IsValid() && !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	for _, e := range v.entriesOf(node) {
		if e.bridge != nil {
			add(e.address)
			continue
		}
		for _, a := range append([]netip.Addr{n.Spec.TunnelIP}, n.Spec.Addresses...) {
			if a.IsValid() && model.FamilyOf(a) == model.FamilyOf(e.address) {
				add(a)
			}
		}
	}
	return all
}

// nodesServing yields the nodes that have flows of a service: those with ports that may use it,
// and those at which machines outside reach it. Each comes once.
func (v *View) nodesServing(o *topology.Service) iter.Seq[string] {
	if !o.Spec.Exposed() {
		return v.nodesUsing(o)
	}
	return once(v.nodesUsing(o), v.enteredFor(o))
}

// nodesWithPortsIn yields the nodes that have ports of a domain. One may come more than once.
func (v *View) nodesWithPortsIn(d domain) iter.Seq[string] {
	return func(yield func(string) bool) {
		for network := range v.networksIn(d) {
			for node := range seconds(v.byNetwork, network) {
				if !yield(node) {
					return
				}
			}
		}
	}
}

// hasPortsIn reports whether a port of the domain is on the node.
func (v *View) hasPortsIn(d domain, node string) bool {
	for n := range v.networksIn(d) {
		if v.HasPorts(n, node) {
			return true
		}
	}
	return false
}

// answersOutside reports whether ports of the node may be backends that answer to outside.
func (v *View) answersOutside(node string) bool {
	if !v.hasNodePorts() {
		return false
	}
	for network := range seconds(v.byNode, node) {
		if v.reachedOutside(v.domainOf(network)) {
			return true
		}
	}
	return false
}

// entryUnits yields the units of the other nodes by which machines outside reach ports of a
// node.
func (v *View) entryUnits(node string) iter.Seq[Unit] {
	return func(yield func(Unit) bool) {
		if !v.answersOutside(node) {
			return
		}
		for peer := range v.enterableNodes() {
			if peer != node && !yield(Unit{Kind: UnitEntry, Name: peer}) {
				return
			}
		}
	}
}

// refOfDomain returns the router or network that a domain is named after.
func refOfDomain(d domain) topology.Ref { return Unit{Kind: UnitSource, Name: d}.Owner() }

// outsideChanges are the nodes and domains of which an update may change whether machines
// outside reach them.
type outsideChanges struct {
	nodes   map[string]bool
	domains map[domain]bool
}

// MayEnter reports whether an update may change at which nodes there are node ports.
func (u *Update) MayEnter() bool {
	return len(u.Uplinks) > 0 || slices.ContainsFunc(u.Changes, func(c topology.Change) bool {
		was, _ := c.Before.(*topology.Node)
		is, _ := c.After.(*topology.Node)
		switch {
		case c.Ref.Kind == topology.KindUplink:
			return true
		case was != nil && is != nil:
			return !slices.Equal(was.Spec.UplinkAddresses, is.Spec.UplinkAddresses)
		case was != nil:
			return true
		}
		return is != nil && len(is.Spec.UplinkAddresses) > 0 // it has no uplink to its kernel yet
	})
}

// outsideChangesOf returns what an update may change between two views.
func outsideChangesOf(before, after *View, u Update) outsideChanges {
	o := outsideChanges{map[string]bool{}, map[domain]bool{}}
	if !before.hasNodePorts() && !after.hasNodePorts() {
		return o
	}
	both := []*View{before, after}
	for _, l := range u.Uplinks {
		o.nodes[l.Node] = true
	}
	for _, c := range u.Changes {
		switch c.Ref.Kind {
		case topology.KindNode:
			was, _ := c.Before.(*topology.Node)
			is, _ := c.After.(*topology.Node)
			if was == nil || is == nil || was.DatapathID != is.DatapathID || !topology.SameSpec(was.Spec, is.Spec) {
				o.nodes[c.Ref.Name] = true
			}
		case topology.KindUplink:
			for _, v := range both {
				for n := range v.enterableNodes() {
					o.nodes[n] = true
				}
			}
		case model.KindService:
			for i, x := range []topology.Object{c.Before, c.After} {
				if s, ok := x.(*topology.Service); ok && s.Spec.Exposed() {
					for _, scope := range s.Spec.Scopes() {
						o.add(both[i], scope)
					}
				}
			}
		case topology.KindRouter:
			for i, x := range []topology.Object{c.Before, c.After} {
				if r, ok := x.(*topology.Router); ok {
					o.add(both[i], r.Ref())
					for _, n := range r.Spec.Networks {
						for _, v := range both {
							o.add(v, topology.Ref{Kind: topology.KindNetwork, Name: n})
						}
					}
				}
			}
		case topology.KindNetwork:
			for _, v := range both {
				o.add(v, c.Ref)
			}
		}
	}
	return o
}

// add adds the domain of a network or router.
func (o *outsideChanges) add(v *View, ref topology.Ref) {
	if ref.Kind == topology.KindNetwork {
		o.domains[v.domainOf(ref.Name)] = true
	} else {
		o.domains[ref.String()] = true
	}
}

// outside adds the memberships of nodes that take part in a domain because machines outside
// reach them.
func (t *touches) outside(u Update) {
	changes := outsideChangesOf(t.before, t.after, u)
	for _, v := range []*View{t.before, t.after} {
		for node := range changes.nodes {
			for _, d := range v.domainsOutside() {
				t.found[membership{d, node}] = true
			}
		}
		for d := range changes.domains {
			if t.before.reachedOutside(d) != t.after.reachedOutside(d) {
				for node := range v.enterableNodes() {
					t.found[membership{d, node}] = true
				}
			}
		}
	}
}

// outside marks what changes when machines outside come to reach a node or a domain, or cease
// to.
func (a *affected) outside(u Update) {
	changes := outsideChangesOf(a.before, a.after, u)
	for _, node := range slices.Sorted(maps.Keys(changes.nodes)) {
		a.entryAt(node)
	}
	for _, d := range slices.Sorted(maps.Keys(changes.domains)) {
		was, is := a.before.reachedOutside(d), a.after.reachedOutside(d)
		if was || is { // its networks may have other families
			for node := range a.after.enterableNodes() {
				a.entryNode(node)
			}
		}
		if was == is {
			continue
		}
		for _, v := range []*View{a.before, a.after} {
			for node := range v.enterableNodes() {
				a.entryNode(node)
				a.entersDomain(d, node)
			}
			for node := range v.nodesWithPortsIn(d) {
				a.answersAt(node)
				a.looksUp(v, d, node)
			}
		}
	}
}

// entryAt marks what depends on the addresses at which machines outside reach a node, and, on
// nodes with backends, what leads back to it.
func (a *affected) entryAt(node string) {
	a.entryNode(node)
	if !slices.Equal(entryKeys(a.before.entriesOf(node)), entryKeys(a.after.entriesOf(node))) {
		a.mark(node, Unit{Kind: UnitNode, Name: node})
		for _, v := range []*View{a.before, a.after} {
			a.services(v, node, v.servicesEntered(node))
		}
	}
	was, _ := a.before.Topo.Node(node)
	is, _ := a.after.Topo.Node(node)
	same := a.before.EntryNode(node) == a.after.EntryNode(node) && was != nil && is != nil &&
		was.Spec.TunnelIP == is.Spec.TunnelIP && was.DatapathID == is.DatapathID
	for _, v := range []*View{a.before, a.after} {
		for _, d := range v.domainsOutside() {
			a.entersDomain(d, node)
			if same {
				continue
			}
			for at := range v.nodesWithPortsIn(d) {
				a.mark(at, Unit{Kind: UnitEntry, Name: node})
				if at == node { // its own address decides which others it reaches
					for u := range v.entryUnits(node) {
						a.mark(node, u)
					}
				}
			}
		}
	}
}

// entryKeys are what flows depend on of a node's entries.
func entryKeys(all []entry) (keys []entry) {
	for _, e := range all {
		keys = append(keys, entry{address: e.address, port: e.port})
	}
	return keys
}

// entryNode marks what a node has only while it is reached from outside, if that changes.
func (a *affected) entryNode(node string) {
	if a.before.EntryNode(node) != a.after.EntryNode(node) {
		a.mark(node, Unit{Kind: UnitNode, Name: node})
		for _, v := range []*View{a.before, a.after} {
			for e := range v.Topo.EgressIPsNaming(topology.Ref{Kind: topology.KindNode, Name: node}) {
				a.mark(node, Unit{Kind: UnitEgress, Name: e.Name})
			}
		}
	}
	if a.before.CarriesIPv6(node) != a.after.CarriesIPv6(node) {
		a.mark(node, Unit{Kind: UnitNode, Name: node})
		a.policedNode(node)
	}
	a.servedNode(node)
}

// entersDomain marks the networks of a domain on a node that comes to take part in it because
// machines outside reach it, or ceases to.
func (a *affected) entersDomain(d domain, node string) {
	if a.before.enters(d, node) == a.after.enters(d, node) {
		return
	}
	a.policedNode(node)
	a.hostNode(node)
	for _, v := range []*View{a.before, a.after} {
		for n := range v.networksIn(d) {
			a.allOf(n, node)
		}
	}
}

// answersFrom marks what a node gains or loses with the first or last port of a network there if
// its ports may answer to outside.
func (a *affected) answersFrom(network, node string) {
	if !a.before.hasNodePorts() && !a.after.hasNodePorts() {
		return
	}
	a.answersAt(node)
	for _, v := range []*View{a.before, a.after} {
		a.looksUp(v, v.domainOf(network), node)
	}
}

// looksUp marks, on a node, what looks up answers to outside in a domain, and the routes that are
// followed only then.
func (a *affected) looksUp(v *View, d domain, node string) {
	if n, ok := v.first(d); ok {
		a.mark(node, Unit{Kind: UnitNetwork, Name: n.Name})
	}
	if r := refOfDomain(d); r.Kind == topology.KindRouter {
		a.mark(node, Unit{Kind: UnitRouter, Name: r.Name})
	}
}

// answersAt marks what a node has only while its ports may answer to outside.
func (a *affected) answersAt(node string) {
	if a.before.answersOutside(node) == a.after.answersOutside(node) {
		return
	}
	a.mark(node, Unit{Kind: UnitNode, Name: node})
	for _, v := range []*View{a.before, a.after} {
		for u := range v.entryUnits(node) {
			a.mark(node, u)
		}
	}
}
