package binding

import "github.com/sdnctl/sdnctl/topology"

// update is one report of one node while it is processed.
type update struct {
	t    *Table
	topo *topology.Snapshot
	n    *node
	// seesNew says that both sources had reported before, so that an interface that appears in
	// this update is new.
	seesNew bool
	ifaces  map[*iface]bool // to be matched again
	cuts    map[string]bool // truncated names whose interfaces are all in ifaces
	ports   map[string]bool // to be placed again
}

func (t *Table) begin(topo *topology.Snapshot, nodeName string) *update {
	n := t.node(nodeName)
	return &update{
		t: t, topo: topo, n: n, seesNew: n.openflowSeen && n.ovsdbSeen,
		ifaces: map[*iface]bool{}, cuts: map[string]bool{}, ports: map[string]bool{},
	}
}

// setPort gives a port number a name; "" removes the port.
func (u *update) setPort(number uint32, name string) {
	n, was := u.n, u.n.ports[number]
	if u.t.isReserved(name) {
		name = ""
	}
	if was == name {
		return
	}
	if was != "" {
		delete(n.ports, number)
		n.numbers.drop(was, number)
		u.renumbered(was)
	}
	if name != "" {
		n.ports[number] = name
		n.numbers.add(name, number)
		u.renumbered(name)
	}
}

// renumbered marks everything that may have the given name in OpenFlow.
func (u *update) renumbered(name string) {
	if i, ok := u.n.ifaces[name]; ok {
		u.join(i)
	}
	u.joinAlike(name)
	u.mayBeNamed(name)
}

// join marks an interface to be matched again, and those whose names begin with
// the same 15 bytes, since they decide whether the name is unique.
func (u *update) join(i *iface) {
	u.ifaces[i] = true
	u.joinAlike(cut(i.Name))
}

func (u *update) joinAlike(name string) {
	if u.cuts[name] {
		return
	}
	u.cuts[name] = true
	for _, i := range u.n.alike[name] {
		u.ifaces[i] = true
	}
}

// mayBe marks the ports that an interface may belong to.
func (u *update) mayBe(i *iface) {
	for _, id := range i.ids() {
		if p, ok := u.topo.PortByBindingID(id); ok {
			u.ports[p.Name] = true
		}
	}
	u.mayBeNamed(i.Name)
	u.mayBeNamed(cut(i.Name))
}

func (u *update) mayBeNamed(iface string) {
	if p, ok := u.topo.PortByInterface(u.n.name, iface); ok {
		u.ports[p.Name] = true
	}
}

// end matches the marked interfaces, and finds the places of the marked ports.
func (u *update) end() Outcome {
	now := uint64(0)
	if u.seesNew {
		u.t.clock++
		now = u.t.clock
	}
	for i := range u.ifaces {
		was := i.number
		i.number = u.n.join(i)
		if i.number != 0 && (was == 0 || i.new) {
			i.since = now
		}
		i.new = false
		if i.number != was {
			u.mayBe(i)
		}
	}
	return u.t.resolve(u.topo, u.ports)
}
