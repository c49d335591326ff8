package reconcile

import (
	"strconv"
	"strings"

	"github.com/sdnctl/sdnctl/topology"
)

// Open vSwitch is told by Controller.max_backoff how long it may pause between
// attempts to reach us. Some versions take that up only when they go through
// their configuration while the connection is there; until then it is 8 s, after
// each start of ovs-vswitchd. So it is had to do that, over OVSDB, whenever a
// node has come to have both connections (docs/decisions/0009).

// fixedIn are the first versions of Open vSwitch's branches that take up
// max_backoff from the start ("connmgr: Fix ofconn configuration on vswitchd
// startup"). All later branches do, and all before 2.12.
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

// forgetsBackoff reports whether a version of Open vSwitch, such as "3.1.0",
// does not keep to max_backoff by itself. What is no version is taken to do so.
func forgetsBackoff(version string) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 3 {
		return false
	}
	end := strings.IndexFunc(parts[2], func(r rune) bool { return r < '0' || r > '9' })
	if end >= 0 {
		parts[2] = parts[2][:end] // of "3.1.0-2.el9", say
	}
	var v [3]int
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil {
			return false
		}
		v[i] = n
	}
	patch, known := fixedIn(v[0], v[1])
	return known && v[2] < patch
}

// keepBackoff has the node with a datapath id keep to its max_backoff, if both
// its connections are there and it has to be asked. It is called when either of
// them has come.
func (d *dispatcher) keepBackoff(id topology.DatapathID) {
	n, s := d.nodeOf(id), d.speakers[id]
	if n == nil || s.reconfigure == nil || !d.speaksFor(n) {
		return
	}
	if forgetsBackoff(n.peer.sess.Desc().Software) {
		s.reconfigure()
	}
}
