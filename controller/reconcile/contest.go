package reconcile

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/topology"
)

// Several connections can present the same datapath id: the node's switch, whose old connection
// has not timed out yet; a machine cloned from the node; or an unrelated machine. A certificate
// decides which node a switch can be. Without one the address decides. The node's tunnel
// address comes first, then the address of the node's last session, then any other. A switch at
// another address becomes the node only after the node has been away for Config.ReturnGrace,
// and only until the node returns.

// rank is how likely a switch is to be the node whose datapath id it presents.
type rank int

const (
	elsewhere rank = iota // its address is not known to be the node's
	usual                 // its address is that of the node's last session
	proven                // it has the node's tunnel address, or its certificate
)

// rank returns how likely the switch p is to be the node n.
func (d *dispatcher) rank(n *node, p *peer) rank {
	a := p.addr()
	switch {
	case p.proof != nil || a.IsValid() && a == d.tunnelAddr(n):
		return proven
	case !a.IsValid() || !n.lastAddr.IsValid() || a == n.lastAddr:
		return usual
	}
	return elsewhere
}

// candidate returns the switch that should be the node's: the present one, or else the
// likeliest; of equally likely ones the oldest. If wait is not 0, that switch is at an address
// that is not the node's, and has to wait that long.
func (d *dispatcher) candidate(n *node, all []*peer) (best *peer, wait time.Duration) {
	for _, p := range all {
		if p == n.peer {
			return p, 0
		}
		if best == nil || d.rank(n, p) > d.rank(n, best) {
			best = p
		}
	}
	if best != nil && d.rank(n, best) == elsewhere {
		wait = max(0, time.Until(n.disconnectedAt.Add(d.f.cfg.ReturnGrace)))
	}
	return best, wait
}

// contest decides between a node's switch and another switch that has connected with the same
// datapath id.
func (d *dispatcher) contest(n *node, p *peer) {
	holder := n.peer
	d.quarantine(p, fmt.Sprintf("datapath id %v is already that of the switch at %s; give one of them another with: ovs-vsctl set bridge %s other_config:datapath-id=…", p.dpid, holder.sess.RemoteAddr(), d.f.cfg.Bridge))
	switch is, was := d.rank(n, p), d.rank(n, holder); {
	case is > was:
		d.f.log.Warn("node is back at its own address, from a switch elsewhere", "node", n.name, "dpid", p.dpid,
			"address", p.sess.RemoteAddr(), "elsewhere", holder.sess.RemoteAddr())
		holder.sess.Close()
	case is == was:
		// Either the switch has reconnected before its old connection timed out, or there
		// are two switches with one id. Probing the old connection finds out which.
		holder.probe()
	}
}

// arrived records the address of a node's new session. It logs an address that is not known to
// be the node's, and does not record it.
func (d *dispatcher) arrived(n *node, p *peer) {
	if a := p.addr(); d.rank(n, p) > elsewhere {
		n.lastAddr = a
		return
	}
	d.f.log.Warn("node taken over by a switch at another address", "node", n.name, "dpid", p.dpid,
		"address", p.sess.RemoteAddr(), "last_address", n.lastAddr)
}

// identify determines again which other switches present a node's datapath id, and which OVSDB
// connection counts for the node.
func (d *dispatcher) identify(id topology.DatapathID) {
	n := d.nodeOf(id)
	is := identity{others: map[netip.Addr]bool{}}
	foreign := ""
	if n != nil {
		is.known = map[netip.Addr]bool{n.lastAddr: true, d.tunnelAddr(n): true}
		delete(is.known, netip.Addr{})
		for _, p := range d.peers[id] {
			a := p.addr()
			if p == n.peer {
				is.session = a
				if d.rank(n, p) == elsewhere {
					foreign = fmt.Sprintf("its OpenFlow session is from %v, but it was last known at %v", a, n.lastAddr)
				}
			} else if n.peer != nil && a != n.peer.addr() {
				is.others[a] = true
				foreign = fmt.Sprintf("a switch at %v presents its datapath id %v too", a, id)
			}
		}
	}
	// This precedes the status. A reader who sees there that the other switch is gone may rely
	// on it.
	d.f.identities.set(id, is)
	if n != nil {
		d.f.board.Update(n.name, func(s *status.Node) { s.IdentityConflict = foreign })
	}
}
