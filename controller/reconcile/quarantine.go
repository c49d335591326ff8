package reconcile

import (
	"context"

	"github.com/sdnctl/sdnctl/controller/status"
)

// portsPerUnassigned is the number of ports that count as one more switch.
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
		// A switch with very many ports counts as several switches.
		p.leave = d.f.unassigned.Acquire(context.Background(), p.sess.RemoteAddr(), 1+len(p.ports)/portsPerUnassigned, func() { p.sess.Close() })
	}
	d.f.warnings.Warn(p.sess.RemoteAddr(), "switch quarantined", "dpid", p.dpid, "reason", reason)
	d.f.board.Quarantine(p.sess, s)
}
