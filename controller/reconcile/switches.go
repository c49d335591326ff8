package reconcile

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sdnctl/sdnctl/controller/binding"
	"github.com/sdnctl/sdnctl/controller/facts"
	"github.com/sdnctl/sdnctl/controller/ovsdb"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/controller/worker"
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
	}
	d.assignPeer(p.dpid)
}

// nodeOf returns the declared node that has the datapath id, or nil.
func (d *dispatcher) nodeOf(id topology.DatapathID) *node {
	if n, ok := d.view.Topo.NodeByDatapath(id); ok {
		return d.nodes[n.Name]
	}
	return nil
}

// assignPeer assigns the likeliest session of a datapath id to its node, if the node has
// none. Without a node, all sessions of the datapath id stay in quarantine.
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
		return // it was another node's; it will reconnect when its flows are deleted
	}
	d.arrived(n, p)
	p.claimed, n.peer = true, p
	// This comes before the status "connected": what the switch has is not known yet, so the
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
	// Reports of OVSDB that came before the switch count from the start, so that no flow is
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
	d.keepBackoff(id)
	if len(d.peers[id]) > 1 {
		p.probe() // another connection exists, so this one may be dead
	}
}

// portsKnown puts all ports of a node's switch into the table of bindings.
func (d *dispatcher) portsKnown(n *node, p *peer) {
	names := make(map[uint32]string, len(p.ports))
	for number, name := range p.ports {
		names[uint32(number)] = name
	}
	d.places(func(t *binding.Table) binding.Outcome { return t.SetPorts(d.view.Topo, n.name, names) }, d.ownPorts(n, p))
	d.showPorts(n, p)
}

// ownPorts returns the changes of the ports that are the node's own: the tunnel, the uplink
// and that for host access.
func (d *dispatcher) ownPorts(n *node, p *peer) (u pipeline.Update) {
	if before, after := d.view.Tunnel(n.name), p.tunnel; before != after {
		u.Tunnels = []pipeline.TunnelChange{{Node: n.name, Before: before, After: after}}
	}
	if before, after := d.view.Uplink(n.name), p.uplink; before != after {
		u.Uplinks = []pipeline.UplinkChange{{Node: n.name, Before: before, After: after}}
	}
	if before, after := d.view.Host(n.name), p.host; before != after {
		u.Hosts = []pipeline.HostChange{{Node: n.name, Before: before, After: after}}
	}
	return u
}

func (d *dispatcher) showPorts(n *node, p *peer) {
	ports := len(p.ports)
	if _, ok := p.ports[openflow.PortLocal]; ok {
		ports-- // the bridge's own interface
	}
	d.f.board.Update(n.name, func(s *status.Node) { s.Ports, s.TunnelPort = ports, p.tunnel != 0 })
}

// portsPerUnassigned is how many ports count as much as one more switch.
const portsPerUnassigned = 64

// release takes a switch out of quarantine, if it is there.
func (d *dispatcher) release(p *peer) {
	d.f.board.Release(p.sess)
	p.quarantined = ""
	if p.leave != nil {
		p.leave()
		p.leave = nil
	}
}

// quarantine records that a switch gets no flows, and why.
func (d *dispatcher) quarantine(p *peer, reason string) {
	if p.quarantined == reason {
		return
	}
	p.quarantined = reason
	s := status.Switch{
		DatapathID: p.dpid, Address: p.sess.RemoteAddr().String(), OVSVersion: p.sess.Desc().Software,
		Since: d.f.cfg.Now(), Reason: reason,
	}
	if p.leave == nil {
		// A switch with very many ports counts as several.
		p.leave = d.f.unassigned.Acquire(context.Background(), p.sess.RemoteAddr(), 1+len(p.ports)/portsPerUnassigned, func() { p.sess.Close() })
	}
	d.f.warnings.Warn(p.sess.RemoteAddr(), "switch quarantined", "dpid", p.dpid, "reason", reason)
	d.f.board.Quarantine(p.sess, s)
}

// portChanged: a port of a switch came, went or changed.
type portChanged struct {
	peer *peer
	*openflow.PortStatus
}

