package pipeline

import (
	"iter"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"
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
	of       *btree.Map[string, string] // by port: the egress address that it leaves with
	at, by   *btree.Map[pair, int]      // node, egress address; and the other way round: its ports there
	in, nets *btree.Map[pair, int]      // network, egress address; and the other way round: its ports of it
	probes   *btree.Map[pair, Contact]  // name of the port, node that has it
	away     *btree.Map[string, bool]   // of the nodes of which that is known: whether their switches are away
}

func newEgressIndex() egressIndex {
	return egressIndex{
		new(btree.Map[string, string]), new(btree.Map[pair, int]), new(btree.Map[pair, int]), new(btree.Map[pair, int]), new(btree.Map[pair, int]),
		new(btree.Map[pair, Contact]), new(btree.Map[string, bool]),
	}
}

func (x egressIndex) fork() egressIndex {
	return egressIndex{x.of.Copy(), x.at.Copy(), x.by.Copy(), x.in.Copy(), x.nets.Copy(), x.probes.Copy(), x.away.Copy()}
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

// sends reports whether ports on a node leave with the addresses.
func (e *EgressIP) sends(node string) bool {
	_, ok := e.view.egress.at.Get(pairOf(node, e.Name))
	return ok
}

// AddressOf returns the address with which a port leaves. It follows from the port's name, so that
// an address which comes or goes changes those of few other ports (rendezvous hashing).
func (e *EgressIP) AddressOf(port string) (best netip.Addr) {
	var highest uint64
	for _, a := range e.Spec.Addresses {
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

// leavingBy yields the egress addresses with which ports of a domain leave. One may come more than
// once. Ports leave only a router that has an uplink.
func (v *View) leavingBy(d domain) iter.Seq[*topology.EgressIP] {
	return func(yield func(*topology.EgressIP) bool) {
		if v.egress.in.Len() == 0 {
			return
		}
		ref := refOfDomain(d)
		if r, ok := v.Topo.Router(ref.Name); ref.Kind != topology.KindRouter || !ok || r.Spec.Egress == nil {
			return
		}
		for network := range v.networksIn(d) {
			for name := range seconds(v.egress.in, network) {
				if e, ok := v.Topo.EgressIP(name); ok && !yield(e) {
					return
				}
			}
		}
	}
}

// egressesBy reports whether ports of a domain leave by a node with an egress address, so that the
// node takes part in the domain as if it had a port there.
func (v *View) egressesBy(d domain, node string) bool {
	for e := range v.leavingBy(d) {
		if slices.Contains(e.Spec.Nodes, node) {
			return true
		}
	}
	return false
}

// hasGateways reports whether ports of a domain leave by any node with an egress address.
func (v *View) hasGateways(d domain) bool {
	for range v.leavingBy(d) {
		return true
	}
	return false
}

// gatewaysOf yields the nodes by which ports of a domain leave with egress addresses. One may come
// more than once.
func (v *View) gatewaysOf(d domain) iter.Seq[string] {
	return func(yield func(string) bool) {
		for e := range v.leavingBy(d) {
			for _, n := range e.Spec.Nodes {
				if !yield(n) {
					return
				}
			}
		}
	}
}

// domainsBy yields the domains whose ports leave by a node with egress addresses. One may come more
// than once.
func (v *View) domainsBy(node string) iter.Seq[domain] {
	return func(yield func(domain) bool) {
		if v.egress.in.Len() == 0 {
			return
		}
		for e := range v.Topo.EgressIPsNaming(topology.Ref{Kind: topology.KindNode, Name: node}) {
			for network := range seconds(v.egress.nets, e.Name) {
				if d := v.domainOf(network); v.egressesBy(d, node) && !yield(d) {
					return
				}
			}
		}
	}
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

// floatsWhole reports whether a floating address leads to all of a port, which leaves with that.
func (v *View) floatsWhole(port string) (whole, part bool) {
	for f := range v.Topo.FloatingIPsNaming(topology.Ref{Kind: topology.KindPort, Name: port}) {
		if f.Spec.Port == port {
			return true, false
		}
		part = true
	}
	return false, part
}

// egressOfPort returns the egress address that a port leaves with, "" if there is none: the first by
// name of those that select it, if it has an IPv4 address and no floating address of its own.
func (v *View) egressOfPort(p *topology.Port) string {
	found := v.Topo.EgressIPsOf(p)
	if _, has := p.Address(topology.IPv4); len(found) == 0 || !has {
		return ""
	}
	if whole, _ := v.floatsWhole(p.Name); whole {
		return ""
	}
	return found[0].Name
}

// EgressOf returns the egress address that a port leaves with, "" if there is none.
func (v *View) EgressOf(port string) string {
	name, _ := v.egress.of.Get(port)
	return name
}

// countEgress adds a port to the index as it is, or takes it out.
func (v *View) countEgress(in egressIndex, port string, d int) {
	p, ok := v.Topo.Port(port)
	if name := v.EgressOf(port); ok && name != "" {
		in.count(name, p.Spec.Network, v.Location(p), d)
	}
}

// beginEgress fills the index of a view that has none before it.
func (v *View) beginEgress(touched map[membership]bool) {
	if v.Topo.Count(topology.KindEgressIP) == 0 {
		return
	}
	for p := range v.Topo.Ports() {
		if name := v.egressOfPort(p); name != "" {
			v.egress.of.Set(p.Name, name)
			v.countEgress(v.egress, p.Name, +1)
		}
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
		name := ""
		if p, ok := v.Topo.Port(port); ok {
			name = v.egressOfPort(p)
		}
		if name == "" {
			v.egress.of.Delete(port)
		} else {
			v.egress.of.Set(port, name)
		}
		v.countEgress(v.egress, port, +1)
	}
}

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
			if name := v.EgressOf(port); name != "" {
				c.Members[name] = true
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

// egressDomains returns the domains that may come to leave by other nodes, and all nodes that may be
// concerned.
func egressDomains(before, after *View, u Update) (found map[membership]bool) {
	found = map[membership]bool{}
	c := u.EgressIn(before, after)
	for name := range c.All() {
		for _, v := range []*View{before, after} {
			for network := range seconds(v.egress.nets, name) {
				for _, w := range []*View{before, after} {
					for _, node := range EgressNodes(before, after, map[string]bool{name: true}) {
						found[membership{w.domainOf(network), node}] = true
					}
				}
			}
		}
	}
	for _, x := range u.Changes { // a router that gets an uplink, or another network
		for i, o := range []topology.Object{x.Before, x.After} {
			r, ok := o.(*topology.Router)
			if !ok {
				continue
			}
			v := []*View{before, after}[i]
			for n := range v.gatewaysOf(r.Ref().String()) {
				for _, w := range []*View{before, after} {
					found[membership{r.Ref().String(), n}] = true
					for _, network := range r.Spec.Networks {
						found[membership{w.domainOf(network), n}] = true
					}
				}
			}
		}
	}
	maps.DeleteFunc(found, func(m membership, _ bool) bool {
		return before.egressesBy(m.domain, m.node) == after.egressesBy(m.domain, m.node)
	})
	return found
}

// egress adds the memberships of nodes that take part in a domain because its ports leave by them.
func (t *touches) egress(u Update) {
	maps.Copy(t.found, egressDomains(t.before, t.after, u))
}

// egressIPs marks what changes for egress addresses.
func (a *affected) egressIPs(u Update) {
	both := []*View{a.before, a.after}
	a.bypasses(u)
	c := u.EgressIn(a.before, a.after)
	if len(c.Ports)+len(c.Ways) == 0 {
		a.egressRouters(u)
		return
	}
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

// egressRouters marks, on gateways, the egress addresses of a router or uplink that changes: the
// addresses of routers follow from the uplink's.
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
		}
	}
}

// egressPort marks a port whose egress address may be another, and what its node has only while ports
// there leave with that.
func (a *affected) egressPort(port string) {
	for _, v := range []*View{a.before, a.after} {
		name := v.EgressOf(port)
		p, ok := v.Topo.Port(port)
		if !ok || name == "" {
			continue
		}
		node := v.Location(p)
		if node == "" {
			continue
		}
		a.mark(node, Unit{Kind: UnitPort, Name: port})
		key := pairOf(node, name)
		_, was := a.before.egress.at.Get(key)
		if _, is := a.after.egress.at.Get(key); was != is {
			a.mark(node, Unit{Kind: UnitEgress, Name: name})
		}
		if a.before.sendsEgress(node) != a.after.sendsEgress(node) {
			a.mark(node, Unit{Kind: UnitNode, Name: node})
			a.policiesOnward(node)
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

// EgressSenders yields the nodes that have ports which leave with an egress address, by name.
func (v *View) EgressSenders(name string) iter.Seq[string] { return seconds(v.egress.by, name) }
