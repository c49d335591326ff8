package reconcile

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/sdnctl/sdnctl/controller/ovsdb"
	"github.com/sdnctl/sdnctl/topology"
)

// identifyTimeout is how long a connection has to prove who it is.
const identifyTimeout = 10 * time.Second

// Proof is what a connection proves of who is at its other end.
type Proof struct {
	// Node is the only node that it may speak for.
	Node string
	// Expires is when the proof does; an open session outlives it.
	Expires time.Time
}

// identify asks a connection to prove who it is, if it has to.
func (f *Fabric) identify(ctx context.Context, conn net.Conn) (*Proof, error) {
	if f.cfg.Identify == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, identifyTimeout, fmt.Errorf("no proof of who it is within %v", identifyTimeout))
	defer cancel()
	proof, err := f.cfg.Identify(ctx, conn)
	if err != nil {
		conn.Close()
		return nil, err
	}
	if proof == (Proof{}) {
		return nil, nil
	}
	return &proof, nil
}

// mistaken says why a switch cannot be the node whose datapath id it has: its
// proof is for another. It is "" for one that can, or that proves nothing.
func (p *peer) wrongIdentity(n *node) string {
	if p.proof == nil || p.proof.Node == n.name {
		return ""
	}
	return fmt.Sprintf("the switch presents datapath id %v, which is that of node %s, but its certificate is for node %s", p.dpid, n.name, p.proof.Node)
}

// expires is when the proof does; the zero time without one.
func (p *peer) expires() time.Time {
	if p.proof == nil {
		return time.Time{}
	}
	return p.proof.Expires
}

// expel ends the sessions that have the datapath id of a node and prove to be
// another, so that they stand in nobody's way. One that was another node's and
// is being emptied is left to end that.
func (d *dispatcher) expel(id topology.DatapathID, n *node) {
	if n == nil {
		return
	}
	var stay []*peer
	for _, p := range d.peers[id] {
		why := p.wrongIdentity(n)
		if why == "" || p.claimed {
			stay = append(stay, p)
			continue
		}
		d.f.warnings.Warn(p.sess.RemoteAddr(), "switch refused", "dpid", id, "reason", why)
		d.release(p)
		d.f.board.show(p.sess.RemoteAddr(), Switch{DatapathID: id, Reason: why}, "")
		p.sess.Close()
	}
	if d.peers[id] = stay; len(stay) == 0 {
		delete(d.peers, id)
	}
}

// AdmitOVSDB says why what a connection says of a bridge is not heard: the
// bridge is another node's than its certificate. It is for ovsdb.Config.
func (f *Fabric) AdmitOVSDB(c ovsdb.Conn) error {
	id := topology.DatapathID(c.DatapathID)
	n, ok := f.View().Topo.NodeByDatapath(id)
	if !ok || c.Node == "" || c.Node == n.Name {
		return nil
	}
	return fmt.Errorf("the bridge's datapath id %v is that of node %s, but the certificate is for node %s", id, n.Name, c.Node)
}

// speaker is who speaks for a bridge's interfaces over OVSDB.
type speaker struct {
	// remote is its address and port.
	remote string
	// node is that of its certificate; "" for one that proves nothing.
	node string
	// reconfigure and write are those of ovsdb.Conn.
	reconfigure func()
	write       func(ovsdb.Desired)
}

// ovsdbHere: somebody speaks for a bridge's interfaces.
type ovsdbHere struct {
	dpid topology.DatapathID
	speaker
}

func (e ovsdbHere) happen(d *dispatcher) {
	delete(d.reported, e.dpid)
	d.speakers[e.dpid] = e.speaker
	if n := d.nodeOf(e.dpid); n != nil {
		n.configured = nil
		d.f.board.update(n.name, func(s *NodeStatus) { s.writeError, s.lacks = "", "" })
	}
	d.f.identities.reportedFrom(e.dpid, e.remote)
	d.keepBackoff(e.dpid)
}

// spoken reports whether somebody speaks for a bridge over OVSDB.
func (d *dispatcher) hasOVSDB(id topology.DatapathID) bool {
	_, ok := d.speakers[id]
	return ok
}

// hears reports whether what OVSDB says of a datapath id is heard for a node.
func (d *dispatcher) acceptsOVSDB(id topology.DatapathID, n *node) bool {
	by := d.speakers[id].node
	return by == "" || by == n.name
}