func (e portChanged) happen(d *dispatcher) {
	defer e.linkChanged(d)
	p, number, name := e.peer, e.Port.No, e.Port.Name
	if e.Reason == openflow.PortDeleted {
		name = ""
	} else if p.ports[number] == "" && len(p.ports) > worker.MaxPorts {
		p.sess.Close() // no real switch has so many
		return
	}
	if !p.setPort(number, name) {
		return
	}
	n := d.nodeOf(p.dpid)
	if n == nil || n.peer != p {
		return
	}
	d.places(func(t *binding.Table) binding.Outcome {
		return t.SetPort(d.view.Topo, n.name, uint32(number), name)
	}, d.ownPorts(n, p))
	d.showPorts(n, p)
	if e.Port.Name == pipeline.TunnelPort {
		d.updateBridge(n)
	}
}

// linkChanged records the state of a port.
func (e portChanged) linkChanged(d *dispatcher) {
	l := facts.LinkOf(&e.Port)
	if e.Reason == openflow.PortDeleted {
		l = facts.Link{}
	}
	if e.peer.ports[e.Port.No] == "" && l != (facts.Link{}) || !e.peer.links.Set(e.Port.No, l) {
		return
	}
	n := d.nodeOf(e.peer.dpid)
	if n == nil || n.peer != e.peer {
		return
	}
	d.f.facts.UpdateLink(n.dpid, e.Port.No, l)
	switch e.Port.No {
	case d.view.Tunnel(n.name):
		d.updateBridge(n)
		return
	case d.view.Uplink(n.name), d.view.Host(n.name):
		networks := map[string]bool{}
		d.throughKernel(n.name, networks)
		for name := range networks {
			d.assessNetwork(name)
		}
		return
	}
	d.assessNumber(n, e.Port.No, e.Port.Name)
}

// interfacesReported: OVSDB has reported the interfaces of a bridge.
type interfacesReported struct {
	dpid   topology.DatapathID
	ifaces []*ovsdb.Interface
}

func (e interfacesReported) happen(d *dispatcher) {
	differ := d.f.facts.UpdateInterfaces(e.dpid, e.ifaces)
	claims := facts.Claims(e.ifaces)
	before, known := d.reported[e.dpid]
	d.reported[e.dpid] = claims
	n := d.nodeOf(e.dpid)
	if n == nil || !d.acceptsOVSDB(e.dpid, n) {
		return
	}
	if !known || !slices.Equal(before, claims) { // otherwise a link went up or down, for example
		d.f.board.Update(n.name, func(s *status.Node) { s.OVSDB = true })
		d.places(func(t *binding.Table) binding.Outcome { return t.SetInterfaces(d.view.Topo, n.name, claims) }, pipeline.Update{})
		n.queue.Unguard()
		d.assessUnmatched(n)
	}
	d.updateBridge(n)
	d.localReported(n)
	for _, i := range differ {
		if i.Name == pipeline.HostPort {
			d.assessHost(n.name)
		}
		d.assessInterface(n, i.Name, i)
	}
}

// ovsdbDisconnected: the connection to a node's OVSDB has ended. Its reports count until the next
// ones.
type ovsdbDisconnected struct{ dpid topology.DatapathID }

func (e ovsdbDisconnected) happen(d *dispatcher) {
	delete(d.reported, e.dpid)
	delete(d.ovsdbConns, e.dpid)
	d.f.facts.OVSDBDisconnected(e.dpid)
	n := d.nodeOf(e.dpid)
	if n == nil {
		d.f.facts.Forget(e.dpid)
		return
	}
	d.f.board.Update(n.name, func(s *status.Node) { s.OVSDB, s.WriteError, s.Lacks, s.MissingRows = false, "", "", "" })
	d.updateBridge(n)
	d.assessUnmatched(n)
}

// OVSDBConnected is part of ovsdb.Handler.
func (f *Fabric) OVSDBConnected(c ovsdb.Conn) {
	f.post(ovsdbConnected{topology.DatapathID(c.DatapathID), ovsdbConn{c.Remote, c.Node, c.Reconfigure, c.Write}})
}

// InterfacesChanged is part of ovsdb.Handler: the interfaces of the bridge with
// the datapath id.
func (f *Fabric) InterfacesChanged(datapathID uint64, ifaces []*ovsdb.Interface) {
	f.post(interfacesReported{topology.DatapathID(datapathID), ifaces})
}

// OVSDBDisconnected is part of ovsdb.Handler.
func (f *Fabric) OVSDBDisconnected(datapathID uint64, reason error) {
	f.log.Info("ovsdb disconnected", "dpid", topology.DatapathID(datapathID), "err", reason)
	f.post(ovsdbDisconnected{topology.DatapathID(datapathID)})
}
