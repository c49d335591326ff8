package reconcile

import (
	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/topology"
)

// assessUnmatched records which interfaces of a node claim a port that does not exist. While
// OVSDB is not connected there are none.
func (d *dispatcher) assessUnmatched(n *node) {
	var s condition.Unmatched
	if _, known := d.reported[n.dpid]; known && d.acceptsOVSDB(n.dpid, n) {
		d.bindMu.Lock()
		all := d.bind.Unmatched(d.view.Topo, n.name)
		d.bindMu.Unlock()
		s.Total = len(all)
		for _, i := range all[:min(len(all), condition.MaxUnmatched)] {
			s.First = append(s.First, condition.UnmatchedInterface{Interface: i.Name, ID: i.IDs()[0], ByContainer: i.IfaceID == ""})
		}
	}
	d.f.board.UpdateUnmatched(n.name, s)
}

// assessUnmatchedOf calls assessUnmatched for the nodes with an interface that claims a port
// that a commit creates, changes or deletes.
func (d *dispatcher) assessUnmatchedOf(changes []topology.Change) {
	nodes := map[string]bool{}
	d.bindMu.Lock()
	for _, c := range changes {
		for _, o := range []topology.Object{c.Before, c.After} {
			p, ok := o.(*topology.Port)
			if !ok {
				continue
			}
			for _, node := range d.bind.Claimants(p.BindingID()) {
				nodes[node] = true
			}
			if p.Spec.Interface != "" {
				nodes[p.Spec.Node] = true
			}
		}
	}
	d.bindMu.Unlock()
	for name := range nodes {
		if n, ok := d.nodes[name]; ok {
			d.assessUnmatched(n)
		}
	}
}
