package reconcile

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

// localReported records the address that a node's tunnel port sends from, as OVSDB reports it.
// While OVSDB is not connected, the last address stays.
func (d *dispatcher) localReported(n *node) {
	if !d.acceptsOVSDB(n.dpid, n) {
		return
	}
	if local, known := d.f.facts.TunnelSource(n.dpid); known {
		d.setLocal(n.name, local)
	}
}

// setLocal records and saves the address that a node's tunnel port sends from.
func (d *dispatcher) setLocal(node string, local netip.Addr) {
	if d.view.Local(node) == local {
		return
	}
	d.f.saver.putLocal(store.Local{Node: node, Addr: local})
	d.advance(pipeline.Update{Locals: []pipeline.LocalChange{{Node: node, After: local}}})
	d.assessSource(node)
}

// remembered returns the saved addresses of declared nodes.
func remembered(topo *topology.Snapshot, saved []store.Local) (all []pipeline.LocalChange) {
	for _, l := range saved {
		if _, ok := topo.Node(l.Node); ok {
			all = append(all, pipeline.LocalChange{Node: l.Node, After: l.Addr})
		}
	}
	return all
}

// assessSource records whether other nodes check the source address of a node's packets.
func (d *dispatcher) assessSource(name string) {
	n, ok := d.view.Topo.Node(name)
	if !ok {
		return
	}
	s := status.Source{Local: d.view.Local(name), Declared: n.Spec.TunnelIP, Exempt: d.view.Exempt(name)}
	d.f.board.Update(name, func(st *status.Node) { st.Source = s })
}
