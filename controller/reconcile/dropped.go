package reconcile

import "github.com/sdnctl/sdnctl/controller/worker"

// dropsRead: a switch has dropped what ports may not send.
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
}
