package reconcile

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

// localReported records the address that a node's tunnel port sends from, and its UDP port, as OVSDB
// reports them. While OVSDB is not connected, the last ones stay.
func (d *dispatcher) localReported(n *node) {
	if !d.acceptsOVSDB(n.dpid, n) {
		return
	}
	if local, udp, known := d.f.facts.TunnelSource(n.dpid); known {
		d.setLocal(n.name, local, udp)
	}
}

// setLocal records and saves the address that a node's tunnel port sends from, and its UDP port.
func (d *dispatcher) setLocal(node string, local netip.Addr, udp uint16) {
	if d.view.Local(node) == local && d.view.TunnelUDP(node) == udp {
		return
	}
	d.f.saver.putLocal(store.Local{Node: node, Addr: local, UDP: udp})
	d.advance(pipeline.Update{Locals: []pipeline.LocalChange{{Node: node, After: local, UDP: udp}}})
	d.assessSource(node)
}

// remembered returns the saved addresses of declared nodes.
func remembered(topo *topology.Snapshot, saved []store.Local) (all []pipeline.LocalChange) {
	for _, l := range saved {
		if _, ok := topo.Node(l.Node); ok {
			all = append(all, pipeline.LocalChange{Node: l.Node, After: l.Addr, UDP: l.UDP})
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
