package reconcile

import (
	"github.com/sdnctl/sdnctl/controller/worker"
	"github.com/sdnctl/sdnctl/topology"
)

// Controller.max_backoff limits how long Open vSwitch pauses between attempts to connect. After
// ovs-vswitchd starts, some versions ignore it, and pause up to 8 s, until they process their
// configuration while the connection exists. So whenever both of a node's connections exist,
// sdnd makes it process its configuration, over OVSDB (docs/decisions/0009).

// fixedIn returns the first patch level of a branch of Open vSwitch that applies max_backoff
// from the start ("connmgr: Fix ofconn configuration on vswitchd startup"). All later branches
// do, and all before 2.12.
func fixedIn(major, minor int) (patch int, known bool) {
	switch {
	case major == 2 && minor == 17:
		return 8, true
	case major == 2 && 12 <= minor && minor < 17:
		return 1 << 30, true // never
	case major == 3 && minor == 0:
		return 5, true
	case major == 3 && minor == 1:
		return 3, true
	case major == 3 && minor == 2:
		return 1, true
	}
	return 0, false
}

// forgetsBackoff reports whether a version of Open vSwitch, such as "3.1.0", ignores
// max_backoff after a start. It returns false for text that is not a version.
func forgetsBackoff(version string) bool { return worker.OlderThan(version, fixedIn) }

// keepBackoff makes the node with this datapath id apply its max_backoff, if both of its
// connections exist and its version needs that. It is called when either connects.
func (d *dispatcher) keepBackoff(id topology.DatapathID) {
	n, s := d.nodeOf(id), d.ovsdbConns[id]
	if n == nil || s.reconfigure == nil || !d.sameMachine(n) {
		return
	}
	if forgetsBackoff(n.peer.sess.Desc().Software) {
		s.reconfigure()
	}
}
