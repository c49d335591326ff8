package facts

import (
	"maps"
	"sync"

	"github.com/sdnctl/sdnctl/controller/ovsdb"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// Table holds the reported state of bridges and their interfaces, by datapath id, and the MTU
// of nodes' underlays. Make it with New. It is safe for concurrent use. The interfaces that it
// returns must not be modified.
type Table struct {
	mu      sync.Mutex // guards what follows
	bridges map[topology.DatapathID]*bridge
	// underlay is the MTU of the underlay of nodes where it is known, in bytes.
	underlay map[string]int
}

// New returns an empty Table.
func New() *Table {
	return &Table{bridges: map[topology.DatapathID]*bridge{}, underlay: map[string]int{}}
}

// of returns the facts of a bridge, to be read or filled in; the caller holds the lock.
func (t *Table) of(id topology.DatapathID) *bridge {
	b, ok := t.bridges[id]
	if !ok {
		b = &bridge{links: Links{}, numbered: map[openflow.PortNo]*ovsdb.Interface{}}
		t.bridges[id] = b
	}
	return b
}

// Connected sets the name of a bridge and the state of its ports, as its switch reports them on
// connecting.
func (t *Table) Connected(id topology.DatapathID, bridge string, links Links) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.of(id)
	b.name, b.links = bridge, maps.Clone(links)
}

// UpdateLink sets the state of a port.
func (t *Table) UpdateLink(id topology.DatapathID, n openflow.PortNo, l Link) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.of(id).links.Set(n, l)
}

// UpdateInterfaces replaces the interfaces of a bridge by those that OVSDB reports, sorted by
// name, and returns those that differ: as they were, and as they are. An interface that has not
// changed must be the same pointer as before.
func (t *Table) UpdateInterfaces(id topology.DatapathID, now []*ovsdb.Interface) (differ []*ovsdb.Interface) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.of(id)
	was := b.ifaces
	b.ifaces = now
	var gone, came []*ovsdb.Interface
	for len(was) > 0 || len(now) > 0 {
		switch {
		case len(was) > 0 && len(now) > 0 && was[0] == now[0]:
			was, now = was[1:], now[1:]
		case len(now) == 0 || len(was) > 0 && was[0].Name <= now[0].Name:
			gone, was = append(gone, was[0]), was[1:]
		default:
			came, now = append(came, now[0]), now[1:]
		}
	}
	for _, i := range gone {
		if n := openflow.PortNo(numberOf(i.OFPort)); b.numbered[n] == i {
			delete(b.numbered, n)
		}
	}
	for _, i := range came {
		if n := openflow.PortNo(numberOf(i.OFPort)); n != 0 {
			b.numbered[n] = i
		}
	}
	return append(gone, came...)
}

// UpdateBridge sets the settings of a bridge, as OVSDB reports them.
func (t *Table) UpdateBridge(id topology.DatapathID, bridge ovsdb.Bridge) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.of(id).bridge = &bridge
}

// OVSDBDisconnected drops what OVSDB reported of a bridge, which may be outdated from now on.
func (t *Table) OVSDBDisconnected(id topology.DatapathID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.of(id)
	b.bridge, b.ifaces = nil, nil
	clear(b.numbered)
}

// Forget drops a bridge.
func (t *Table) Forget(id topology.DatapathID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.bridges, id)
}

// SetUnderlay sets the MTU of a node's underlay in bytes, 0 for unknown, and reports whether
// that is a change.
func (t *Table) SetUnderlay(node string, mtu int) (changed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	changed = t.underlay[node] != mtu
	if t.underlay[node] = mtu; mtu == 0 {
		delete(t.underlay, node)
	}
	return changed
}

// Underlay returns the MTU of a node's underlay in bytes, 0 while it is unknown.
func (t *Table) Underlay(node string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.underlay[node]
}

// Interface returns the interface of a bridge with a name, nil if OVSDB has reported none.
func (t *Table) Interface(id topology.DatapathID, name string) *ovsdb.Interface {
	t.mu.Lock()
	defer t.mu.Unlock()
	if b, ok := t.bridges[id]; ok {
		return b.iface(name)
	}
	return nil
}

// Candidates returns the interfaces that the port of a bridge with an OpenFlow number and name
// may be.
func (t *Table) Candidates(id topology.DatapathID, number openflow.PortNo, name string) []*ovsdb.Interface {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.of(id).candidates(number, name)
}

// Port returns what is known of a port of a bridge by its OpenFlow number: the name of the
// bridge, the state of the port, and its interface in OVSDB, nil while that is unknown. known
// is false if nothing is known of the bridge.
func (t *Table) Port(id topology.DatapathID, number openflow.PortNo) (bridge string, l Link, i *ovsdb.Interface, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b, ok := t.bridges[id]
	if !ok {
		return "", Link{}, nil, false
	}
	return b.name, b.links[number], b.numbered[number], true
}
