package reconcile_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/ovsdb"
	"github.com/sdnctl/sdnctl/controller/reconcile"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
	"github.com/sdnctl/sdnctl/topology/store"
	"github.com/sdnctl/sdnctl/topology/store/bolt"
)

// awaitingBed has a switch with a port that OVSDB reported, and no memory of that,
// as when sdnd was killed at once. The fabric is stopped.
func awaitingBed(t *testing.T, grace time.Duration) *bed {
	b := newBedWith(t, 1, reconcile.Config{OVSDBGrace: grace})
	n := b.Nodes[0]
	b.plug(n, "veth0")
	b.apply(b.nodeOp(n), networkOp(), put(topology.KindPort, "web", topology.PortSpec{Network: "net"}))
	b.join(n)
	b.ovsdbTells()
	b.settled()
	b.wantSent("node1", perNode+perNetwork+perPort, 0)
	b.stop()
	st, err := bolt.Open(filepath.Join(b.Dir, "test.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := st.SaveBindings([]store.Binding{{Port: "web", Gone: true}}); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	return b
}

// ovsdbTells reports the port's interface by OVSDB, and waits until sdnd knows it.
func (b *bed) ovsdbTells() {
	b.Helper()
	id := uint64(model.DatapathIDFor("node1"))
	b.fabric.OVSDBConnected(ovsdb.Conn{DatapathID: id})
	b.fabric.InterfacesChanged(id, []*ovsdb.Interface{{Name: "veth0", IfaceID: "web"}})
	b.await("web to be bound", func(context.Context) error {
		if s := b.fabric.PortStatus("web"); !s.Bound {
			return errors.New(s.Message)
		}
		return nil
	})
}

// TestForgottenPlaceChangesNothing: a switch that connects before its OVSDB
// keeps the flows of a port whose place was not saved.
func TestForgottenPlaceChangesNothing(t *testing.T) {
	b := awaitingBed(t, time.Hour)
	b.start()
	b.await("the switch to wait for OVSDB", func(context.Context) error {
		if !b.fabric.Postponed("node1") {
			return errors.New("does not wait")
		}
		return nil
	})
	rev := b.store.Snapshot().Revision()
	if a := b.fabric.Acks(rev); len(a.Pending) != 1 {
		t.Errorf("pending: %+v, want node1", a.Pending)
	}
	b.wantSent("node1", 0, 0)
	b.ovsdbTells()
	b.settled()
	b.wantSent("node1", 0, 0)
}

// TestWithoutOVSDBRemovalsComeLater: what OVSDB does not say in time is not so.
func TestWithoutOVSDBRemovalsComeLater(t *testing.T) {
	b := awaitingBed(t, time.Millisecond)
	b.start()
	b.settled()
	b.wantSent("node1", 0, perNetwork+perPort)
}

// TestAwaitingOVSDBAdds: a switch that lost its flows gets them at once, whatever OVSDB
// is about to say.
func TestAwaitingOVSDBAdds(t *testing.T) {
	b := awaitingBed(t, time.Hour)
	if _, err := b.Nodes[0].OFCtl(t.Context(), "del-flows", "br-int"); err != nil {
		t.Fatal(err)
	}
	b.start()
	b.settled()
	b.wantSent("node1", perNode, 0)
	b.ovsdbTells()
	b.settled()
	b.wantSent("node1", perNode+perNetwork+perPort, 0)
}
