package binding

import "slices"

// node is what a node's OpenFlow and OVSDB say.
type node struct {
	name string
	// ports are the names that OpenFlow gives, by number, and numbers the other
	// way round.
	ports   map[uint32]string
	numbers numbers
	// ifaces are OVSDB's, or those remembered, by name; alike has those of at
	// least 15 bytes by how they begin.
	ifaces map[string]*iface
	alike  map[string][]*iface
	// seen is whether OpenFlow, told whether OVSDB has spoken since the start.
	// Until then what was remembered from before counts as said.
	openflowSeen, ovsdbSeen bool
}

// iface is an interface of which OVSDB tells.
type iface struct {
	Interface
	node *node
	// number is that of the port of br-int that it is; 0 if br-int has none.
	number uint32
	// since is when it appeared; 0 if nobody saw it appear.
	since uint64
	// new says that it claims another port since the table was last up to date.
	new bool
}

// cut returns what OpenFlow gives of an interface's name.
func cut(name string) string { return name[:min(len(name), maxName)] }

// node returns what is known of a node, which may be nothing yet.
func (t *Table) node(name string) *node {
	n, ok := t.nodes[name]
	if !ok {
		n = &node{
			name:  name,
			ports: map[uint32]string{}, numbers: newNumbers(),
			ifaces: map[string]*iface{}, alike: map[string][]*iface{},
		}
		t.nodes[name] = n
	}
	return n
}

func (t *Table) addIface(n *node, is Interface) *iface {
	i := &iface{node: n}
	n.ifaces[is.Name] = i
	if len(is.Name) >= maxName {
		n.alike[cut(is.Name)] = append(n.alike[cut(is.Name)], i)
	}
	t.setIface(i, is)
	return i
}

// setIface makes an interface say something else.
func (t *Table) setIface(i *iface, is Interface) {
	t.dropClaims(i)
	i.Interface = is
	for _, id := range i.ids() {
		t.claims[id] = append(t.claims[id], i)
	}
}

func (t *Table) dropIface(n *node, i *iface) {
	t.dropClaims(i)
	delete(n.ifaces, i.Name)
	if len(i.Name) >= maxName {
		without(n.alike, cut(i.Name), i)
	}
}

func (t *Table) dropClaims(i *iface) {
	for _, id := range i.ids() {
		without(t.claims, id, i)
	}
}

// without removes v from the values of k, which are in no order.
func without(m map[string][]*iface, k string, v *iface) {
	all := m[k]
	i, last := slices.Index(all, v), len(all)-1
	if last == 0 {
		delete(m, k)
		return
	}
	all[i], all[last] = all[last], nil
	m[k] = all[:last]
}

// sameClaim reports whether an interface that says is claims what i does.
func (i *iface) sameClaim(is Interface) bool {
	return i.Inactive == is.Inactive && slices.Equal(i.ids(), is.ids())
}

// join returns the number of the port of br-int that an interface is, or 0. A
// number may be out of date for a moment in either source, so the name has to
// agree. A name that no other has is enough; and while OVSDB gives no number, as
// after a restart of ovsdb-server, the last one holds.
func (n *node) join(i *iface) uint32 {
	name := cut(i.Name)
	if i.OFPort != 0 && n.ports[i.OFPort] == name {
		return i.OFPort
	}
	if i.OFPort == 0 && i.number != 0 && n.ports[i.number] == name {
		return i.number
	}
	if len(n.alike[name]) > 1 {
		return 0
	}
	return n.numbers.only(name)
}
