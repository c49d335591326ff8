package reconcile

import (
	"fmt"
	"slices"
	"time"

	"github.com/sdnctl/sdnctl/controller/binding"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// switchUp: a switch has finished its handshake.
type switchUp struct{ peer *peer }

func (e switchUp) happen(d *dispatcher) {
	p := e.peer
	d.peers[p.dpid] = append(d.peers[p.dpid], p)
	n := d.nodeOf(p.dpid)
	d.refuseOthers(p.dpid, n)
	if n != nil && n.peer != nil && slices.Contains(d.peers[p.dpid], p) {
		d.contest(n, p)
		d.identify(p.dpid)
		return
	}
	d.assignPeer(p.dpid)
}

// switchDown: a session has ended.
type switchDown struct {
	peer   *peer
	reason error
}

func (e switchDown) happen(d *dispatcher) {
	p := e.peer
	d.peers[p.dpid] = slices.DeleteFunc(d.peers[p.dpid], func(q *peer) bool { return q == p })
	if len(d.peers[p.dpid]) == 0 {
		delete(d.peers, p.dpid)
	}
	d.release(p)
	if n := d.nodeOf(p.dpid); n != nil && n.peer == p {
		n.peer = nil
		if d.rank(n, p) > elsewhere {
			n.disconnectedAt = time.Now()
		}
		d.f.connect(n.name, nil)
		d.f.log.Info("node disconnected", "node", n.name, "dpid", p.dpid, "err", e.reason)
		d.f.board.Update(n.name, func(s *status.Node) {
			s.Connected, s.Since, s.Address = false, d.f.cfg.Now(), ""
			s.LastError = fmt.Sprintf("disconnected: %v", e.reason)
		})
		d.assessChecked(n.name)
		n.left = true
		d.absences([]string{n.name})
	}
	d.assignPeer(p.dpid)
}

// assignPeer assigns the likeliest session of a datapath id to its node, if the node has no
// session. Without a node, all sessions of the datapath id stay in quarantine.
func (d *dispatcher) assignPeer(id topology.DatapathID) {
	n := d.nodeOf(id)
	d.refuseOthers(id, n)
	defer d.identify(id)
	if len(d.peers[id]) == 0 {
		return
	}
	if n == nil {
		for _, p := range d.peers[id] {
			d.quarantine(p, "no declared node has this datapath id")
		}
		return
	}
	p, wait := d.candidate(n, d.peers[id])
	if wait > 0 {
		d.assignLater(id, n, wait)
		return
	}
	if n.peer == p {
		return
	}
	if p.claimed {
		return // it was another node's; it reconnects once its flows are deleted
	}
	d.arrived(n, p)
	p.claimed, n.peer = true, p
	// This precedes the status "connected": it is not known yet what the switch has, so the
	// node must not look in sync.
	n.queue.Compare(d.view)
	d.release(p)
	d.f.log.Info("node connected", "node", n.name, "dpid", id, "address", p.sess.RemoteAddr(), "ovs_version", p.sess.Desc().Software)
	d.f.connect(n.name, p)
	d.f.board.Update(n.name, func(s *status.Node) {
		s.Connected, s.Since, s.LastError, s.Fragments = true, d.f.cfg.Now(), "", ""
		s.Address, s.OVSVersion = p.sess.RemoteAddr().String(), p.sess.Desc().Software
		s.ForgetsBackoff = forgetsBackoff(s.OVSVersion)
		_, known := d.reported[id]
		s.OVSDB = known && d.acceptsOVSDB(id, n)
		s.CertificateExpires = p.expires()
	})
	d.f.facts.Connected(id, p.ports[openflow.PortLocal], p.links)
	d.portsKnown(n, p)
	d.updateBridge(n)
	d.localReported(n)
	// Reports of OVSDB that preceded the switch count from the start, so that no flow is
	// removed and added again.
	if ifaces, ok := d.reported[id]; ok && d.acceptsOVSDB(id, n) {
		d.places(func(t *binding.Table) binding.Outcome { return t.SetInterfaces(d.view.Topo, n.name, ifaces) }, pipeline.Update{})
		d.assessUnmatched(n)
		n.queue.Unguard()
	} else {
		n.queue.UnguardAfter(d.f.cfg.OVSDBGrace)
	}
	n.queue.Compare(d.view)
	p.worker.Assign(n.name, n.queue)
	d.absences([]string{n.name})
	d.announce(announced{floating: slices.Collect(d.view.FloatingOn(n.name)), egress: d.egressOn(n.name)})
	d.assessChecked(n.name)
	d.keepBackoff(id)
	if len(d.peers[id]) > 1 {
		p.probe() // another connection exists, so this one may be dead
	}
}

// assignLater assigns a switch at another address after it has waited for the node to return.
func (d *dispatcher) assignLater(id topology.DatapathID, n *node, wait time.Duration) {
	for _, p := range d.peers[id] {
		d.quarantine(p, fmt.Sprintf("node %s was last at %s; a switch at another address gets its place if it does not come back within %v", n.name, n.lastAddr, d.f.cfg.ReturnGrace))
	}
	time.AfterFunc(wait, func() { d.f.post(reclaim{id}) })
}

// reclaim: the time that a switch had to wait for the node's return has passed.
type reclaim struct{ dpid topology.DatapathID }

func (e reclaim) happen(d *dispatcher) {
	if n := d.nodeOf(e.dpid); n != nil && n.peer == nil {
		d.assignPeer(e.dpid)
	}
}
