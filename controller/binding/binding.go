// Package binding finds out which interface of which node is which port.
//
// Two sources tell: OpenFlow says which interfaces a node's br-int has and
// under which numbers, OVSDB says which identity each interface carries. A port
// is bound to an interface when br-int has it and either
//
//   - the port names the interface (spec.interface), or
//   - the interface's external_ids carry the port's interface id: iface-id, as
//     OVN, libvirt and Neutron set it, or container_id (alone, or with
//     "/"container_iface), as ovs-docker does.
//
// When several interfaces claim one port, the one that came last has it: that
// is how a port moves. Nothing here does I/O or knows the time.
package binding

import (
	"cmp"
	"slices"

	"github.com/sdnctl/sdnctl/topology"
)

// Interface is what OVSDB says of an interface of br-int.
type Interface struct {
	Name string
	// IfaceID, ContainerID and ContainerIface are the external_ids iface-id,
	// container_id and container_iface; "" when not set.
	IfaceID, ContainerID, ContainerIface string
}

// ids returns the interface ids under which the interface can be claimed.
func (i Interface) ids() []string {
	switch {
	case i.IfaceID != "":
		return []string{i.IfaceID}
	case i.ContainerID != "" && i.ContainerIface != "":
		return []string{i.ContainerID + "/" + i.ContainerIface, i.ContainerID}
	case i.ContainerID != "":
		return []string{i.ContainerID}
	}
	return nil
}

// Place is where a port is bound.
type Place struct {
	Node      string
	Interface string
	// OFPort is the interface's OpenFlow number on br-int; 0 while unknown: the
	// port was there before a restart, and its node has not connected since.
	OFPort uint32
}

// Change says that a port's place changed; the zero Place means nowhere.
type Change struct {
	Port          string
	Before, After Place
}

// Table knows all interfaces of all nodes, and from them the ports' places. It
// is not safe for concurrent use.
type Table struct {
	nodes  map[string]*node
	claims map[string][]where // by interface id; mostly one, so no map
	placed map[string]Place   // by port
	clock  uint64             // orders the appearance of interfaces
}

// where names an interface.
type where struct{ node, iface string }

type node struct {
	ports map[string]ofport    // by interface name: what OpenFlow says
	ids   map[string]Interface // by interface name: what OVSDB says
	// seen is whether OpenFlow, told whether OVSDB has spoken since the start.
	// Until then what was remembered from before counts as said.
	seen, told bool
}

type ofport struct {
	number uint32
	since  uint64
}

// NewTable returns a table that knows no interface.
func NewTable() *Table {
	return &Table{nodes: map[string]*node{}, claims: map[string][]where{}, placed: map[string]Place{}}
}

// Remember puts a port where it was before a restart. It stays there until its
// node says otherwise, so that a restart changes no flow.
func (t *Table) Remember(topo *topology.Snapshot, port, nodeName, iface string) []Change {
	p, ok := topo.Port(port)
	if !ok {
		return nil
	}
	n := t.node(nodeName)
	if _, known := n.ids[iface]; !known && !n.told {
		t.setIDs(nodeName, n, Interface{Name: iface, IfaceID: p.BindingID()})
	}
	before := t.placed[port]
	t.placed[port] = Place{Node: nodeName, Interface: iface}
	if before == t.placed[port] {
		return nil
	}
	return []Change{{port, before, t.placed[port]}}
}

// SetPorts replaces all that OpenFlow says of a node's interfaces: their
// numbers by name.
func (t *Table) SetPorts(topo *topology.Snapshot, nodeName string, numbers map[string]uint32) []Change {
	n := t.node(nodeName)
	n.seen = true
	touched := map[string]bool{}
	for name := range n.ports {
		if _, still := numbers[name]; !still {
			touched[name] = true
		}
	}
	for name, number := range numbers {
		if n.ports[name].number != number {
			touched[name] = true
		}
	}
	for name := range touched {
		t.setPort(n, name, numbers[name])
	}
	// Places remembered from before a restart have no number yet.
	for name := range n.ids {
		touched[name] = true
	}
	return t.resolve(topo, nodeName, touched)
}

// SetPort tells one interface's number; 0 means that br-int has it no more.
func (t *Table) SetPort(topo *topology.Snapshot, nodeName, iface string, number uint32) []Change {
	n := t.node(nodeName)
	n.seen = true
	t.setPort(n, iface, number)
	return t.resolve(topo, nodeName, map[string]bool{iface: true})
}

func (t *Table) setPort(n *node, iface string, number uint32) {
	if number == 0 {
		delete(n.ports, iface)
		return
	}
	since := n.ports[iface].since
	if since == 0 {
		t.clock++
		since = t.clock
	}
	n.ports[iface] = ofport{number, since}
}

// SetInterfaces replaces all that OVSDB says of a node's interfaces.
func (t *Table) SetInterfaces(topo *topology.Snapshot, nodeName string, ifaces []Interface) []Change {
	n := t.node(nodeName)
	n.told = true
	now := map[string]Interface{}
	for _, i := range ifaces {
		now[i.Name] = i
	}
	touched := map[string]bool{}
	ports := map[string]bool{}
	for name, was := range n.ids {
		if now[name] != was {
			touched[name] = true
			t.portsOf(topo, nodeName, name, ports)
			t.dropIDs(nodeName, n, name)
		}
	}
	for name, is := range now {
		if n.ids[name] != is {
			touched[name] = true
			t.setIDs(nodeName, n, is)
			// A new identity is a new claim, also on an interface that was there.
			if p, ok := n.ports[name]; ok {
				t.clock++
				n.ports[name] = ofport{p.number, t.clock}
			}
		}
	}
	for name := range touched {
		t.portsOf(topo, nodeName, name, ports)
	}
	return t.resolvePorts(topo, ports)
}

