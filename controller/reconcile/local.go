package reconcile

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/openflow"
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

// setLocal records the address that a node's tunnel port sends from, and its UDP port.
func (d *dispatcher) setLocal(node string, local netip.Addr, udp uint16) {
	if d.view.Local(node) == local && d.view.TunnelUDP(node) == udp {
		return
	}
	d.advance(pipeline.Update{Locals: []pipeline.LocalChange{{Node: node, After: local, UDP: udp}}})
	d.assessSource(node)
}

// saveLocals saves from where nodes send, and their ports to uplinks, if an update changes them: other nodes
// have flows that depend on these, and a restart has to leave them as they are before all switches have
// reported.
func (d *dispatcher) saveLocals(u pipeline.Update) {
	nodes := map[string]bool{}
	for _, c := range u.Locals {
		nodes[c.Node] = true
	}
	for _, c := range u.Uplinks {
		nodes[c.Node] = true
	}
	for node := range nodes {
		l := store.Local{Node: node, Addr: d.view.Local(node), UDP: d.view.TunnelUDP(node), Uplinks: map[string]uint32{}}
		if out := d.view.Uplink(node); out != 0 {
			l.Uplinks[""] = uint32(out)
		}
		for bridge := range d.view.BridgesOf(node) {
			l.Uplinks[bridge] = uint32(d.view.Bridge(node, bridge))
		}
		d.f.saver.putLocal(l)
	}
}

// remembered returns what was saved of declared nodes.
func remembered(topo *topology.Snapshot, saved []store.Local) (u pipeline.Update) {
	for _, l := range saved {
		if _, ok := topo.Node(l.Node); !ok {
			continue
		}
		if l.Addr.IsValid() || l.UDP != 0 {
			u.Locals = append(u.Locals, pipeline.LocalChange{Node: l.Node, After: l.Addr, UDP: l.UDP})
		}
		for bridge, out := range l.Uplinks {
			u.Uplinks = append(u.Uplinks, pipeline.UplinkChange{Node: l.Node, Bridge: bridge, After: openflow.PortNo(out)})
		}
	}
	return u
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
