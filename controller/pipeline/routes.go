package pipeline

import (
	"cmp"
	"math/bits"
	"net/netip"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// Hop is a next hop of a static route, and who has it.
type Hop struct {
	Address netip.Addr
	// Network is the network of the router in which the next hop is, nil if it is outside, on
	// the uplink.
	Network *topology.Network
	// Port has the address; nil if none has. MAC is the one by which it has it.
	Port *topology.Port
	MAC  topology.MAC
	// Plugged says that the port has its interface, as far as is known.
	Plugged bool
	// Restricted says that the port may not send what it would forward: packets from the
	// destinations of the route.
	Restricted bool
}

// Works reports whether packets get to a next hop, as far as is known.
func (h Hop) Works() bool { return h.Network == nil || h.Port != nil && h.Plugged }

// HopsOf returns the next hops of a route of a router, in the order of their addresses.
func (v *View) HopsOf(r *topology.Router, route model.Route) []Hop {
	hops := make([]Hop, len(route.Via))
	for i, a := range route.Via {
		h := Hop{Address: a}
		if n, ok := v.Topo.HopNetwork(r, a); ok {
			h.Network = n
			if p, ok := v.Topo.PortByAddress(n.Name, a); ok {
				h.Port, h.MAC, h.Plugged, h.Restricted = p, p.MAC, v.answers(p), !sends(p, route.To)
				for _, f := range furtherOf(p) {
					if f.prefix.Contains(a) {
						h.MAC = f.mac
					}
				}
			}
		}
		hops[i] = h
	}
	slices.SortFunc(hops, func(a, b Hop) int { return a.Address.Compare(b.Address) })
	return hops
}

// sends reports whether a port may send packets from all addresses of a range.
func sends(p *topology.Port, from netip.Prefix) bool {
	return p.Spec.PortSecurity == model.PortSecurityOff || slices.ContainsFunc(furtherOf(p), func(f further) bool {
		return f.prefix.Bits() <= from.Bits() && f.prefix.Overlaps(from)
	})
}

// routed reports whether a router has static routes.
func routed(r *topology.Router) bool { return r != nil && len(r.Spec.Routes) > 0 }

// RoutersIn returns the routers with static routes whose next hops an update may change, in
// either view.
func (u *Update) RoutersIn(before, after *View) map[string]bool {
	names := map[string]bool{}
	of := func(v *View, port string) {
		p, ok := v.Topo.Port(port)
		if !ok {
			return
		}
		if r, ok := v.Topo.RouterOf(p.Spec.Network); ok && routed(r) && isHop(r, p) {
			names[r.Name] = true
		}
	}
	ofPort := func(port string) { of(before, port); of(after, port) }
	for _, c := range u.Changes {
		switch c.Ref.Kind {
		case topology.KindPort:
			ofPort(c.Ref.Name)
		case topology.KindRouter:
			names[c.Ref.Name] = true
		case topology.KindNetwork:
			for _, v := range []*View{before, after} {
				if r, ok := v.Topo.RouterOf(c.Ref.Name); ok && routed(r) {
					names[r.Name] = true
				}
			}
		}
	}
	for _, p := range u.Places {
		ofPort(p.Port)
	}
	return names
}

// isHop reports whether a port has an address that is a next hop of a router.
func isHop(r *topology.Router, p *topology.Port) bool {
	for _, route := range r.Spec.Routes {
		if slices.ContainsFunc(route.Via, p.Has) {
			return true
		}
	}
	return false
}

// hopOf marks the router that has a port as a next hop, on all nodes that know the router, or on
// one.
func (a *affected) hopOf(v *View, p *topology.Port, on ...string) {
	r, ok := v.Topo.RouterOf(p.Spec.Network)
	if !ok || !routed(r) || !isHop(r, p) {
		return
	}
	if len(on) == 0 {
		a.leaves(r)
	}
	for _, node := range on {
		a.mark(node, Unit{Kind: UnitRouter, Name: r.Name})
	}
}

// hopSlots is how many parts the connections of a route are divided into. Each next hop has equally
// many, or one more, and one that comes or goes changes no more of them than it has to: a
// connection stays on its next hop, unless its part gets another.
const hopSlots = 64

// slotsOf divides the parts among next hops (the table of Maglev, NSDI 2016, 3.4). They take turns;
// each takes the first free part in an order of its own.
func slotsOf(hops []Hop) []int {
	slots := slices.Repeat([]int{-1}, hopSlots)
	if len(hops) == 0 {
		return nil
	}
	type turn struct{ at, step int }
	turns := make([]turn, len(hops))
	for i, h := range hops {
		sum := xxhash.Sum64(h.Address.AsSlice())
		turns[i] = turn{int(sum % hopSlots), int(sum>>32)%hopSlots | 1} // an odd step passes all of them
	}
	for taken := 0; taken < hopSlots; taken++ {
		i := taken % len(hops)
		t := &turns[i]
		for slots[t.at] >= 0 {
			t.at = (t.at + t.step) % hopSlots
		}
		slots[t.at] = i
	}
	return slots
}

// routeGroups is the first number of the groups of routes, behind those of affinity; each router has
// numbers for maxGroups. There are numbers for 4 million routers.
const (
	routeGroups = 3 << 30
	maxGroups   = 256
)

// groupsOf returns the numbers of the groups of a router's routes, in the order of the routes. A
// number follows from the destination, and from others only if these would have the same.
func groupsOf(r *topology.Router) []uint32 {
	order := make([]int, len(r.Spec.Routes))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		a, b := r.Spec.Routes[i].To, r.Spec.Routes[j].To
		return cmp.Or(a.Addr().Compare(b.Addr()), a.Bits()-b.Bits())
	})
	first := routeGroups + (r.ID-topology.FirstRouterID)%(1<<22)*maxGroups
	groups := make([]uint32, len(order))
	taken := map[uint32]bool{}
	for _, i := range order {
		to := r.Spec.Routes[i].To
		at := uint32(xxhash.Sum64(append(to.Addr().AsSlice(), byte(to.Bits()))) % maxGroups)
		for taken[at] {
			at = (at + 1) % maxGroups
		}
		taken[at] = true
		groups[i] = first + at
	}
	return groups
}