// PortsChanged tells that ports were declared, changed or deleted.
func (t *Table) PortsChanged(topo *topology.Snapshot, ports []string) []Change {
	set := make(map[string]bool, len(ports))
	for _, p := range ports {
		set[p] = true
	}
	return t.resolvePorts(topo, set)
}

// ForgetNode drops all that is known of a node's interfaces.
func (t *Table) ForgetNode(topo *topology.Snapshot, nodeName string) []Change {
	n, ok := t.nodes[nodeName]
	if !ok {
		return nil
	}
	ports := map[string]bool{}
	for _, names := range []map[string]bool{keys(n.ports), keys(n.ids)} {
		for name := range names {
			t.portsOf(topo, nodeName, name, ports)
		}
	}
	for name := range n.ids {
		t.dropIDs(nodeName, n, name)
	}
	delete(t.nodes, nodeName)
	return t.resolvePorts(topo, ports)
}

// Place returns where the port is bound.
func (t *Table) Place(port string) Place { return t.placed[port] }

// Why says why a port is not bound although an interface claims it, or "".
func (t *Table) Why(p *topology.Port) string {
	if t.placed[p.Name].OFPort != 0 {
		return ""
	}
	for _, w := range t.claimants(p) {
		if p.Spec.Node != "" && w.node != p.Spec.Node {
			return "its interface " + w.iface + " is on node " + w.node + ", but the port is pinned to node " + p.Spec.Node
		}
		if _, ok := t.nodes[w.node].ports[w.iface]; !ok {
			return "its interface " + w.iface + " on node " + w.node + " is not on br-int"
		}
	}
	if p.Spec.Interface != "" {
		return "node " + p.Spec.Node + " has no interface " + p.Spec.Interface + " on br-int"
	}
	return "no interface on br-int has external_ids:iface-id=" + p.BindingID()
}

func (t *Table) node(name string) *node {
	n, ok := t.nodes[name]
	if !ok {
		n = &node{ports: map[string]ofport{}, ids: map[string]Interface{}}
		t.nodes[name] = n
	}
	return n
}

func (t *Table) setIDs(nodeName string, n *node, i Interface) {
	n.ids[i.Name] = i
	for _, id := range i.ids() {
		if w := (where{nodeName, i.Name}); !slices.Contains(t.claims[id], w) {
			t.claims[id] = append(t.claims[id], w)
		}
	}
}

func (t *Table) dropIDs(nodeName string, n *node, iface string) {
	for _, id := range n.ids[iface].ids() {
		w := where{nodeName, iface}
		t.claims[id] = slices.DeleteFunc(t.claims[id], func(c where) bool { return c == w })
		if len(t.claims[id]) == 0 {
			delete(t.claims, id)
		}
	}
	delete(n.ids, iface)
}

// portsOf adds to set the ports that the interface may be.
func (t *Table) portsOf(topo *topology.Snapshot, nodeName, iface string, set map[string]bool) {
	if p, ok := topo.PortByInterface(nodeName, iface); ok {
		set[p.Name] = true
	}
	if n, ok := t.nodes[nodeName]; ok {
		for _, id := range n.ids[iface].ids() {
			if p, ok := topo.PortByBindingID(id); ok {
				set[p.Name] = true
			}
		}
	}
}

func (t *Table) resolve(topo *topology.Snapshot, nodeName string, ifaces map[string]bool) []Change {
	ports := map[string]bool{}
	for name := range ifaces {
		t.portsOf(topo, nodeName, name, ports)
	}
	return t.resolvePorts(topo, ports)
}

// resolvePorts finds the ports' places anew and returns what changed, sorted by
// port.
func (t *Table) resolvePorts(topo *topology.Snapshot, ports map[string]bool) []Change {
	var changes []Change
	for name := range ports {
		before := t.placed[name]
		var after Place
		if p, ok := topo.Port(name); ok {
			after = t.find(p)
		}
		if before == after {
			continue
		}
		if after == (Place{}) {
			delete(t.placed, name)
		} else {
			t.placed[name] = after
		}
		changes = append(changes, Change{name, before, after})
	}
	slices.SortFunc(changes, func(a, b Change) int { return cmp.Compare(a.Port, b.Port) })
	return changes
}

// claimants returns the interfaces that say they are the port, sorted.
func (t *Table) claimants(p *topology.Port) []where {
	if p.Spec.Interface != "" {
		if _, ok := t.nodes[p.Spec.Node]; !ok {
			return nil
		}
		return []where{{p.Spec.Node, p.Spec.Interface}}
	}
	ws := slices.Clone(t.claims[p.BindingID()])
	slices.SortFunc(ws, func(a, b where) int {
		return cmp.Or(cmp.Compare(a.node, b.node), cmp.Compare(a.iface, b.iface))
	})
	return ws
}

// find returns the port's place: the claimant on br-int that came last, or
// where it was remembered to be while its node has not connected.
func (t *Table) find(p *topology.Port) Place {
	var best Place
	var since uint64
	for _, w := range t.claimants(p) {
		if p.Spec.Node != "" && w.node != p.Spec.Node {
			continue
		}
		o, ok := t.nodes[w.node].ports[w.iface]
		switch {
		case ok && o.since > since:
			best, since = Place{w.node, w.iface, o.number}, o.since
		case !ok && since == 0 && !t.nodes[w.node].seen && t.placed[p.Name].Node == w.node:
			best = Place{w.node, w.iface, 0}
		}
	}
	return best
}

func keys[V any](m map[string]V) map[string]bool {
	set := make(map[string]bool, len(m))
	for k := range m {
		set[k] = true
	}
	return set
}
