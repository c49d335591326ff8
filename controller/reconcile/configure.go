package reconcile

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/controller/ovsdb"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
)

// desiredOf returns what a node's database should have: the options of the tunnel
// port, of which "sdnctl node join" recorded what was asked for. Without a tunnel
// address, declared or recorded, the address that the tunnel sends from stays as it is.
func desiredOf(node string, tunnelIP netip.Addr, j ovsdb.Joined) ovsdb.Desired {
	options := map[string]string{"remote_ip": "flow", "key": "flow", "dst_port": j.DstPort}
	if j.LocalIP != "" {
		options["local_ip"] = j.LocalIP
	} else if tunnelIP.IsValid() {
		options["local_ip"] = tunnelIP.String()
	}
	return ovsdb.Desired{Node: node, Rows: []ovsdb.DesiredRow{{
		Table: "Interface", Name: pipeline.TunnelPort,
		Strings: map[string]string{"type": "vxlan"}, Pairs: map[string]map[string]string{"options": options},
	}}}
}

// configured is what desiredOf follows from, and what the tunnel port is.
type configured struct {
	tunnelIP netip.Addr
	joined   ovsdb.Joined
	kind     string
	options  ovsdb.Tunnel
}

// ownTunnel returns what is known of the tunnel port of a node's bridge, if it is
// sdnd's to set: "sdnctl node join" has marked it as the node's, and the node may be
// written to.
func (f *facts) ownTunnel(id topology.DatapathID, node string) (c configured, own bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b, ok := f.bridges[id]
	if !ok || b.bridge == nil {
		return c, false
	}
	i := b.iface(pipeline.TunnelPort)
	if !b.owns(i, node) {
		return c, false
	}
	c.joined, c.kind = *i.Joined, i.Type
	if i.Tunnel != nil {
		c.options = *i.Tunnel
	}
	return c, true
}

// owns reports whether an interface of the bridge is sdnd's to set.
func (b *bridgeFacts) owns(i *ovsdb.Interface, node string) bool {
	return i != nil && i.Joined != nil && i.Joined.Node == node && !b.bridge.ReadOnly
}

// speaksFor reports whether who speaks for a node's bridge over OVSDB is the machine
// that has the node's OpenFlow session, by its certificate or its address. Nobody
// else is written to.
func (d *dispatcher) speaksFor(n *node) bool {
	s, ok := d.speakers[n.dpid]
	if !ok || n.peer == nil || !d.hears(n.dpid, n) {
		return false
	}
	a := addrIn(s.remote)
	return s.node == n.name || a.IsValid() && a == n.peer.addr()
}

// configure has a node's database made as desired, if that may have become another
// or the database may: a node that is as before is not asked.
func (d *dispatcher) configure(n *node) {
	now, own := d.f.facts.ownTunnel(n.dpid, n.name)
	s := d.speakers[n.dpid]
	if !own || s.write == nil || !d.speaksFor(n) {
		if delete(d.readdress, n.name); n.configured != nil {
			n.configured = nil
			d.f.board.update(n.name, func(s *NodeStatus) { s.writeError = "" })
		}
		return
	}
	now.tunnelIP = d.tunnelAddr(n)
	if n.configured != nil && *n.configured == now && !d.readdress[n.name] {
		return
	}
	n.configured = &now
	want := desiredOf(n.name, now.tunnelIP, now.joined)
	options := want.Rows[0].Pairs["options"]
	delete(d.readdress, n.name)
	if local, ok := options["local_ip"]; ok && local != now.options.LocalIP && d.f.board.confirming() {
		// The others may not admit packets from there yet. It is looked at again in a
		// moment (timePassed).
		d.readdress[n.name] = true
		delete(options, "local_ip")
	}
	s.write(want)
}

// readdressed has the addresses set that tunnels send from and that had to wait.
func (d *dispatcher) readdressed() {
	for name := range d.readdress {
		if n := d.nodes[name]; n != nil && !d.f.board.confirming() {
			d.configure(n)
		}
	}
}

// confirming reports whether a connected switch has yet to confirm something.
func (b *board) confirming() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range b.pendingNodes.nodes {
		if n.peer != nil {
			return true
		}
	}
	return false
}

// databaseWritten: writing to a node's database succeeded, or failed.
type databaseWritten struct {
	dpid topology.DatapathID
	err  error
}

func (e databaseWritten) happen(d *dispatcher) {
	n := d.nodeOf(e.dpid)
	if n == nil || n.configured == nil { // by now there is nothing of sdnd's in it
		return
	}
	text := ""
	if e.err != nil {
		text = e.err.Error()
	}
	d.f.board.update(n.name, func(s *NodeStatus) { s.writeError = text })
}

// DatabaseWritten is part of ovsdb.Handler.
func (f *Fabric) DatabaseWritten(datapathID uint64, err error) {
	f.tell(databaseWritten{topology.DatapathID(datapathID), err})
}
