package reconcile

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/controller/binding"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/controller/workqueue"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

// committed: the store has a new revision.
type committed struct{ store.Commit }

func (c committed) happen(d *dispatcher) {
	var ports []string
	for _, ch := range c.Changes {
		if ch.Ref.Kind == topology.KindPort {
			ports = append(ports, ch.Ref.Name)
		}
	}
	d.bindMu.Lock()
	bound := d.bind.PortsChanged(d.view.Topo, c.After, ports)
	d.bindMu.Unlock()
	places := placeChanges(bound.Changes)
	for _, ch := range c.Changes {
		if n, ok := ch.After.(*topology.Node); ok && ch.Before == nil {
			d.declare(n)
		}
	}
	d.advance(pipeline.Update{Topo: c.After, Changes: c.Changes, Blocks: c.Blocks, Identities: c.Identities, Numberings: c.Numberings, Identified: c.Identified, Places: places, Links: d.linksOf(places)})
	d.recordPlaces(places)
	d.assessChanges(c.Changes, bound.Examined)
	for _, ch := range c.Changes {
		if ch.Ref.Kind == topology.KindNode {
			d.nodeChanged(ch)
			d.assessSource(ch.Ref.Name)
			if n := d.nodes[ch.Ref.Name]; n != nil {
				d.configure(n)
			}
		}
	}
	d.f.board.Reached(c.Revision)
}

// nodeChanged releases a switch whose node was deleted or has another datapath id now, and
// takes a switch out of quarantine that a declared node has now.
func (d *dispatcher) nodeChanged(ch topology.Change) {
	n := d.nodes[ch.Ref.Name]
	after, _ := ch.After.(*topology.Node)
	if after != nil && after.DatapathID == n.dpid {
		d.assignPeer(n.dpid)
		return
	}
	d.disown(n)
	if n.peer != nil {
		n.queue.Wipe(d.view)
		n.peer = nil
		d.f.connect(n.name, nil)
	}
	common := d.commonDstPort()
	d.countDstPort(n.dstPort, -1)
	n.dstPort = nil
	d.updateOthers(common, n)
	d.underlayReported(n.name, 0)
	if !d.hasOVSDB(n.dpid) {
		d.f.facts.Forget(n.dpid)
	}
	d.f.identities.forget(n.dpid)
	d.setLocal(n.name, netip.Addr{}, 0) // it was the other switch's
	if after == nil {
		d.places(func(t *binding.Table) binding.Outcome { return t.ForgetNode(d.view.Topo, n.name) }, pipeline.Update{})
		delete(d.nodes, n.name)
		delete(d.readdress, n.name)
		d.f.board.Remove(n.name)
		d.identify(n.dpid)
		return
	}
	d.declare(after)
	d.f.board.Update(n.name, func(s *status.Node) { s.Connected, s.Since = false, d.f.cfg.Now() })
	d.assignPeer(after.DatapathID)
}

// declare adds a declared node.
func (d *dispatcher) declare(n *topology.Node) *node {
	m := &node{name: n.Name, dpid: n.DatapathID, queue: workqueue.New()}
	d.nodes[n.Name] = m
	m.queue.Compare(d.view)
	d.f.board.Set(n.Name, n.DatapathID, m.queue)
	return m
}