// prioStatic is of static routes, with the length of their prefixes: a subnet, a block or a port's
// further address that lies in one comes first.
const prioStatic = prioDefaultRoute

// prioHop is of packets to a next hop on this node, in neighbour.
const prioHop = 110

// Rules of static routes.
var (
	staticRule  = rules{"routes to a next hop", "routes IPv6 to a next hop"}
	sharesRule  = rules{"shares connections among the next hops of a route", "shares connections of IPv6 among the next hops of a route"}
	chooseRule  = rules{"chooses the next hop of a connection", "chooses the next hop of a connection of IPv6"}
	noHopRule   = rules{"drops packets for a route whose next hop is not there", "drops IPv6 packets for a route whose next hop is not there"}
	outsideRule = rules{"routes to a next hop on the uplink", "routes IPv6 to a next hop on the uplink"}
)

// routeRule returns the rule of a flow of a route, which has no destination if it is for all.
func routeRule(why Rule, route model.Route) Rule {
	if route.To.Bits() == 0 {
		return why + ", for all destinations"
	}
	return why
}

// routeStatic routes to the next hops of a router's static routes.
func (c *Compiler) routeStatic(r *topology.Router) {
	if r.Spec.Egress == nil {
		c.routeUnassigned(r)
	}
	c.routeShut(r)
	groups := groupsOf(r)
	for i, route := range r.Spec.Routes {
		f := model.FamilyOf(route.To.Addr())
		priority := prioStatic + uint16(route.To.Bits())
		hops := c.view.HopsOf(r, route)
		c.match = toPrefix(c.match[:0], route.To)
		if hops[0].Network == nil {
			looked := c.looksUpAnswers(r.Ref().String())
			c.match = c.match.RegMasked(regFlags, looked, flagReturned|looked).Reg(regRouter, r.ID)
			c.actions = c.actions[:0].SetReg(regFlags, flagOutside)
			c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(c.next(TableGateway))
			c.emit(priority, routeRule(outsideRule[f], route))
			continue
		}
		if looked := c.looksUpAnswers(r.Ref().String()); looked != 0 {
			c.match = c.match.RegMasked(regFlags, looked, looked)
		}
		c.match = c.match.Reg(regRouter, r.ID)
		if len(hops) == 1 {
			c.instr = c.instr[:0]
			if !hops[0].Works() {
				c.emit(priority, routeRule(noHopRule[f], route))
				continue
			}
			c.actions = c.toHop(c.actions[:0], hops[0])
			c.instr = c.instr.ApplyActions(c.actions).GotoTable(c.next(TableGateway))
			c.emit(priority, routeRule(staticRule[f], route))
			continue
		}
		c.actions = c.actions[:0].Group(groups[i])
		c.instr = c.instr[:0].ApplyActions(c.actions)
		c.emit(priority, routeRule(sharesRule[f], route))
	}
}

// routeShut keeps from wide routes to ports what no router forwards (see shut).
func (c *Compiler) routeShut(r *topology.Router) {
	for _, s := range shut {
		if slices.ContainsFunc(r.Spec.Routes, func(route model.Route) bool {
			_, inside := c.view.Topo.HopNetwork(r, route.Via[0])
			return inside && route.To.Bits() < s.prefix.Bits() && route.To.Overlaps(s.prefix)
		}) {
			c.match = toPrefix(c.match[:0], s.prefix).Reg(regRouter, r.ID)
			c.instr = c.instr[:0]
			c.emit(prioStatic+uint16(s.prefix.Bits()), rules{"drops packets to addresses to which no router forwards", "drops IPv6 packets to addresses to which no router forwards"}[model.FamilyOf(s.prefix.Addr())])
		}
	}
}

