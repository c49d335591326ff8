package pipeline

import (
	"iter"
	"net/netip"
	"strings"
	"time"

	"github.com/tidwall/btree"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// Place is where a port's interface is. The zero Place means nowhere.
type Place struct {
	Node      string
	Interface string
	// OFPort is the interface's number on the node's br-int; 0 while it is unknown, as
	// after a restart until the node has connected.
	OFPort openflow.PortNo
}

// View is everything that flows are computed from: the desired topology and
// where its ports are. A View is immutable; Next makes its successor, sharing
// what did not change.
type View struct {
	// Seq grows by one with each View.
	Seq  uint64
	Topo *topology.Snapshot

	places  *btree.Map[string, Place]           // by port
	down    *btree.Map[string, struct{}]        // the ports whose link is down
	tunnels *btree.Map[string, openflow.PortNo] // by node: the tunnel port
	uplinks *btree.Map[string, openflow.PortNo] // by node: the port to its kernel
	bridges *btree.Map[pair, openflow.PortNo]   // by node and bridge: the port that leads there
	// hostPorts are, by node, the ports by which the node itself and ports reach each other.
	hostPorts *btree.Map[string, openflow.PortNo]
	// The number of ports of a network on a node, in both orders. They decide relevance:
	// which networks a node must know at all.
	byNetwork *btree.Map[pair, int] // network, node
	byNode    *btree.Map[pair, int] // node, network
	// Ports that live where they are bound, by node.
	roaming *btree.Map[pair, struct{}] // node, port

	locals  *btree.Map[string, netip.Addr]   // by node: what its tunnel port sends from
	udp     *btree.Map[string, uint16]       // by node: the UDP port of its tunnel, if it is not VXLAN's own
	members *btree.Map[domain, members]      // by domain
	sources *btree.Map[pair, []netip.Prefix] // domain, part of the underlay
	// lingering holds the nodes whose packets may still be on their way in a domain that
	// they have left.
	lingering *btree.Map[pair, struct{}] // node, domain
	// floating holds the floating addresses on a node.
	floating *btree.Map[pair, struct{}] // node, floating address
	egress   egressIndex
	// kept has what follows from the rest, and is looked up often.
	kept *candidates
	// holders has the nodes that answer for addresses of services on uplinks, by service.
	holders *btree.Map[string, string]
	// health has what health checks have found of backends, by service and port.
	health *btree.Map[pair, Health]
	// joins has the ports that have joined groups.
	joins joins
	// leaving has, by Way.key, what gets no new connections by services with a draining
	// time; left is what differs from the View before.
	leaving *btree.Map[string, Leaving]
	left    []Way
	// identities holds, by node and identity, the identities that ports on a node have;
	// identityNodes the nodes, by identity and node.
	identities    *btree.Map[pair, present]
	identityNodes *btree.Map[string, string]
	// ipv6 is the number of networks with IPv6 that have ports on a node; ipv6Changed are
	// the nodes for which it differs from the View before.
	ipv6        *btree.Map[string, int]
	ipv6Changed []string
	// resources are the units of sources that differ from the View before, and grown the
	// domains that have new senders.
	resources []Unit
	grown     map[domain]bool
	// labelled are the ports whose identities differ from the View before, if networks have
	// labels that they did not have then.
	labelled map[string]bool
	// remixed are the domains that have, or had, tunnel addresses of both families and that
	// differ in any way from the View before.
	remixed map[domain]bool
}

// pair is a two-part key; "\x00" cannot occur in names and sorts first.
type pair = string

func pairOf(a, b string) pair { return a + "\x00" + b }

func firstOf(p pair) string { return p[:strings.IndexByte(p, 0)] }

func secondOf(p pair) string { return p[strings.IndexByte(p, 0)+1:] }

// NewView returns the View of a topology in which no port has a place and no
// node a tunnel port.
func NewView(topo *topology.Snapshot) *View {
	v := emptyView(topo)
	touched := map[membership]bool{}
	for p := range topo.Ports() {
		if at := v.Location(p); at != "" {
			v.count(p.Spec.Network, at, +1)
			touched[membership{v.domainOf(p.Spec.Network), at}] = true
			v.countIdentity(v, p.Name, +1)
		}
	}
	v.beginEgress(touched)
	v.beginRouted(touched)
	onUplinks := map[string]bool{}
	for o := range topo.ServicesOnUplinks() {
		onUplinks[o.Name] = true
	}
	v.placeServices(onUplinks)
	v.byNetwork.Scan(func(k pair, _ int) bool {
		network, node := firstOf(k), secondOf(k)
		if v.carries(network, node) {
			n, _ := v.ipv6.Get(node)
			v.ipv6.Set(node, n+1)
		}
		return true
	})
	v.resource(emptyView(topology.NewSnapshot()), touched)
	v.resources, v.grown, v.remixed = nil, nil, nil // there is no View before
	return v
}

// emptyView returns the View of a topology as if it had no ports.
func emptyView(topo *topology.Snapshot) *View {
	return &View{
		Seq: 1, Topo: topo, kept: new(candidates),
		places: new(btree.Map[string, Place]), down: new(btree.Map[string, struct{}]), tunnels: new(btree.Map[string, openflow.PortNo]),
		uplinks: new(btree.Map[string, openflow.PortNo]), bridges: new(btree.Map[pair, openflow.PortNo]), hostPorts: new(btree.Map[string, openflow.PortNo]),
		byNetwork: new(btree.Map[pair, int]), byNode: new(btree.Map[pair, int]),
		roaming: new(btree.Map[pair, struct{}]),
		locals:  new(btree.Map[string, netip.Addr]), udp: new(btree.Map[string, uint16]), members: new(btree.Map[domain, members]),
		sources: new(btree.Map[pair, []netip.Prefix]), lingering: new(btree.Map[pair, struct{}]),
		ipv6:     new(btree.Map[string, int]),
		floating: new(btree.Map[pair, struct{}]), egress: newEgressIndex(), holders: new(btree.Map[string, string]),
		health: new(btree.Map[pair, Health]), joins: newJoins(), leaving: new(btree.Map[string, Leaving]), identities: new(btree.Map[pair, present]), identityNodes: new(btree.Map[string, string]),
	}
}

// PlaceChange says that a port's interface moved.
type PlaceChange struct {
	Port          string
	Before, After Place
}

// TunnelChange says that a node's tunnel port has another number; 0 is none.
type TunnelChange struct {
	Node          string
	Before, After openflow.PortNo
}

// LocalChange says that a node's tunnel port sends from another address, as OVSDB shows it
// (options:local_ip); the zero Addr is none.
type LocalChange struct {
	Node  string
	After netip.Addr
	// UDP is the UDP port of the tunnel (options:dst_port); 0 is VXLAN's own.
	UDP uint16
}

// LingerChange says that packets of a node may be on their way in a domain that it leaves
// with the update, or that all of them have arrived.
type LingerChange struct {
	Domain, Node string
	Over         bool
}

// Update is the step from one View to the next.
type Update struct {
	// Topo is the new topology; nil when only places changed.
	Topo    *topology.Snapshot
	Changes []topology.Change
	Blocks  []topology.BlockChange
	// Identities, Numberings and Identified are as in topology.Result.
	Identities []topology.IdentityChange
	Numberings []topology.NumberingChange
	Identified []string
	Places     []PlaceChange
	Links      []LinkChange
	Tunnels    []TunnelChange
	Uplinks    []UplinkChange
	Hosts      []HostChange
	Locals     []LocalChange
	Lingers    []LingerChange
	Health     []HealthChange
	Leaving    []LeavingChange
	Joins      []JoinChange
	Contacts   []ContactChange
	Absences   []AbsenceChange
	// Now is when the update happens: from then on a backend that leaves a service has its
	// draining time.
	Now time.Time
}

// Next returns the View after the update. A port that the update deletes loses
// its place with it.
func (v *View) Next(u Update) *View {
	n := &View{
		Seq: v.Seq + 1, Topo: v.Topo, kept: new(candidates),
		places: v.places.Copy(), down: v.down.Copy(), tunnels: v.tunnels.Copy(), uplinks: v.uplinks.Copy(), bridges: v.bridges.Copy(), hostPorts: v.hostPorts.Copy(),
		byNetwork: v.byNetwork.Copy(), byNode: v.byNode.Copy(), roaming: v.roaming.Copy(),
		locals: v.locals.Copy(), udp: v.udp.Copy(), members: v.members.Copy(), sources: v.sources.Copy(),
		lingering: v.lingering.Copy(), ipv6: v.ipv6.Copy(), floating: v.floating.Copy(), egress: v.egress.fork(), holders: v.holders.Copy(),
		health: v.health.Copy(), joins: v.joins.fork(), leaving: v.leaving.Copy(), identities: v.identities.Copy(), identityNodes: v.identityNodes.Copy(),
	}
	if u.Topo != nil {
		n.Topo = u.Topo
	}
	for _, t := range u.Tunnels {
		if t.After == 0 {
			n.tunnels.Delete(t.Node)
		} else {
			n.tunnels.Set(t.Node, t.After)
		}
	}
	for _, l := range u.Uplinks {
		in, key := n.uplinks, l.Node
		if l.Bridge != "" {
			in, key = n.bridges, pairOf(l.Node, l.Bridge)
		}
		if l.After == 0 {
			in.Delete(key)
		} else {
			in.Set(key, l.After)
		}
	}
	for _, h := range u.Hosts {
		if h.After == 0 {
			n.hostPorts.Delete(h.Node)
		} else {
			n.hostPorts.Set(h.Node, h.After)
		}
	}
	for _, l := range u.Locals {
		if l.After.IsValid() {
			n.locals.Set(l.Node, l.After)
		} else {
			n.locals.Delete(l.Node)
		}
		if l.UDP != 0 && l.UDP != vxlanPort {
			n.udp.Set(l.Node, l.UDP)
		} else {
			n.udp.Delete(l.Node)
		}
	}
	for _, l := range u.Lingers {
		if l.Over {
			n.lingering.Delete(pairOf(l.Node, l.Domain))
		} else {
			n.lingering.Set(pairOf(l.Node, l.Domain), struct{}{})
		}
	}
	// Every port whose spec or place changes is removed as it was before and added as it is
	// after, once.
	for _, c := range u.Changes {
		if before, ok := c.Before.(*topology.Port); ok {
			n.count(before.Spec.Network, v.Location(before), -1)
			n.roams(before, v.Location(before), false)
		}
	}
	changed := portsIn(u.Changes)
	for _, p := range u.Places {
		if before, ok := v.Topo.Port(p.Port); ok && !changed[p.Port] {
			n.count(before.Spec.Network, v.Location(before), -1)
			n.roams(before, v.Location(before), false)
		}
		if p.After == (Place{}) {
			n.places.Delete(p.Port)
		} else {
			n.places.Set(p.Port, p.After)
		}
	}
	for _, c := range u.Changes {
		switch after := c.After.(type) {
		case *topology.Port:
			n.count(after.Spec.Network, n.Location(after), +1)
			n.roams(after, n.Location(after), true)
		case nil:
			if c.Ref.Kind == topology.KindPort {
				n.places.Delete(c.Ref.Name)
			}
		}
	}
	for _, p := range u.Places {
		if after, ok := n.Topo.Port(p.Port); ok && !changed[p.Port] {
			n.count(after.Spec.Network, n.Location(after), +1)
			n.roams(after, n.Location(after), true)
		}
	}
	n.learnLinks(v, u)
	n.placeFloating(v, u)
	n.placeEgress(v, u)
	n.learnHealth(v, u)
	n.learnLeaving(v, u)
	n.learnJoins(v, u)
	n.placeServices(u.ServicesOnUplinksIn(v, n))
	n.countIPv6(v, u)
	n.countIdentities(v, u)
	n.label(u)
	n.resource(v, v.touched(n, u))
	return n
}

// portsIn returns the names of the ports among the changes.
func portsIn(changes []topology.Change) map[string]bool {
	m := map[string]bool{}
	for _, c := range changes {
		if c.Ref.Kind == topology.KindPort {
			m[c.Ref.Name] = true
		}
	}
	return m
}

// count adds d to the number of the network's ports on the node.
func (v *View) count(network, node string, d int) {
	if node == "" {
		return
	}
	for _, e := range []struct {
		m *btree.Map[pair, int]
		k pair
	}{{v.byNetwork, pairOf(network, node)}, {v.byNode, pairOf(node, network)}} {
		old, _ := e.m.Get(e.k)
		if old+d == 0 {
			e.m.Delete(e.k)
		} else {
			e.m.Set(e.k, old+d)
		}
	}
}

// roams updates the index of unpinned ports by node.
func (v *View) roams(p *topology.Port, node string, there bool) {
	switch {
	case p.Spec.Node != "" || node == "":
	case there:
		v.roaming.Set(pairOf(node, p.Name), struct{}{})
	default:
		v.roaming.Delete(pairOf(node, p.Name))
	}
}

// Place returns where the port's interface is.
func (v *View) Place(port string) Place {
	p, _ := v.places.Get(port)
	return p
}

// Tunnel returns the number of the node's tunnel port, 0 if it has none.
func (v *View) Tunnel(node string) openflow.PortNo {
	n, _ := v.tunnels.Get(node)
	return n
}

// Location returns the node that a port is on: the one it is pinned to, or the
// one its interface is on; "" while that is unknown.
func (v *View) Location(p *topology.Port) string {
	if p.Spec.Node != "" {
		return p.Spec.Node
	}
	return v.Place(p.Name).Node
}

// HasPorts reports whether any of the network's ports is on the node.
func (v *View) HasPorts(network, node string) bool {
	_, ok := v.byNetwork.Get(pairOf(network, node))
	return ok
}

// Relevant reports whether the node must know the network: a port of it, or of
// a network that a router joins with it, is on the node, machines outside reach the network's
// ports by the node, or its ports leave by the node.
func (v *View) Relevant(network, node string) bool {
	if d := v.domainOf(network); v.HasPorts(network, node) || v.enters(d, node) || v.egressesBy(d, node) || v.entersRouted(d, node) {
		return true
	}
	r, ok := v.Topo.RouterOf(network)
	if !ok {
		return false
	}
	for _, n := range r.Spec.Networks {
		if v.HasPorts(n, node) {
			return true
		}
	}
	return false
}

// seconds iterates over the second parts of the keys that start with first.
func seconds[V any](m *btree.Map[pair, V], first string) iter.Seq[string] {
	return func(yield func(string) bool) {
		from := pairOf(first, "")
		m.Ascend(from, func(k pair, _ V) bool {
			return strings.HasPrefix(k, from) && yield(secondOf(k))
		})
	}
}

// NodesOf iterates over the nodes to which the network is relevant, each once.
func (v *View) NodesOf(network string) iter.Seq[string] {
	d := v.domainOf(network)
	_, routed := v.routedUplink(d)
	switch reached, leaves := v.reachedOutside(d), v.hasGateways(d); {
	case routed && reached:
		return once(v.nodesWithPortsOf(network), v.enterableNodes(), v.gatewaysOf(d), v.routedNodes(d))
	case routed:
		return once(v.nodesWithPortsOf(network), v.gatewaysOf(d), v.routedNodes(d))
	case reached && leaves:
		return once(v.nodesWithPortsOf(network), v.enterableNodes(), v.gatewaysOf(d))
	case reached:
		return once(v.nodesWithPortsOf(network), v.enterableNodes())
	case leaves:
		return once(v.nodesWithPortsOf(network), v.gatewaysOf(d))
	}
	return v.nodesWithPortsOf(network)
}

// once yields what several sequences yield, each once.
func once(all ...iter.Seq[string]) iter.Seq[string] {
	return func(yield func(string) bool) {
		seen := map[string]bool{}
		for _, s := range all {
			for x := range s {
				if !seen[x] && !yield(x) {
					return
				}
				seen[x] = true
			}
		}
	}
}

// nodesWithPortsOf iterates over the nodes that have ports of a network, or of one that a
// router joins with it, each once.
func (v *View) nodesWithPortsOf(network string) iter.Seq[string] {
	r, ok := v.Topo.RouterOf(network)
	if !ok {
		return seconds(v.byNetwork, network)
	}
	return func(yield func(string) bool) {
		seen := map[string]bool{}
		for _, n := range r.Spec.Networks {
			for node := range seconds(v.byNetwork, n) {
				if !seen[node] {
					seen[node] = true
					if !yield(node) {
						return
					}
				}
			}
		}
	}
}

// NetworksOn iterates over the networks that are relevant to the node, each once.
func (v *View) NetworksOn(node string) iter.Seq[string] {
	return func(yield func(string) bool) {
		seen := map[string]bool{}
		visit := func(n string) bool {
			if seen[n] {
				return true
			}
			seen[n] = true
			return yield(n)
		}
		for local := range seconds(v.byNode, node) {
			if !visit(local) {
				return
			}
			if r, ok := v.Topo.RouterOf(local); ok {
				for _, n := range r.Spec.Networks {
					if !visit(n) {
						return
					}
				}
			}
		}
		for d := range once(v.domainsBy(node), v.domainsRouted(node)) {
			for n := range v.networksIn(d) {
				if !visit(n) {
					return
				}
			}
		}
		if !v.EntryNode(node) {
			return
		}
		for _, d := range v.domainsOutside() {
			for n := range v.networksIn(d) {
				if !visit(n) {
					return
				}
			}
		}
	}
}

// PortsOn iterates over the ports whose location is the node.
func (v *View) PortsOn(node string) iter.Seq[*topology.Port] {
	return func(yield func(*topology.Port) bool) {
		for p := range v.Topo.PortsOnNode(node) {
			if !yield(p) {
				return
			}
		}
		for name := range seconds(v.roaming, node) {
			if p, ok := v.Topo.Port(name); ok && !yield(p) {
				return
			}
		}
	}
}
