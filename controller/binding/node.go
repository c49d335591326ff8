package binding

import "slices"

// node holds what OpenFlow and OVSDB reported of a node.
type node struct {
	name string
	// ports has the names that OpenFlow gave, by number; numbers is the inverse.
	ports   map[uint32]string
	numbers numbers
	// occupied has the ports that are bound, by number; mostly one at each.
	occupied map[uint32][]string
	// ifaces are OVSDB's interfaces, or the remembered ones, by name; alike has
	// those with names of at least 15 bytes by their first 15.
	ifaces map[string]*iface
	alike  map[string][]*iface
	// openflowSeen and ovsdbSeen report whether OpenFlow and OVSDB have reported since the
	// start. Until then the remembered places count as reported.
	openflowSeen, ovsdbSeen bool
}

// iface is an interface in OVSDB.
type iface struct {
	Interface
	node *node
	// number is its OpenFlow port number; 0 if br-int has no port for it.
	number uint32
	// since is the clock when it appeared; 0 if it was in the node's first report.
	since uint64
	// new says that its claim has changed in this update.
	new bool
}

// cut returns an interface's name as OpenFlow gives it: its first 15 bytes.
func cut(name string) string { return name[:min(len(name), maxName)] }

// node returns the node with a name, adding it if necessary.
func (t *Table) node(name string) *node {
	n, ok := t.nodes[name]
	if !ok {
		n = &node{
			name:  name,
			ports: map[uint32]string{}, numbers: newNumbers(), occupied: map[uint32][]string{},
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

// setIface replaces OVSDB's report of an interface.
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
func without[K, V comparable](m map[K][]V, k K, v V) {
	all := m[k]
	i, last := slices.Index(all, v), len(all)-1
	if last == 0 {
		delete(m, k)
		return
	}
	var none V
	all[i], all[last] = all[last], none
	m[k] = all[:last]
}

// sameClaim reports whether an interface reported as is claims what i claims.
func (i *iface) sameClaim(is Interface) bool {
	return i.Inactive == is.Inactive && slices.Equal(i.ids(), is.ids())
}

// join returns an interface's OpenFlow port number on br-int, or 0. Either source may be out of
// date for a moment, so number and name must agree. A unique name is enough. While OVSDB has no
// number, as after a restart of ovsdb-server, the last one counts.
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
