package pipeline

import (
	"iter"
	"net/netip"
	"slices"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// Compiler computes items of units: flows, groups and meters. It holds scratch memory only: what it
// computes depends on nothing but its arguments. The zero Compiler is ready to
// use, by one goroutine at a time.
type Compiler struct {
	match   openflow.Match
	actions openflow.Actions
	instr   openflow.Instructions

	// The view, node and unit that are compiled.
	out  *ItemSet
	view *View
	node string
	unit Unit
	// vtep is the tunnel address of the node; the zero Addr if it has none. vteps are those of
	// other nodes, as far as they have been looked up in a topology, vtepsIn.
	vtep    netip.Addr
	vteps   map[string]netip.Addr
	vtepsIn *topology.Snapshot
	// widest are the largest MTUs of the networks of routers, as far as they have been looked up in
	// a topology, widestIn.
	widest   map[string]int
	widestIn *topology.Snapshot
	// All tables, and the one whose flows are compiled.
	stages []stage
	byKind [numUnitKinds][]*stage
	// ahead are, by table, the stages that stand before it.
	ahead [1 << 8][]openflow.TableID
	at    openflow.TableID
	// The network of the unit, if it has one; whether ports of it are on the node; and the
	// router that joins it.
	network *topology.Network
	local   bool
	// enters says that machines outside may reach ports of the network by the node, or its ports
	// leave by the node.
	enters bool
	domain uint32
	routed bool
	// serves is the zone of the connections that ports of the unit's network begin; 0 if
	// they use no services.
	serves topology.Zone
	// servedAt caches whether the node has ports that may use services.
	servedAt servedAt
	// Where the unit's port is, if it is one.
	place portPlace
	// extra adds items beside those of the stages, if it is not nil.
	extra Extra
	// only says which kinds of items are wanted.
	only selection
}

// selection is which kinds of items are wanted.
type selection uint8

const (
	allItems selection = iota
	onlyFlows
	onlyGroups // and meters
)

// portPlace is where a port is as a node sees it.
type portPlace struct {
	// here says that the port is on this node. number is its interface's, 0 while the
	// interface is missing.
	here   bool
	number openflow.PortNo
	// identity is the identity number of a port on this node, 0 if it has none. judged says
	// that policies judge what the port sends and receives.
	identity uint32
	judged   bool
	// rejected says that rules may reject what is sent to the port.
	rejected bool
	// vtep is the tunnel address of the other node that has the port. It is valid only in a
	// stretched network, where every node that can send to the port must know it.
	vtep netip.Addr
}

// Compile appends to out the items that the unit needs on the node in the view.
// A unit that does not exist in the view, or that the node need not know, has
// none.
func (c *Compiler) Compile(out *ItemSet, v *View, node string, u Unit) {
	c.begin(out, v, node)
	if i, ok := v.unit(node, u); ok && (i.network == nil || c.enter(i.network)) {
		c.compile(i)
	}
}

// compilePolicies appends the flows of policies to out.
func (c *Compiler) compilePolicies(out *ItemSet, p *policies) {
	c.begin(out, p.view, p.node)
	c.unit = policiesOf(p.node)
	for _, s := range c.stagesOf(UnitPolicies) {
		c.at = s.ID
		s.policy(c, p)
	}
}

// begin prepares the compiler for a node.
func (c *Compiler) begin(out *ItemSet, v *View, node string) {
	c.out, c.view, c.node = out, v, node
	c.vtep, _ = v.tunnelIP(node)
}

// vtepOf returns the tunnel address by which the node sends to another, or the zero Addr if it cannot.
func (c *Compiler) vtepOf(peer string) netip.Addr {
	if c.vteps == nil {
		c.vteps = map[string]netip.Addr{}
	}
	if c.vtepsIn != c.view.Topo {
		clear(c.vteps)
		c.vtepsIn = c.view.Topo
	}
	to, ok := c.vteps[peer]
	if !ok {
		to, _ = c.view.tunnelIP(peer)
		c.vteps[peer] = to
	}
	return reachable(c.vtep, to)
}

// CompileNode appends to out all items of the node.
func (c *Compiler) CompileNode(out *ItemSet, v *View, node string) {
	for range c.CompileEach(out, v, node) {
	}
}

// CompileGroups appends to out the groups and meters of the node. Most nodes have
// none, which is known without looking at units.
func (c *Compiler) CompileGroups(out *ItemSet, v *View, node string) {
	if !c.hasGroups() {
		return
	}
	c.only = onlyGroups
	defer func() { c.only = allItems }()
	c.CompileNode(out, v, node)
}

// kinds returns the kinds of units that may have items of the kinds that are wanted.
func (c *Compiler) kinds() unitKinds {
	if c.only != onlyGroups || c.extra != nil {
		return allUnitKinds
	}
	var kinds unitKinds
	for k := range UnitKind(numUnitKinds) {
		if slices.ContainsFunc(c.stagesOf(k), func(s *stage) bool { return s.groups }) {
			kinds |= 1 << k
		}
	}
	return kinds
}

// hasGroups reports whether any unit may have groups or meters.
func (c *Compiler) hasGroups() bool {
	c.stagesOf(UnitNode)
	return c.extra != nil || slices.ContainsFunc(c.stages, func(s stage) bool { return s.groups })
}

// CompileFlows does what CompileEach does, for flows alone.
func (c *Compiler) CompileFlows(out *ItemSet, v *View, node string) iter.Seq[Unit] {
	return func(yield func(Unit) bool) {
		c.only = onlyFlows
		defer func() { c.only = allItems }()
		c.CompileEach(out, v, node)(yield)
	}
}

// CompileEach does what CompileNode does, unit by unit: it yields each unit after appending
// its items to out, which may be reset then.
func (c *Compiler) CompileEach(out *ItemSet, v *View, node string) iter.Seq[Unit] {
	return func(yield func(Unit) bool) {
		c.begin(out, v, node)
		var entered *topology.Network
		relevant := false
		for i := range v.unitsOn(node, c.kinds()) {
			if i.network != nil && i.network != entered {
				entered, relevant = i.network, c.enter(i.network)
			}
			if i.network == nil || relevant {
				c.compile(i)
			}
			if !yield(i.Unit) {
				return
			}
		}
	}
}

// compile appends the items of a unit, table by table. The unit's network, if it has one,
// must have been entered.
func (c *Compiler) compile(i unit) {
	c.unit = i.Unit
	if i.port != nil {
		c.place = c.placeOf(i.port)
	}
	if i.Kind == UnitHost && !c.view.hosts(i.network, i.host.Name, c.node) {
		return
	}
	var leaving *egress
	var static *topology.Router
	if i.Kind == UnitRouter {
		r, ok := c.view.Topo.Router(i.Name)
		if !ok || len(r.Spec.Networks) == 0 || !c.view.Relevant(r.Spec.Networks[0], c.node) {
			return
		}
		leaving, _ = c.view.egressOf(i.Name)
		if routed(r) {
			static = r
		}
	}
	var floating *Floating
	if i.Kind == UnitFloating {
		floating = c.view.FloatingOf(i.floating)
		if floating.Node != c.node || !floating.Works() {
			return
		}
	}
	if i.Kind == UnitEntry && !(c.view.EntryNode(i.Name) && c.answersOutside()) {
		return
	}
	var egress *EgressIP
	if i.Kind == UnitEgress {
		egress = c.view.EgressIPOf(i.egress)
		if !egress.sends(c.node) && egress.gateway(c.node) == nil {
			return
		}
	}
	if i.Kind == UnitBypass && !c.view.sendsEgress(c.node) {
		return
	}
	var judged *policies
	if i.Kind == UnitPolicies && c.only != onlyGroups {
		judged = c.view.policiesOn(c.node)
	}
	for _, s := range c.stagesOf(i.Kind) {
		if c.only == onlyGroups && !s.groups {
			continue
		}
		c.at = s.ID
		switch i.Kind {
		case UnitNode:
			s.node(c)
		case UnitNetwork:
			s.network(c, i.network)
		case UnitBlock:
			s.block(c, i.block)
		case UnitPort:
			s.port(c, i.port)
		case UnitSource:
			s.source(c, i.Unit)
		case UnitPolicies:
			s.policy(c, judged)
		case UnitRouter:
			if leaving != nil && s.router != nil {
				s.router(c, leaving)
			}
			if static != nil && s.static != nil {
				s.static(c, static)
			}
		case UnitService:
			s.service(c, i.service)
		case UnitBackend:
			s.backend(c, i.backend, i.endpoint)
		case UnitHost:
			s.host(c, i.host)
		case UnitFloating:
			s.floating(c, floating)
		case UnitEntry:
			s.peer(c, i.host)
		case UnitEgress:
			s.egressIP(c, egress)
		case UnitBypass:
			s.bypass(c, i.host)
		case UnitGroup:
			s.group(c, i.network, i.group)
		}
	}
	if c.extra != nil {
		c.extra(Adder{c}, c.view, c.node, i.Unit)
	}
}

// placeOf returns where a port is, as the node sees it.
func (c *Compiler) placeOf(p *topology.Port) portPlace {
	at := c.view.Location(p)
	if at == c.node {
		place := portPlace{here: true}
		place.identity, place.judged = c.view.judged(p)
		place.rejected = place.judged && c.view.rejected(p)
		if has := c.view.Place(p.Name); has.Node == c.node {
			place.number = has.OFPort
		}
		return place
	}
	if c.network.Spec.Mode == topology.Segmented {
		return portPlace{}
	}
	return portPlace{vtep: c.vtepOf(at)}
}

// enter makes a network the one that is compiled. It returns false if the node need
// not know it.
func (c *Compiler) enter(n *topology.Network) bool {
	if !c.view.Relevant(n.Name, c.node) {
		return false
	}
	c.network, c.local = n, c.view.HasPorts(n.Name, c.node)
	d := c.view.domainOf(n.Name)
	c.enters = c.view.enters(d, c.node) || c.view.egressesBy(d, c.node)
	c.domain, c.routed = routingDomain(c.view.Topo, n)
	c.serves, _ = c.view.servicesZone(n.Name)
	return true
}
