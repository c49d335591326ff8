// Package binding determines which interface of which node belongs to which port.
//
// It combines two sources. OpenFlow says which ports a node's br-int has, by number
// and by the first 15 bytes of their interfaces' names. OVSDB says which identity
// each interface carries, and its number. They are matched by the number, or by the
// name if no two interfaces of the node begin with the same 15 bytes. A port
// is bound to an interface when br-int has it and either
//
//   - the port names the interface (spec.interface), or
//   - the interface's external_ids carry the port's interface id: iface-id, as
//     OVN, libvirt and Neutron set it, or container_id + "/" + container_iface,
//     or container_id alone, as ovs-docker sets them.
//
// # Claims
//
// An interface that carries a port's interface id claims the port. An interface
// with iface-status=inactive claims nothing. An interface of a container claims
// the port of container_id alone only while no port has the id of just that
// interface; of several such interfaces on one node the oldest claims it.
//
// A port that is pinned to a node (spec.node) takes claims of that node only.
// When several interfaces claim one port, the one that appeared last has it:
// so an unpinned port moves. The interfaces in a node's first report after a start
// have no order: then the port stays where it is, and a port that is not bound yet
// goes to the first by node and name.
//
// Nothing here does I/O or knows the time.
package binding

import (
	"iter"
	"slices"
	"strings"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// Local is the port number of a bridge's own interface: OFPP_LOCAL (OpenFlow 1.3.5, 7.2.1).
const Local uint32 = 0xfffffffe

// maxName is the longest interface name in OpenFlow, in bytes; longer ones are cut
// off: OFP_MAX_PORT_NAME_LEN without the NUL (OpenFlow 1.3.5, 7.2.1).
const maxName = 15

// Interface is OVSDB's report of an interface of br-int.
type Interface struct {
	Name string
	// OFPort is its OpenFlow port number; 0 while OVSDB reports none.
	OFPort uint32
	// IfaceID, ContainerID and ContainerIface are the external_ids iface-id,
	// container_id and container_iface; "" when not set.
	IfaceID, ContainerID, ContainerIface string
	// Inactive says that external_ids:iface-status is "inactive": another
	// interface is in use for the same identity (ovs-vswitchd.conf.db(5)).
	Inactive bool
}

// IDs returns the interface ids under which the interface can be claimed.
func (i Interface) IDs() []string { return i.ids() }

// ids returns the interface ids under which the interface can be claimed.
func (i Interface) ids() []string {
	switch {
	case i.IfaceID != "":
		return []string{i.IfaceID}
	case i.ContainerID != "" && i.ContainerIface != "":
		return []string{i.containerPort(), i.ContainerID}
	case i.ContainerID != "":
		return []string{i.ContainerID}
	}
	return nil
}

// containerPort returns the interface id of this one interface of its container.
func (i Interface) containerPort() string { return i.ContainerID + "/" + i.ContainerIface }

// Place is where a port is bound.
type Place struct {
	Node      string
	Interface string
	// OFPort is the interface's OpenFlow port number on br-int. It is 0 while unknown: the port
	// was there before a restart, and its node has not connected since.
	OFPort uint32
}

// Change says that a port's place changed; the zero Place means nowhere.
type Change struct {
	Port          string
	Before, After Place
}

// Outcome is what a report or a change of the topology changes.
type Outcome struct {
	// Changes are the ports whose place has changed, sorted by port.
	Changes []Change
	// Examined are the ports whose place or claims may have changed, in no order.
	Examined []string
}

// Table holds all interfaces of all nodes, and derives the ports' places from them. It is not
// safe for concurrent use.
type Table struct {
	// bridge is the name of the bridge on every node, for messages about why a
	// port is not bound.
	bridge string
	// reserved are the names of the tunnel's and the uplink's interfaces. They never belong to
	// a port. Neither do those that begin with model.BridgeUplinkPrefix.
	reserved []string
	nodes    map[string]*node
	claims   map[string][]*iface // by interface id; mostly one, so no map
	placed   map[string]Place    // by port
	// numbers has, by port, the remembered OpenFlow port number of ports that name their
	// interface.
	numbers map[string]uint32
	// clock orders the appearance of interfaces.
	clock uint64
	// returned is set by NodesReturned.
	returned bool
}

// NewTable returns a table without interfaces. bridge is the name of the integration bridge on
// every node. Interfaces with reserved names (the tunnel and the uplink) never belong to a
// port.
func NewTable(bridge string, reserved ...string) *Table {
	return &Table{
		bridge: bridge, reserved: reserved,
		nodes: map[string]*node{}, claims: map[string][]*iface{}, placed: map[string]Place{},
		numbers: map[string]uint32{},
	}
}

func (t *Table) isReserved(iface string) bool {
	return slices.Contains(t.reserved, iface) || strings.HasPrefix(iface, model.BridgeUplinkPrefix)
}

// Remember gives a port the place that it had before a restart. The port keeps it
// until its node reports something else, so that a restart changes no flow. Until
// OVSDB reports, the place's number distinguishes two interfaces whose names begin
// with the same 15 bytes; it may be 0.
func (t *Table) Remember(topo *topology.Snapshot, port string, at Place) Outcome {
	p, ok := topo.Port(port)
	if !ok {
		return Outcome{}
	}
	n := t.node(at.Node)
	if p.Spec.Interface != "" {
		t.numbers[port] = at.OFPort
	} else if _, known := n.ifaces[at.Interface]; !known && !n.ovsdbSeen {
		t.addIface(n, Interface{Name: at.Interface, OFPort: at.OFPort, IfaceID: p.BindingID()})
	}
	before := t.placed[port]
	after := Place{Node: at.Node, Interface: at.Interface}
	t.placed[port] = after
	t.occupy(port, before, after)
	out := Outcome{Examined: []string{port}}
	if before != after {
		out.Changes = []Change{{port, before, after}}
	}
	return out
}

// SetPorts replaces OpenFlow's report of a node's ports: their interfaces' names,
// of at most 15 bytes, by number.
func (t *Table) SetPorts(topo *topology.Snapshot, nodeName string, names map[uint32]string) Outcome {
	u := t.begin(topo, nodeName)
	first := !u.n.openflowSeen
	u.n.openflowSeen = true
	for number := range u.n.ports {
		if _, still := names[number]; !still {
			u.setPort(number, "")
		}
	}
	for number, name := range names {
		u.setPort(number, name)
	}
	if first {
		// Places remembered from before a restart have no number yet.
		for _, i := range u.n.ifaces {
			u.join(i)
			u.mayBe(i)
		}
		for p := range topo.PortsOnNode(nodeName) {
			if p.Spec.Interface != "" {
				u.ports[p.Name] = true
			}
		}
	}
	return u.end()
}

// SetPort sets the name of one port; "" means that br-int no longer has it.
func (t *Table) SetPort(topo *topology.Snapshot, nodeName string, number uint32, name string) Outcome {
	u := t.begin(topo, nodeName)
	u.setPort(number, name)
	return u.end()
}

// SetInterfaces replaces OVSDB's report of a node's interfaces.
func (t *Table) SetInterfaces(topo *topology.Snapshot, nodeName string, ifaces []Interface) Outcome {
	u := t.begin(topo, nodeName)
	u.n.ovsdbSeen = true
	now := make(map[string]Interface, len(ifaces))
	for _, i := range ifaces {
		now[i.Name] = i
	}
	for name, was := range u.n.ifaces {
		if _, still := now[name]; !still {
			u.join(was)
			u.mayBe(was)
			t.dropIface(u.n, was)
		}
	}
	for name, is := range now {
		i, known := u.n.ifaces[name]
		switch {
		case !known:
			i = t.addIface(u.n, is)
		case i.Interface == is:
			continue
		default:
			u.mayBe(i) // what it claimed until now
			// A new identity is a new claim, also of an interface that was there.
			i.new = i.new || !i.sameClaim(is)
			t.setIface(i, is)
		}
		u.join(i)
		u.mayBe(i)
	}
	return u.end()
}

// PortsChanged processes that ports were declared, changed or deleted.
func (t *Table) PortsChanged(before, after *topology.Snapshot, ports []string) Outcome {
	set := make(map[string]bool, len(ports))
	for _, name := range ports {
		set[name] = true
		// Ports that name single interfaces of a container decide whether such an interface can
		// be the port of the whole container.
		for _, topo := range []*topology.Snapshot{before, after} {
			if p, ok := topo.Port(name); ok {
				if q, ok := after.PortByBindingID(containerOf(p.BindingID())); ok {
					set[q.Name] = true
				}
			}
		}
	}
	return t.resolve(after, set)
}

// NodesReturned processes the end of the time that nodes have to come back after a start.
// Places that are still only remembered then lose to claims on other nodes.
func (t *Table) NodesReturned(topo *topology.Snapshot) Outcome {
	t.returned = true
	set := map[string]bool{}
	for name, at := range t.placed {
		if at.OFPort == 0 {
			set[name] = true
		}
	}
	return t.resolve(topo, set)
}

// ForgetNode removes a node and all its interfaces.
func (t *Table) ForgetNode(topo *topology.Snapshot, nodeName string) Outcome {
	if _, ok := t.nodes[nodeName]; !ok {
		return Outcome{}
	}
	u := t.begin(topo, nodeName)
	for number := range u.n.ports {
		u.setPort(number, "")
	}
	for _, i := range u.n.ifaces {
		u.mayBe(i)
		t.dropIface(u.n, i)
	}
	u.n.openflowSeen = true // the remembered places no longer count as reported
	out := u.end()
	delete(t.nodes, nodeName)
	return out
}

// Place returns where the port is bound.
func (t *Table) Place(port string) Place { return t.placed[port] }

// PortsAt returns the ports that are bound to the interface of a node with an OpenFlow port
// number, in no order. The caller must not change them.
func (t *Table) PortsAt(nodeName string, number uint32) []string {
	if n, ok := t.nodes[nodeName]; ok {
		return n.occupied[number]
	}
	return nil
}

// PortsOn yields the ports that are bound on a node, and the OpenFlow port numbers of their
// interfaces, in no order.
func (t *Table) PortsOn(nodeName string) iter.Seq2[string, uint32] {
	return func(yield func(string, uint32) bool) {
		n, ok := t.nodes[nodeName]
		if !ok {
			return
		}
		for number, ports := range n.occupied {
			for _, port := range ports {
				if !yield(port, number) {
					return
				}
			}
		}
	}
}

// occupy notes that a port's place has changed.
func (t *Table) occupy(port string, before, after Place) {
	if before.OFPort != 0 {
		without(t.node(before.Node).occupied, before.OFPort, port)
	}
	if after.OFPort != 0 {
		in := t.node(after.Node).occupied
		in[after.OFPort] = append(in[after.OFPort], port)
	}
}
