package reconcile

import (
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/controller/worker"
)

// dropsRead: a switch has dropped what ports may not send, or what finds no source port.
type dropsRead struct {
	peer *peer
	worker.Dropped
}

func (e dropsRead) happen(d *dispatcher) {
	n := d.nodeOf(e.peer.dpid)
	if n == nil || n.peer != e.peer {
		return
	}
	for _, port := range d.f.drops.Report(d.view, n.name, e.Dropped) {
		d.assessPort(port)
	}
	if len(e.NoSourcePort) > 0 {
		d.assessSourcePorts(n.name)
	}
}

// assessSourcePorts records for whose connections no source port is free on a node.
func (d *dispatcher) assessSourcePorts(node string) {
	facts := d.f.drops.NoSourcePort(d.view.Topo, node)
	d.f.board.Update(node, func(s *status.Node) { s.NoSourcePort = facts })
}
