package reconcile

import (
	"errors"
	"net/netip"

	"github.com/sdnctl/sdnctl/controller/ovsdb"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/topology"
)

// desiredOf returns what a node's database should have: the options of the tunnel port. "sdnctl
// node join" recorded what the user asked for. Without a tunnel address, declared or recorded,
// the address that the tunnel sends from stays as it is.
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

// sameMachine reports whether the OVSDB connection of a node's bridge is from the machine that
// has the node's OpenFlow session, judged by its certificate or its address. sdnd writes to no
// other.
func (d *dispatcher) sameMachine(n *node) bool {
	s, ok := d.ovsdbConns[n.dpid]
	if !ok || n.peer == nil || !d.acceptsOVSDB(n.dpid, n) {
		return false
	}
	a := addrIn(s.remote)
	return s.node == n.name || a.IsValid() && a == n.peer.addr()
}

// configure asks for the desired contents of a node's database, if these or the database may
// have changed since it last asked.
func (d *dispatcher) configure(n *node) {
	port, tunnel := d.f.facts.OwnTunnel(n.dpid, n.name)
	now := configured{tunnel: tunnel, port: port}
	rows := d.ownRows(n)
	limits := d.zoneLimits(n)
	s := d.ovsdbConns[n.dpid]
	if !tunnel && rows == nil && limits == nil || s.write == nil || !d.sameMachine(n) {
		if delete(d.readdress, n.name); n.configured != nil {
			n.configured = nil
			d.f.board.Update(n.name, (*status.Node).ForgetDatabase)
		}
		return
	}
	if rows != nil {
		now.rows = ovsdb.SumOf(rows)
	}
	now.tunnelIP, now.zones = d.tunnelAddr(n), zonesText(limits)
	if n.configured != nil && *n.configured == now && !d.readdress[n.name] {
		return
	}
	n.configured = &now
	want := ovsdb.Desired{Node: n.name}
	if tunnel {
		want = desiredOf(n.name, now.tunnelIP, port.Joined)
	}
	want.Own, want.ZoneLimits = rows, limits
	delete(d.readdress, n.name)
	if !tunnel {
		s.write(want)
		return
	}
	options := want.Rows[0].Pairs["options"]
	if local, ok := options["local_ip"]; ok && local != port.Options.LocalIP && d.f.board.Confirming() {
		// The other nodes may not admit packets from that address yet. It is set a moment
		// later (timePassed).
		d.readdress[n.name] = true
		delete(options, "local_ip")
	}
	s.write(want)
}

// ownRows returns the rows of sdnd's own that a node's database should have, possibly none. It
// returns nil if own rows are to be left as they are: sdnd has none, or the node's bridge is
// not marked as the node's.
func (d *dispatcher) ownRows(n *node) []ovsdb.OwnRow {
	if d.f.facts.JoinedNode(n.dpid) != n.name {
		return nil
	}
	rows, looked := d.egressRows(n)
	if d.f.cfg.OwnRows != nil {
		rows, looked = append(rows, d.f.cfg.OwnRows(n.name)...), true
	}
	if !looked {
		return nil
	}
	return append([]ovsdb.OwnRow{}, rows...)
}

// disown removes the rows of sdnd's own from the database of a node that is deleted or given
// another datapath id. If the node is not connected, "sdnctl node leave" does that.
func (d *dispatcher) disown(n *node) {
	rows, limits := d.ownRows(n), d.zoneLimits(n)
	if s := d.ovsdbConns[n.dpid]; s.write != nil && (rows != nil || limits != nil) && d.sameMachine(n) {
		gone := ovsdb.Desired{Node: n.name}
		if rows != nil {
			gone.Own = []ovsdb.OwnRow{}
		}
		if limits != nil {
			gone.ZoneLimits = map[uint16]uint32{}
		}
		s.write(gone)
	}
}

// ownRowsChanged: others may have changed rows of sdnd's own in a node's database.
type ownRowsChanged struct{ dpid topology.DatapathID }

func (e ownRowsChanged) happen(d *dispatcher) {
	if n := d.nodeOf(e.dpid); n != nil && n.configured != nil {
		n.configured.rows = "" // so that it differs
		d.configure(n)
	}
}

// OwnRowsChanged implements ovsdb.Handler.
func (f *Fabric) OwnRowsChanged(datapathID uint64) {
	f.post(ownRowsChanged{topology.DatapathID(datapathID)})
}

// readdressed sets the addresses that tunnels send from and that had to wait.
func (d *dispatcher) readdressed() {
	for name := range d.readdress {
		if n := d.nodes[name]; n != nil && !d.f.board.Confirming() {
			d.configure(n)
		}
	}
}

// databaseWritten: writing to a node's database succeeded, or failed.
type databaseWritten struct {
	dpid topology.DatapathID
	err  error
}

func (e databaseWritten) happen(d *dispatcher) {
	n := d.nodeOf(e.dpid)
	if n == nil || n.configured == nil { // sdnd no longer configures this database
		return
	}
	var failed, lacks, rows string
	var missing *ovsdb.MissingError
	switch {
	case errors.As(e.err, &missing):
		rows = missing.Named()
	case errors.Is(e.err, ovsdb.ErrReadOnly):
		lacks = e.err.Error()
	case e.err != nil:
		failed = e.err.Error()
	}
	d.f.board.Update(n.name, func(s *status.Node) { s.WriteError, s.Lacks, s.MissingRows = failed, lacks, rows })
}

// DatabaseWritten implements ovsdb.Handler.
func (f *Fabric) DatabaseWritten(datapathID uint64, err error) {
	f.post(databaseWritten{topology.DatapathID(datapathID), err})
}
