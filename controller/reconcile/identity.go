package reconcile

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/topology"
)

// identifyTimeout is how long a connection may take to prove its identity.
const identifyTimeout = 10 * time.Second

// identify asks a connection to prove its identity, if that is required.
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

// wrongIdentity returns why a switch cannot be the node whose datapath id it has: its
// certificate is for another node. It returns "" if the switch can be that node, as without a
// certificate.
func (p *peer) wrongIdentity(n *node) string {
	if p.proof == nil || p.proof.Node == n.name {
		return ""
	}
	return fmt.Sprintf("the switch presents datapath id %v, which is that of node %s, but its certificate is for node %s", p.dpid, n.name, p.proof.Node)
}

// expires returns when the certificate expires; the zero time without one.
func (p *peer) expires() time.Time {
	if p.proof == nil {
		return time.Time{}
	}
	return p.proof.Expires
}

// refuseOthers ends the sessions that present the datapath id of a node but whose certificate
// is for another node, so that they do not block the node. It leaves alone a session that was
// assigned to a node: its flows are being deleted, and then it ends.
func (d *dispatcher) refuseOthers(id topology.DatapathID, n *node) {
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
		d.f.board.Show(p.sess.RemoteAddr(), status.Switch{DatapathID: id, Reason: why}, "")
		p.sess.Close()
	}
	if d.peers[id] = stay; len(stay) == 0 {
		delete(d.peers, id)
	}
}