// hopGroup adds a group with a bucket for each part of the connections.
func (c *Compiler) hopGroup(id uint32, hops []Hop, f topology.Family, to func(Hop) openflow.Actions) {
	var alive []Hop
	var watch []openflow.PortNo
	for _, h := range hops {
		w := openflow.PortAny
		if h.Port != nil && c.view.Location(h.Port) == c.node {
			w = c.view.Place(h.Port.Name).OFPort
		}
		if h.Works() && w != 0 {
			alive, watch = append(alive, h), append(watch, w)
		}
	}
	g := openflow.Group{ID: id, Type: openflow.GroupTypeSelect}
	for _, i := range slotsOf(alive) {
		c.actions = to(alive[i])
		g.Buckets = g.Buckets.Add(openflow.Bucket{Weight: 1, WatchPort: watch[i], WatchGroup: openflow.GroupAny, Actions: c.actions})
	}
	c.emitGroup(g, chooseRule[f])
}

// toHop appends actions that address a packet to a next hop in a network. Its source stays until
// gateway has found that it may go on: an error is for who sent it.
func (c *Compiler) toHop(a openflow.Actions, h Hop) openflow.Actions {
	return a.SetEthDst(h.MAC).SetMetadata(metadata(h.Network)).Load(openflow.FieldReg(regFlags), bits.TrailingZeros32(flagVia), 1, 1)
}

// hopNetworks returns the networks of a router in which it has next hops of a family, each once.
func (v *View) hopNetworks(r *topology.Router, f topology.Family) (all []*topology.Network) {
	for _, route := range r.Spec.Routes {
		for _, a := range route.Via {
			if n, ok := v.Topo.HopNetwork(r, a); ok && model.FamilyOf(a) == f && !slices.Contains(all, n) {
				all = append(all, n)
			}
		}
	}
	return all
}

// gatewayStatic counts the router as a hop of packets that go to a next hop, and adds the groups
// that choose among next hops.
func (c *Compiler) gatewayStatic(r *topology.Router) {
	for _, f := range model.Families() {
		for _, n := range c.view.hopNetworks(r, f) {
			mac := n.GatewayMAC
			if b, ok := c.view.Topo.Block(n.Name, c.node); ok {
				mac = b.GatewayMAC
			}
			c.match = c.match[:0].EthType(ethTypes[f]).RegMasked(regFlags, flagVia, flagVia).Reg(regRouter, r.ID).Metadata(metadata(n))
			c.actions = c.actions[:0].DecTTL().SetEthSrc(mac)
			c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(c.next(TableForward))
			c.emit(prioRemote, rules{"takes one from the TTL of packets to a next hop, and sends them as the gateway", "takes one from the hop limit of packets to a next hop, and sends them as the gateway"}[f])
		}
	}
	groups := groupsOf(r)
	for i, route := range r.Spec.Routes {
		if hops := c.view.HopsOf(r, route); len(hops) > 1 && hops[0].Network != nil {
			c.hopGroup(groups[i], hops, model.FamilyOf(route.To.Addr()), func(h Hop) openflow.Actions {
				return c.toHop(c.actions[:0], h).Resubmit(openflow.PortInPort, TableGateway)
			})
		}
	}
}

// segmentedHops returns the next hops of a router in segmented networks, each once.
func (c *Compiler) segmentedHops(r *topology.Router) (all []Hop) {
	seen := map[topology.MAC]bool{}
	for _, route := range r.Spec.Routes {
		for _, h := range c.view.HopsOf(r, route) {
			if h.Port != nil && h.Network.Spec.Mode == topology.Segmented && !seen[h.MAC] {
				seen[h.MAC] = true
				all = append(all, h)
			}
		}
	}
	return all
}

// neighbourStatic takes, from other nodes, packets for next hops of segmented networks on this node.
// They have the next hop's MAC, which nothing else has that comes routed.
func (c *Compiler) neighbourStatic(r *topology.Router) {
	for _, h := range c.segmentedHops(r) {
		b, ok := c.view.Topo.Block(h.Network.Name, c.node)
		if !ok || c.view.Location(h.Port) != c.node {
			continue
		}
		c.match = c.match[:0].EthDst(h.MAC).Metadata(metadata(h.Network))
		c.actions = c.actions[:0].SetEthSrc(b.GatewayMAC)
		c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(c.next(TableForward))
		c.emit(prioHop, "passes on to a next hop packets that another node has routed")
	}
}

