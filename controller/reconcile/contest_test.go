package reconcile_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/ovsdb"
	"github.com/sdnctl/sdnctl/controller/reconcile"
	"github.com/sdnctl/sdnctl/topology/model"
)

const home, foreign, other = "127.0.0.2", "127.0.0.3", "127.0.0.4"

// conflict reports whether a node has the condition IdentityConflict, with words.
func (b *tlsBed) conflict(node, words string) bool {
	s, _ := b.fabric.NodeStatus(node)
	return slices.ContainsFunc(s.Conditions, func(c condition.Condition) bool {
		return c.Reason == condition.IdentityConflict && strings.Contains(c.Message, words)
	})
}

// TestUnknownSwitchWaits: without certificates a switch at another address that presents
// a node's datapath id waits while the node is away for a moment, and the node is
// back where it was.
func TestUnknownSwitchWaits(t *testing.T) {
	b := newIdentityBed(t, reconcile.Config{ReturnGrace: time.Hour})
	b.declare("node1")
	stop := b.connect(home, "node1", "node1")
	b.await("node1 is connected", func() bool { return b.at("node1", home) })
	b.connect(foreign, "node1", "node1")
	b.await("the foreign switch is a condition", func() bool { return b.conflict("node1", "a switch at "+foreign) && b.listed(foreign, "already") })
	stop()
	b.await("the foreign switch waits", func() bool { return b.listed(foreign, "was last at "+home) })
	if s, _ := b.fabric.NodeStatus("node1"); s.Connected {
		t.Errorf("node1 is connected: %+v", s)
	}
	b.connect(home, "node1", "node1")
	b.await("node1 is back", func() bool { return b.at("node1", home) })
}

// TestTakeoverIsUndone: a switch at another address that waited long enough gets
// the node, with a condition; the node gets its place back when it returns.
func TestTakeoverIsUndone(t *testing.T) {
	b := newIdentityBed(t, reconcile.Config{ReturnGrace: 20 * time.Millisecond})
	b.declare("node1")
	stop := b.connect(home, "node1", "node1")
	b.await("node1 is connected", func() bool { return b.at("node1", home) })
	b.connect(foreign, "node1", "node1")
	b.await("the foreign switch is listed", func() bool { return b.listed(foreign, "already") })
	stop()
	b.await("the foreign switch has the node", func() bool { return b.at("node1", foreign) && b.conflict("node1", "last known at "+home) })
	b.connect(home, "node1", "node1")
	b.await("node1 is back", func() bool { return b.at("node1", home) && b.listed(foreign, "already") })
}

// TestOVSDBStanding: whose word counts over OVSDB, as switches come and go.
func TestOVSDBStanding(t *testing.T) {
	for name, secure := range map[string]bool{"plain": false, "tls": true} {
		t.Run(name, func(t *testing.T) {
			b := newTLSBed(t)
			if !secure {
				b = newIdentityBed(t, reconcile.Config{ReturnGrace: time.Hour})
			}
			id := uint64(model.DatapathIDFor("node1"))
			conn := func(from string) ovsdb.Conn {
				return ovsdb.Conn{DatapathID: id, Remote: from + ":4711", Node: map[bool]string{true: "node1"}[secure]}
			}
			standing := func(from string) int { return b.fabric.OVSDBStanding(conn(from)) }
			if one, two := standing(home), standing(foreign); one != two || one < 0 {
				t.Errorf("before anything is known: %d, %d", one, two)
			}
			b.declare("node1")
			b.connect(home, "node1", "node1")
			b.await("node1 is connected", func() bool { return b.at("node1", home) && standing(home) > standing(other) })
			if two := standing(other); two < 0 {
				t.Errorf("another address: %d", two)
			}
			stop := b.connect(foreign, "node1", "node1")
			b.await("the clone is a condition", func() bool { return b.conflict("node1", foreign) })
			// As long as no other connection has reported, it may be the node's second address.
			if clone, two := standing(foreign), standing(other); clone >= two || clone < 0 {
				t.Errorf("the clone: %d, another address: %d", clone, two)
			}
			b.fabric.OVSDBConnected(conn(home))
			b.fabric.InterfacesChanged(id, nil)
			b.await("the reports of node1 are accepted", func() bool { s, _ := b.fabric.NodeStatus("node1"); return s.OVSDB })
			b.fabric.OVSDBDisconnected(id, context.Canceled)
			if clone := standing(foreign); clone >= 0 {
				t.Errorf("the clone, when the node has reported: %d", clone)
			}
			stop()
			b.await("the clone is gone", func() bool { return !b.conflict("node1", foreign) })
			if clone := standing(foreign); clone < 0 {
				t.Errorf("what was the clone's address: %d", clone)
			}
		})
	}
}
