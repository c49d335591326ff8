package pipeline

import (
	"cmp"
	"hash/fnv"
	"iter"
	"net/netip"
	"slices"
	"strings"

	"github.com/tidwall/btree"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// Join says that hosts behind a port take what is sent to a group.
type Join struct {
	Port string
	// Group is the address of the group.
	Group netip.Addr
	// Number distinguishes the group on switches: it is in the number of the OpenFlow group that
	// has the members. 0 lets the view choose.
	Number uint32
}

// JoinChange says that a port has joined a group, or has left it.
type JoinChange struct {
	Join
	Left bool
}

// Bounds of what is kept of groups: how many a port may join, and so all hosts behind it; how many of a
// network may have members; and how often ports of all networks may have joined one.
const (
	MaxPortGroups    = 256
	MaxNetworkGroups = 1024
	MaxJoins         = 1 << 16
)

// joins are the ports that have joined groups, and where.
type joins struct {
	// byGroup has network, group, node and port.
	byGroup *btree.Map[string, struct{}]
	// byPort has the network and the node, by port and group.
	byPort *btree.Map[pair, joinedAt]
	// numbers has the number of a group, by network and group; taken has all of them.
	numbers *btree.Map[pair, uint32]
	taken   *btree.Map[uint32, struct{}]
	// full has the ports that have joined MaxPortGroups, by network and port.
	full *btree.Map[pair, struct{}]
	// changed are the members that differ from the View before.
	changed []joinedGroup
}

type joinedAt struct{ network, node string }

// joinedGroup is a group of a network with the members on a node.
type joinedGroup struct {
	network string
	group   netip.Addr
	node    string
}

func newJoins() joins {
	return joins{new(btree.Map[string, struct{}]), new(btree.Map[pair, joinedAt]), new(btree.Map[pair, uint32]), new(btree.Map[uint32, struct{}]), new(btree.Map[pair, struct{}]), nil}
}

func (j *joins) fork() joins {
	return joins{j.byGroup.Copy(), j.byPort.Copy(), j.numbers.Copy(), j.taken.Copy(), j.full.Copy(), nil}
}

// snoops reports whether ports of the network get only what is sent to groups that they have joined.
func snoops(n *topology.Network) bool { return n.Spec.Multicast == model.MulticastSnoop }

// Joinable reports whether members of a group of a network are kept. What is sent to all other groups
// goes to all ports, or to none.
func Joinable(group netip.Addr) bool {
	if !group.IsMulticast() || group.Is4In6() {
		return false
	}
	if group.Is6() {
		// Groups of the scopes 0 and 1 never leave a host (RFC 4291, 2.7).
		if scope := group.As16()[1] & 0xf; scope < 2 {
			return false
		}
	}
	return !slices.ContainsFunc(toAll[:], func(a toAllGroups) bool { return a.prefix.Contains(group) })
}

// Joins yields all ports that have joined groups, by port and group.
func (v *View) Joins() iter.Seq[Join] {
	return func(yield func(Join) bool) {
		v.joins.byPort.Scan(func(k pair, at joinedAt) bool {
			port, group, _ := strings.Cut(k, "\x00")
			number, _ := v.joins.numbers.Get(pairOf(at.network, group))
			return yield(Join{port, netip.MustParseAddr(group), number})
		})
	}
}

// JoinsOf yields the groups that a port has joined.
func (v *View) JoinsOf(port string) iter.Seq[netip.Addr] {
	return func(yield func(netip.Addr) bool) {
		for group := range seconds(v.joins.byPort, port) {
			if !yield(netip.MustParseAddr(group)) {
				return
			}
		}
	}
}

// GroupsOf yields the groups of a network that have members, in the order of their text, from the first
// one after a group on; the zero Addr is before all.
func (v *View) GroupsOf(network string, after netip.Addr) iter.Seq[netip.Addr] {
	return func(yield func(netip.Addr) bool) {
		from, prefix := pairOf(network, ""), pairOf(network, "")
		if after.IsValid() {
			from = pairOf(network, after.String()) + "\x00"
		}
		v.joins.numbers.Ascend(from, func(k pair, _ uint32) bool {
			return strings.HasPrefix(k, prefix) && yield(netip.MustParseAddr(secondOf(k)))
		})
	}
}

// NumGroups returns how many groups of a network have members, but no more than enough.
func (v *View) NumGroups(network string, enough int) (n int) {
	for range v.GroupsOf(network, netip.Addr{}) {
		if n++; n == enough {
			break
		}
	}
	return n
}

// Member is a port that has joined a group.
type Member struct{ Node, Port string }

// Members yields the ports that have joined a group of a network, by node and port.
func (v *View) Members(network string, group netip.Addr) iter.Seq[Member] {
	return func(yield func(Member) bool) {
		from := pairOf(network, group.String()) + "\x00"
		v.joins.byGroup.Ascend(from, func(k string, _ struct{}) bool {
			node, port, _ := strings.Cut(strings.TrimPrefix(k, from), "\x00")
			return strings.HasPrefix(k, from) && yield(Member{node, port})
		})
	}
}

// portsOn yields the ports on a node that have joined a group of a network.
func (j *joins) portsOn(g joinedGroup) iter.Seq[string] {
	return func(yield func(string) bool) {
		from := pairOf(pairOf(g.network, g.group.String()), g.node) + "\x00"
		j.byGroup.Ascend(from, func(k string, _ struct{}) bool {
			return strings.HasPrefix(k, from) && yield(strings.TrimPrefix(k, from))
		})
	}
}

// joinedOn returns how many ports on a node have joined a group of a network, and the numbers of
// their interfaces.
func (v *View) joinedOn(network string, group netip.Addr, node string) (numbers []openflow.PortNo, count int) {
	for port := range v.joins.portsOn(joinedGroup{network, group, node}) {
		count++
		if at := v.Place(port); at.Node == node && at.OFPort != 0 {
			numbers = append(numbers, at.OFPort)
		}
	}
	slices.Sort(numbers)
	return numbers, count
}

// hasJoined reports whether any port on a node has joined a group of a network.
func (v *View) hasJoined(g joinedGroup) bool {
	for range v.joins.portsOn(g) {
		return true
	}
	return false
}

// joinedNodes returns the other nodes in a node's layer-2 domain of a network that have members of a
// group, sorted.
func (v *View) joinedNodes(n *topology.Network, group netip.Addr, node string) (nodes []string) {
	if n.Spec.Mode == topology.Segmented {
		return nil
	}
	last := node
	for m := range v.Members(n.Name, group) {
		if m.Node != last && m.Node != node {
			nodes = append(nodes, m.Node)
		}
		last = m.Node
	}
	return slices.Compact(nodes)
}

// numbersOfGroups is how many numbers there are for groups with members. They follow those of the
// networks' own groups.
const numbersOfGroups = 1 << 26

// numberOf returns the number of a group of a network, which gets the one that it had, if that is free,
// or the first one from a place that depends on nothing but the names.
func (j *joins) numberOf(network, group string, had uint32) uint32 {
	key := pairOf(network, group)
	if n, ok := j.numbers.Get(key); ok {
		return n
	}
	n := had
	if n == 0 || n >= numbersOfGroups {
		h := fnv.New32a()
		_, _ = h.Write([]byte(key)) // never fails
		n = h.Sum32() % numbersOfGroups
	}
	for {
		if _, used := j.taken.Get(n); n != 0 && !used {
			break
		}
		n = (n + 1) % numbersOfGroups
	}
	j.taken.Set(n, struct{}{})
	j.numbers.Set(key, n)
	return n
}

// join adds a member.
func (v *View) join(c Join) {
	p, ok := v.Topo.Port(c.Port)
	if !ok {
		return
	}
	n, ok := v.Topo.Network(p.Spec.Network)
	at := v.Location(p)
	if !ok || !snoops(n) || at == "" || !Joinable(c.Group) {
		return
	}
	group := c.Group.String()
	if _, ok := v.joins.byPort.Get(pairOf(c.Port, group)); ok {
		return
	}
	v.joins.numberOf(n.Name, group, c.Number)
	v.joins.byPort.Set(pairOf(c.Port, group), joinedAt{n.Name, at})
	v.joins.byGroup.Set(pairOf(pairOf(n.Name, group), pairOf(at, c.Port)), struct{}{})
	v.joins.changed = append(v.joins.changed, joinedGroup{n.Name, c.Group, at})
	if v.numJoins(c.Port) >= MaxPortGroups {
		v.joins.full.Set(pairOf(n.Name, c.Port), struct{}{})
	}
}

// numJoins returns how many groups a port has joined.
func (v *View) numJoins(port string) (n int) {
	for range seconds(v.joins.byPort, port) {
		n++
	}
	return n
}

// Exhausted says which bounds of what is kept of groups are reached in a network, so that reports of
// further groups count for nothing.
type Exhausted struct {
	// Ports have joined MaxPortGroups groups, sorted. Groups says that MaxNetworkGroups groups of the
	// network have members, Joins that ports of all networks have joined MaxJoins times.
	Ports         []string
	Groups, Joins bool
}

// Exhausted returns which bounds are reached in a network.
func (v *View) Exhausted(n *topology.Network) (c Exhausted) {
	if !snoops(n) {
		return c
	}
	for port := range seconds(v.joins.full, n.Name) {
		c.Ports = append(c.Ports, port)
	}
	c.Groups = v.NumGroups(n.Name, MaxNetworkGroups) == MaxNetworkGroups
	c.Joins = v.joins.byPort.Len() >= MaxJoins
	return c
}

// NetworksJoined returns the networks with groups whose members differ from the View before, sorted.
func (v *View) NetworksJoined() (names []string) {
	for _, g := range v.joins.changed {
		names = append(names, g.network)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// leave removes a member.
func (v *View) leave(port string, group netip.Addr) {
	at, ok := v.joins.byPort.Delete(pairOf(port, group.String()))
	if !ok {
		return
	}
	v.joins.full.Delete(pairOf(at.network, port))
	v.joins.byGroup.Delete(pairOf(pairOf(at.network, group.String()), pairOf(at.node, port)))
	v.joins.changed = append(v.joins.changed, joinedGroup{at.network, group, at.node})
	for range v.Members(at.network, group) {
		return
	}
	number, _ := v.joins.numbers.Delete(pairOf(at.network, group.String()))
	v.joins.taken.Delete(number)
}

// learnJoins takes over who has joined which groups. Ports that are no longer where they joined have
// left: whatever is behind the next interface has to join again.
func (v *View) learnJoins(before *View, u Update) {
	look := func(port string) {
		p, ok := v.Topo.Port(port)
		was, had := before.Topo.Port(port)
		if ok && had && p.Spec.Network == was.Spec.Network && v.Location(p) == before.Location(was) &&
			(before.Place(port).OFPort == 0 || v.Place(port).OFPort != 0) && v.Place(port).Interface == before.Place(port).Interface {
			return
		}
		for _, group := range slices.Collect(v.JoinsOf(port)) {
			v.leave(port, group)
		}
	}
	if v.joins.byPort.Len() > 0 {
		for _, c := range u.Changes {
			switch c.Ref.Kind {
			case topology.KindPort:
				look(c.Ref.Name)
			case topology.KindNetwork:
				if n, ok := v.Topo.Network(c.Ref.Name); ok && snoops(n) {
					continue
				}
				for _, group := range slices.Collect(v.GroupsOf(c.Ref.Name, netip.Addr{})) {
					for _, m := range slices.Collect(v.Members(c.Ref.Name, group)) {
						v.leave(m.Port, group)
					}
				}
			}
		}
		for _, p := range u.Places {
			look(p.Port)
		}
	}
	for _, c := range u.Joins {
		if c.Left {
			v.leave(c.Port, c.Group)
		} else {
			v.join(c.Join)
		}
	}
}

// JoinChanges returns how the members of groups differ from those of the View before.
func (v *View) JoinChanges(before *View) (all []JoinChange) {
	seen := map[joinedGroup]bool{}
	for _, g := range v.joins.changed {
		if seen[g] {
			continue
		}
		seen[g] = true
		for _, x := range []struct {
			in, other *View
			left      bool
		}{{before, v, true}, {v, before, false}} {
			for port := range x.in.joins.portsOn(g) {
				if at, ok := x.other.joins.byPort.Get(pairOf(port, g.group.String())); ok && (x.left || at == joinedAt{g.network, g.node}) {
					continue // it is a member in both, perhaps elsewhere
				}
				number, _ := x.in.joins.numbers.Get(pairOf(g.network, g.group.String()))
				all = append(all, JoinChange{Join{port, g.group, number}, x.left})
			}
		}
	}
	slices.SortFunc(all, func(a, b JoinChange) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), a.Group.Compare(b.Group))
	})
	return all
}

// joined marks the groups whose members differ: on the node of the members and, if they are the first
// or the last ones there of a stretched network, on all other nodes that have ports of it.
func (a *affected) joined() {
	seen := map[joinedGroup]bool{}
	for _, g := range a.after.joins.changed {
		if seen[g] {
			continue
		}
		seen[g] = true
		u := groupUnit(g.network, g.group)
		a.mark(g.node, u)
		if n, ok := a.after.Topo.Network(g.network); !ok || n.Spec.Mode == topology.Segmented || a.before.hasJoined(g) == a.after.hasJoined(g) {
			continue // a network that is gone marks all of its own
		}
		for node := range a.nodesOf(g.network) {
			a.mark(node, u)
		}
	}
}

// groupUnit returns the unit of a group of a network.
func groupUnit(network string, group netip.Addr) Unit {
	return Unit{Kind: UnitGroup, Name: network, Part: group.String()}
}