// forwardStatic sends to the nodes that have next hops of segmented networks.
func (c *Compiler) forwardStatic(r *topology.Router) {
	for _, h := range c.segmentedHops(r) {
		at := c.view.Location(h.Port)
		vtep := c.vtepOf(at)
		if at == c.node || !vtep.IsValid() {
			continue
		}
		c.match = c.match[:0].EthDst(h.MAC).Metadata(metadata(h.Network))
		c.actions = c.actions[:0].SetTunnelDst(vtep)
		c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(c.next(TableTunnel))
		c.emit(prioNormal, rules{"sends to the node that has the next hop", "sends to the node that has the next hop, over IPv6"}[model.FamilyOf(vtep)])
	}
}

// prioStaticLeave is of static routes in leave, with the length of their prefixes: above the uplink's own next hops,
// and below what is for addresses of the node.
const prioStaticLeave = 140

// directLeave is, in leave, the priority of the subnet of an uplink where there are static routes, above all of them.
// What a group has chosen is one above.
func directLeave(f topology.Family) uint16 {
	return prioStaticLeave + [...]uint16{topology.IPv4: 33, topology.IPv6: 129}[f]
}

// leaveStatic finds the next hops on an uplink of a router's static routes.
func (c *Compiler) leaveStatic(r *topology.Router) {
	out := c.outOf(r)
	if out == 0 {
		return
	}
	u, _ := c.view.Topo.Uplink(r.Spec.Egress.Uplink)
	to := func(p netip.Prefix) openflow.Match {
		return toPrefix(c.match[:0], p).Reg(regRouter, r.ID).Reg(regOutPort, uint32(out))
	}
	var direct, several [2]bool
	groups := groupsOf(r)
	for i, route := range r.Spec.Routes {
		hops := c.view.HopsOf(r, route)
		if hops[0].Network != nil {
			continue
		}
		f := model.FamilyOf(route.To.Addr())
		if subnet, _ := u.Spec.SubnetOf(f); !direct[f] {
			direct[f] = true
			c.match = to(subnet)
			c.actions = toDestination(c.actions[:0], f)
			c.lookUpNextHop()
			c.emit(directLeave(f), rules{"sends to machines of the uplink's subnet directly, whatever static routes there are", "sends to machines of the uplink's IPv6 subnet directly, whatever static routes there are"}[f])
		}
		c.match = to(route.To)
		priority := prioStaticLeave + uint16(route.To.Bits())
		if len(hops) == 1 {
			c.actions = toNextHop(c.actions[:0], hops[0].Address)
			c.lookUpNextHop()
			c.emit(priority, routeRule(rules{"sends to the next hop of a static route", "sends IPv6 to the next hop of a static route"}[f], route))
			continue
		}
		c.actions = c.actions[:0].Group(groups[i])
		c.instr = c.instr[:0].ApplyActions(c.actions)
		c.emit(priority, routeRule(rules{"shares connections among the next hops of a static route", "shares connections of IPv6 among the next hops of a static route"}[f], route))
		several[f] = true
	}
	for _, f := range model.Families() {
		if several[f] {
			c.match = c.match[:0].EthType(ethTypes[f]).RegMasked(regFlags, flagVia, flagVia).Reg(regRouter, r.ID).Reg(regOutPort, uint32(out))
			c.actions = c.actions[:0]
			c.lookUpNextHop()
			c.emit(directLeave(f)+1, rules{"sends to the next hop that was chosen", "sends IPv6 to the next hop that was chosen"}[f])
		}
	}
}

// outsideStatic adds the groups that choose among next hops on the uplink of a router.
func (c *Compiler) outsideStatic(r *topology.Router) {
	groups := groupsOf(r)
	for i, route := range r.Spec.Routes {
		hops := c.view.HopsOf(r, route)
		if len(hops) == 1 || hops[0].Network != nil || c.outOf(r) == 0 {
			continue
		}
		c.hopGroup(groups[i], hops, model.FamilyOf(route.To.Addr()), func(h Hop) openflow.Actions {
			// A bucket is an action set, in which only one resubmit counts (OpenFlow 1.3.5, 5.10).
			return toNextHop(c.actions[:0], h.Address).
				Load(openflow.FieldReg(regFlags), bits.TrailingZeros32(flagVia), 1, 1).Resubmit(openflow.PortInPort, TableLeave)
		})
	}
}

// outOf returns the node's port to the bridge by which a router leaves, 0 if there is none.
func (c *Compiler) outOf(r *topology.Router) openflow.PortNo {
	if r.Spec.Egress == nil {
		return 0
	}
	u, ok := c.view.Topo.Uplink(r.Spec.Egress.Uplink)
	if !ok || u.Spec.Type != model.UplinkBridge {
		return 0
	}
	return c.view.Bridge(c.node, u.Spec.Bridge)
}
