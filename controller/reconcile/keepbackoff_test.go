package reconcile_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/sdnctl/sdnctl/controller/ovsdb"
	"github.com/sdnctl/sdnctl/integration/simswitch"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestReconfigureForMaxBackoff: once for each time that a node has come to
// have both its connections, in whichever order; not if it keeps to it anyway,
// and not over the connection of another.
func TestReconfigureForMaxBackoff(t *testing.T) {
	const from = "127.0.0.2"
	id := uint64(model.DatapathIDFor("node1"))
	reconfigured := func(b *tlsBed, node string) (*atomic.Int32, func()) {
		n := &atomic.Int32{}
		return n, func() {
			b.fabric.OVSDBConnected(ovsdb.Conn{DatapathID: id, Node: node, Reconfigure: func() { n.Add(1) }})
			b.fabric.InterfacesChanged(id, nil)
		}
	}
	hasOVSDB := func(b *tlsBed) func() bool {
		return func() bool { s, _ := b.fabric.NodeStatus("node1"); return s.OVSDB && s.Connected }
	}
	old := func() openflow.Desc { return openflow.Desc{Software: "3.1.0"} }
	want := func(t *testing.T, n *atomic.Int32, want int32) {
		t.Helper()
		if got := n.Load(); got != want {
			t.Errorf("reconfigured %d times, want %d", got, want)
		}
	}
	t.Run("OVSDB first", func(t *testing.T) {
		b := newTLSBed(t)
		b.declare("node1")
		n, connect := reconfigured(b, "node1")
		connect()
		stop := b.connectAs(from, "node1", simswitch.Config{Desc: old()})
		b.await("both are there", hasOVSDB(b))
		b.await("it is reconfigured", func() bool { return n.Load() > 0 })
		b.fabric.InterfacesChanged(id, nil) // no news
		stop()
		b.await("it is away", func() bool { return !hasOVSDB(b)() })
		want(t, n, 1)
		b.connectAs(from, "node1", simswitch.Config{Desc: old()})
		b.await("it is reconfigured again", func() bool { return n.Load() > 1 })
		want(t, n, 2)
	})
	t.Run("OpenFlow first", func(t *testing.T) {
		b := newTLSBed(t)
		b.declare("node1")
		b.connectAs(from, "node1", simswitch.Config{Desc: old()})
		b.await("node1 is connected", func() bool { return b.at("node1", from) })
		n, connect := reconfigured(b, "node1")
		connect()
		b.await("it is reconfigured", func() bool { return n.Load() > 0 })
		b.fabric.OVSDBDisconnected(id, context.Canceled)
		again, connect := reconfigured(b, "node1")
		connect()
		b.await("the node on the new connection is reconfigured", func() bool { return again.Load() > 0 })
		want(t, n, 1)
		want(t, again, 1)
	})
	t.Run("declared last", func(t *testing.T) {
		b := newTLSBed(t)
		n, connect := reconfigured(b, "node1")
		connect()
		b.connectAs(from, "node1", simswitch.Config{Desc: old()})
		b.await("it waits", func() bool { return b.listed(from, "no declared node") })
		want(t, n, 0)
		b.declare("node1")
		b.await("it is reconfigured", func() bool { return n.Load() > 0 })
		want(t, n, 1)
	})
	t.Run("not of another's OVSDB", func(t *testing.T) {
		b := newTLSBed(t)
		n, connect := reconfigured(b, "node2")
		connect()
		b.declare("node1")
		b.connectAs(from, "node1", simswitch.Config{Desc: old()})
		b.await("node1 is connected", func() bool { return b.at("node1", from) })
		connect()
		right, connect := reconfigured(b, "node1")
		connect()
		b.await("node1 itself is reconfigured", func() bool { return right.Load() > 0 })
		want(t, n, 0)
	})
	t.Run("not if it keeps to it", func(t *testing.T) {
		b := newTLSBed(t)
		b.declare("node1")
		n, connect := reconfigured(b, "node1")
		connect()
		b.connectAs(from, "node1", simswitch.Config{Desc: openflow.Desc{Software: "3.3.0"}})
		b.await("both are there", hasOVSDB(b))
		b.await("all is done", func() bool { return b.at("node1", from) })
		want(t, n, 0)
	})
}
