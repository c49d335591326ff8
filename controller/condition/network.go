package condition

import (
	"fmt"
	"strings"
)

// NetworkFacts are the facts from which a network's conditions follow.
type NetworkFacts struct {
	Name string
	// MTU is the MTU of the network's ports, in bytes.
	MTU int
	// Small are the nodes with ports of the network whose underlay cannot carry its packets,
	// sorted by name.
	Small []Underlay
	// Tunnels are the nodes that have ports of the network, or of networks joined to it by a
	// router, by the IP family of their tunnel address. They are set only if both families
	// occur.
	Tunnels [2]TunnelNodes
	// Uplink is what is known of the uplink of its router.
	Uplink Uplink
	// Host is what is known of its host access.
	Host HostAccess
	// Overfull are the nodes on which more ports and other nodes should get what is sent to groups than
	// do, sorted, and MaxMembers is how many do.
	Overfull   []string
	MaxMembers int
	// FullPorts are the ports that have joined as many groups as are kept of a port, sorted; GroupsFull
	// says that as many groups have members as are kept of a network, and JoinsFull that as many
	// memberships are kept as of all networks together. The bounds follow.
	FullPorts                          []string
	GroupsFull, JoinsFull              bool
	MaxPortGroups, MaxGroups, MaxJoins int
	// Upstream are the servers that it has other names asked of, in their order; none without DNS.
	Upstream []NameServer
}

// NameServer is an upstream name server.
type NameServer struct {
	Address string
	// Why says what happens instead of an answer; "" if the server answers, or nothing is known.
	Why string
}

// TunnelNodes are nodes whose tunnel addresses have the same IP family.
type TunnelNodes struct {
	// Names are some of them, sorted; Count is how many there are.
	Names []string
	Count int
}

// text returns their number and the names of a few.
func (n TunnelNodes) text() string {
	named := n.Names[:min(len(n.Names), maxNamed)]
	switch more := n.Count - len(named); {
	case more == 0:
		return strings.Join(named, ", ")
	case len(named) == 0 && more == 1:
		return "1 other node"
	case len(named) == 0:
		return fmt.Sprintf("%d other nodes", more)
	default:
		return fmt.Sprintf("%s and %d more", strings.Join(named, ", "), more)
	}
}

// Underlay describes the network that carries a node's tunnel.
type Underlay struct {
	Node string
	// MTU is the MTU of the interface that has the tunnel address; Overhead is the size of the
	// headers that VXLAN adds. Both are in bytes.
	MTU, Overhead int
}

// maxNamed is the largest number of nodes that a message names.
const maxNamed = 5

// Network returns the conditions of a network, in the order of the table of reasons.
func Network(f NetworkFacts) []Condition {
	var l list
	tunnelFamilies(&l, f)
	uplinks(&l, f.Uplink)
	hostAccess(&l, f)
	upstreams(&l, f)
	overfull(&l, f)
	groupsFull(&l, f)
	small(&l, f)
	return l
}

// tunnelFamilies adds the condition that some of the nodes cannot reach others.
func tunnelFamilies(l *list, f NetworkFacts) {
	four, six := f.Tunnels[0], f.Tunnels[1]
	if four.Count == 0 || six.Count == 0 {
		return
	}
	fewer, family := four, "IPv6"
	if six.Count < four.Count {
		fewer, family = six, "IPv4"
	}
	node := "NODE"
	if len(fewer.Names) > 0 {
		node = fewer.Names[0]
	}
	l.add(TunnelFamilyMismatch,
		fmt.Sprintf("the nodes that have ports of it, or of networks that a router joins with it, have tunnel addresses of different families: IPv4 on %s, IPv6 on %s; no packet passes between the ones and the others", four.text(), six.text()),
		fmt.Sprintf("give all of them tunnel addresses of one family, such as: sdnctl node set %s --tunnel-ip ADDRESS (an %s address of that node)", node, family))
}

// small adds the condition that the underlay does not carry the network's packets.
func small(l *list, f NetworkFacts) {
	if len(f.Small) == 0 {
		return
	}
	fits := f.MTU
	for _, u := range f.Small {
		fits = min(fits, u.MTU-u.Overhead)
	}
	var nodes []string
	for _, u := range f.Small[:min(len(f.Small), maxNamed)] {
		nodes = append(nodes, fmt.Sprintf("%s (%d)", u.Node, u.MTU))
	}
	if more := len(f.Small) - len(nodes); more > 0 {
		nodes = append(nodes, fmt.Sprintf("%d more", more))
	}
	l.add(UnderlayMTUTooSmall,
		fmt.Sprintf("its MTU is %d, which with VXLAN is more than the underlay carries of %s; packets above %d bytes are lost between nodes", f.MTU, strings.Join(nodes, ", "), fits),
		fmt.Sprintf("sdnctl network set %s --mtu %d, and the same in its containers; or raise the MTU of the underlay, then run 'sdnctl node join' again on those nodes", f.Name, fits))
}

// upstreams adds the conditions of name servers that do not answer.
func upstreams(l *list, f NetworkFacts) {
	var silent []string
	for _, s := range f.Upstream {
		if s.Why != "" {
			silent = append(silent, fmt.Sprintf("%s (%s)", s.Address, s.Why))
		}
	}
	if len(silent) == 0 {
		return
	}
	first, _, _ := strings.Cut(silent[0], " ")
	cure := fmt.Sprintf("on the machine of sdnd: dig @%s . SOA; see to the route and the firewalls in between, or give other servers: sdnctl network set %s --dns-upstream ADDRESS", first, f.Name)
	if len(silent) == len(f.Upstream) {
		l.add(UpstreamsUnreachable, "none of its upstream name servers answers sdnd: "+strings.Join(silent, ", ")+"; ports get no answer for names outside", cure)
		return
	}
	l.add(UpstreamUnreachable, "upstream name servers do not answer sdnd: "+strings.Join(silent, ", ")+"; the others are asked instead", cure)
}

// overfull adds the condition that multicast does not reach all.
func overfull(l *list, f NetworkFacts) {
	if n := len(f.Overfull); n > 0 {
		nodes := TunnelNodes{f.Overfull, n}
		l.add(MulticastIncomplete,
			fmt.Sprintf("it has more ports, and other nodes with ports, than the %d that get what is sent to groups on %s", f.MaxMembers, nodes.text()),
			fmt.Sprintf("move ports into further networks, or: sdnctl network set %s --multicast off", f.Name))
	}
}

// groupsFull adds the condition that reports of further groups count for nothing.
func groupsFull(l *list, f NetworkFacts) {
	var what []string
	if n := len(f.FullPorts); n > 0 {
		ports := strings.Join(f.FullPorts[:min(n, maxNamed)], ", ")
		if n > maxNamed {
			ports += fmt.Sprintf(" and %d more", n-maxNamed)
		}
		what = append(what, fmt.Sprintf("of ports that have joined %d (%s)", f.MaxPortGroups, ports))
	}
	if f.GroupsFull {
		what = append(what, fmt.Sprintf("of the network, of which %d have members", f.MaxGroups))
	}
	if f.JoinsFull {
		what = append(what, fmt.Sprintf("of all networks, whose ports have joined %d times", f.MaxJoins))
	}
	if len(what) == 0 {
		return
	}
	l.add(MulticastGroupsFull,
		"there is no room for further multicast groups "+strings.Join(what, ", nor ")+"; who joins others gets nothing of them",
		fmt.Sprintf("sdnctl multicast %s lists who has joined what: stop the programs that join so many, or send all groups to all ports: sdnctl network set %s --multicast flood", f.Name, f.Name))
}
