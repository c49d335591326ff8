package reconcile

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/sdnctl/sdnctl/topology"
)

// A datapath id can be presented by more than the node's switch: by the same
// switch again, whose old connection is not yet found dead, by a machine cloned
// from the node, or by another machine. A certificate decides who it can be. Where
// there is none the address counts: one that is the node's tunnel address goes
// before the one that the node last had its session from, and that before any
// other. One from elsewhere gets the session only when the node was away for
// Config.ReturnGrace, and gives it up when the node is back.

// rank is how likely a switch is to be the node whose datapath id it has.
type rank int

const (
	elsewhere rank = iota // it has an address that is not known to be the node's
	usual                 // it has the address of the node's last session
	proven                // it has the node's tunnel address, or its certificate
)

// addrOf returns a connection's address without the port; the zero Addr for one
// that has none, such as a unix socket's.
func addrOf(a net.Addr) netip.Addr { return addrIn(a.String()) }

func addrIn(hostport string) netip.Addr {
	ap, err := netip.ParseAddrPort(hostport)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

func (p *peer) addr() netip.Addr { return addrOf(p.sess.RemoteAddr()) }

// rank says how likely a switch is to be a node.
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

// tunnelAddr is the tunnel address that is declared for a node.
func (d *dispatcher) tunnelAddr(n *node) netip.Addr {
	if o, ok := d.view.Topo.Node(n.name); ok {
		return o.Spec.TunnelIP
	}
	return netip.Addr{}
}

// candidate returns the switch that is to be the node's: the one that is, or else
// the likeliest, of equals the oldest. It is nil if that is from elsewhere and has
// to wait for so long.
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

// contest decides between a node's switch and one that has come with its datapath
// id.
func (d *dispatcher) contest(n *node, p *peer) {
	holder := n.peer
	d.quarantine(p, fmt.Sprintf("datapath id %v is already that of the switch at %s; give one of them another with: ovs-vsctl set bridge %s other_config:datapath-id=…", p.dpid, holder.sess.RemoteAddr(), d.f.board.bridge))
	switch is, was := d.rank(n, p), d.rank(n, holder); {
	case is > was:
		d.f.log.Warn("node is back at its own address, from a switch elsewhere", "node", n.name, "dpid", p.dpid,
			"address", p.sess.RemoteAddr(), "elsewhere", holder.sess.RemoteAddr())
		holder.sess.Close()
	case is == was:
		// Either the switch has come back before its old connection was noticed
		// to be dead, or there are two with one id. The old one is asked.
		holder.probe()
	}
}

// claimLater has a node's switch chosen when one from elsewhere has waited.
func (d *dispatcher) claimLater(id topology.DatapathID, n *node, wait time.Duration) {
	for _, p := range d.peers[id] {
		d.quarantine(p, fmt.Sprintf("node %s was last at %s; a switch at another address gets its place if it does not come back within %v", n.name, n.lastAddr, d.f.cfg.ReturnGrace))
	}
	time.AfterFunc(wait, func() { d.f.post(reclaim{id}) })
}

// reclaim: a switch has waited for the node to come back.
type reclaim struct{ dpid topology.DatapathID }

func (e reclaim) happen(d *dispatcher) {
	if n := d.nodeOf(e.dpid); n != nil && n.peer == nil {
		d.claimFirst(e.dpid)
	}
}

// arrived notes where a node has its session from. One from elsewhere is told of,
// and is not where the node is known to be.
func (d *dispatcher) arrived(n *node, p *peer) {
	if a := p.addr(); d.rank(n, p) > elsewhere {
		n.lastAddr = a
		return
	}
	d.f.log.Warn("node taken over by a switch at another address", "node", n.name, "dpid", p.dpid,
		"address", p.sess.RemoteAddr(), "last_address", n.lastAddr)
}

// identify works out anew who else presents a node's datapath id, and whose word
// counts over OVSDB.
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
	// Before the status says so: who reads there that a rival is gone must find it
	// gone.
	d.f.identities.set(id, is)
	if n != nil {
		d.f.board.update(n.name, func(s *NodeStatus) { s.IdentityConflict = foreign })
	}
}
