package reconcile

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

// local returns the address that a bridge's tunnel port sends from, as OVSDB shows
// it; the zero Addr if that is not fixed. Of a bridge that has no tunnel port, and
// so sends nothing, nothing is known.
func (f *facts) local(id topology.DatapathID) (local netip.Addr, known bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b, ok := f.bridges[id]
	if !ok {
		return netip.Addr{}, false
	}
	i := b.iface(pipeline.TunnelPort)
	if i != nil && i.Tunnel != nil {
		local, _ = netip.ParseAddr(i.Tunnel.LocalIP) // what is no address is none
	}
	return local, i != nil
}

// localShown takes what OVSDB shows of the address that a node's tunnel port sends
// from. While it shows nothing, as without a connection, the last is believed.
func (d *dispatcher) localShown(n *node) {
	if !d.acceptsOVSDB(n.dpid, n) {
		return
	}
	if local, known := d.f.facts.local(n.dpid); known {
		d.setLocal(n.name, local)
	}
}

// setLocal has the address that a node's tunnel port sends from be known, also
// after a restart.
func (d *dispatcher) setLocal(node string, local netip.Addr) {
	if d.view.Local(node) == local {
		return
	}
	d.f.saver.putLocal(store.Local{Node: node, Addr: local})
	d.advance(pipeline.Update{Locals: []pipeline.LocalChange{{Node: node, After: local}}})
	d.assessSource(node)
}

// remembered returns what was saved of the declared nodes.
func remembered(topo *topology.Snapshot, saved []store.Local) (all []pipeline.LocalChange) {
	for _, l := range saved {
		if _, ok := topo.Node(l.Node); ok {
			all = append(all, pipeline.LocalChange{Node: l.Node, After: l.Addr})
		}
	}
	return all
}

// source is whether what a node sends through the tunnel is checked.
type source struct {
	// local is what its port sends from, declared the node's tunnel address; the
	// zero Addr if there is none.
	local, declared netip.Addr
	// exempt says that others admit what it sends whatever its source.
	exempt bool
}

// assessSource tells the board whether what a node sends is checked.
func (d *dispatcher) assessSource(name string) {
	n, ok := d.view.Topo.Node(name)
	if !ok {
		return
	}
	s := source{d.view.Local(name), n.Spec.TunnelIP, d.view.Exempt(name)}
	d.f.board.update(name, func(st *NodeStatus) { st.source = s })
}
