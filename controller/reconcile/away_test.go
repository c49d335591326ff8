package reconcile_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sdnctl/sdnctl/controller/worker"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store/bolt"
)

// TestDriftWhileAway: what others did to a switch while it had no session is
// undone and reported; what changed in the topology meanwhile, and a switch that
// comes back empty, is not.
func TestDriftWhileAway(t *testing.T) {
	b, n := newBedWithPort(t)
	ctx := b.Context()
	away := func(do func()) {
		b.Helper()
		if _, err := n.VSCtl(ctx, "set", "bridge", "br-int", "protocols=OpenFlow14"); err != nil {
			t.Fatal(err)
		}
		b.await("node1 to be away", func(context.Context) error {
			if s, _ := b.fabric.NodeStatus("node1"); s.Connected {
				return fmt.Errorf("connected")
			}
			return nil
		})
		do()
		if _, err := n.VSCtl(ctx, "set", "bridge", "br-int", "protocols=OpenFlow13"); err != nil {
			t.Fatal(err)
		}
		b.settled()
	}
	ofctl := func(args ...string) {
		b.Helper()
		if _, err := n.OFCtl(ctx, append([]string{"-O", "OpenFlow14"}, args...)...); err != nil {
			t.Fatal(err)
		}
	}
	expectDrifts := func(what string, want int) {
		b.Helper()
		all := b.fabric.Drifts("node1")
		for _, d := range all {
			if d.By != "connection" {
				t.Errorf("%s: detected by %s: %+v", what, d.By, d)
			}
		}
		if len(all) != want {
			t.Errorf("%s: %d drifts in all, want %d: %+v", what, len(all), want, all)
		}
	}
	away(func() {})
	expectDrifts("nothing", 0)
	away(func() { b.apply(portOp("p2", "node1")) })
	expectDrifts("a change of the topology", 0)
	away(func() {
		ofctl("add-flow", "br-int", "table=0,priority=65000,ip,nw_dst=10.0.0.3,actions=drop")
		ofctl("del-flows", "br-int", "table=0,arp,arp_spa=10.0.0.2")
	})
	expectDrifts("one flow more, one less", 2)
	away(func() {
		ofctl("add-flow", "br-int", "table=0,priority=65000,ip,nw_dst=10.0.0.3,actions=drop")
		b.apply(del(topology.KindPort, "p2"))
	})
	expectDrifts("both at once", 3)
	away(func() { ofctl("del-flows", "br-int") })
	expectDrifts("a switch that is empty", 3)
}

// TestDriftWhileStopped: the same while sdnd itself does not run, for the switch
// keeps what it was last given.
func TestDriftWhileStopped(t *testing.T) {
	b, n := newBedWithPort(t)
	// From here on Open vSwitch keeps to max_backoff (decision 9).
	if _, err := n.VSCtl(b.Context(), "set", "controller", "br-int", "max_backoff=1000"); err != nil {
		t.Fatal(err)
	}
	stopped := func(what string, do func(), want ...worker.Drift) {
		b.Helper()
		b.stop()
		do()
		b.start()
		b.settled()
		if got := b.fabric.Drifts(""); !slices.EqualFunc(want, got, sameDrift) {
			t.Errorf("%s: reported %+v, want %+v", what, got, want)
		}
		if a := b.fabric.Audit(b.Context(), "node1"); a.Verdict != worker.Equal {
			t.Errorf("%s: audit: %+v", what, a)
		}
	}
	foreign := func() { b.tamper(n, "add-flow", "br-int", "table=0,priority=65000,ip,nw_dst=10.0.0.3,actions=drop") }
	less := func() { b.tamper(n, "del-flows", "br-int", "table=80") }
	added := worker.Drift{What: "added", Table: "classify", After: "cookie=0x0"}
	deleted := worker.Drift{What: "deleted", Table: "forward", Before: "table=80", Owner: topology.Ref{Kind: topology.KindPort, Name: "p1"}}
	unknown := worker.Drift{What: "modified", After: "is unknown"}
	other := func(name string) func() { return func() { b.applyStopped(portOp(name, "node1")) } }

	stopped("nothing", func() {})
	b.wantSent("node1", 0, 0)
	stopped("other flows wanted", other("p2"))
	stopped("both", func() { foreign(); less() }, added, deleted)
	stopped("one flow more, and other flows wanted", func() { foreign(); other("p3")() }, added)
	stopped("one flow less, and other flows wanted", func() { less(); other("p4")() }, deleted)
	stopped("several flows less, and other flows wanted", func() {
		less()
		b.tamper(n, "del-flows", "br-int", "table=0,arp")
		other("p5")()
	}, unknown)
	stopped("the stamp changed", func() { b.tamper(n, "mod-flows", "br-int", "table=100,actions=drop") },
		worker.Drift{What: "added", Table: "stamp", After: "table=100"},
		worker.Drift{What: "deleted", Table: "stamp", Before: "table=100", Owner: topology.Ref{Kind: topology.KindNode, Name: "node1"}})
	stopped("the stamp deleted", func() { b.tamper(n, "del-flows", "br-int", "table=100") })
	stopped("all flows deleted, as after a reboot", func() { b.tamper(n, "del-flows", "br-int") })
}

// applyStopped applies while nothing serves.
func (b *bed) applyStopped(ops ...topology.Op) {
	b.Helper()
	st, err := bolt.Open(filepath.Join(b.Dir, "test.db"), bolt.Options{})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := st.Apply(b.Context(), "test", ops); err != nil {
		b.Error(err)
	}
	if err := st.Close(); err != nil {
		b.Error(err)
	}
}

// sameDrift compares the drift that a test wants with the reported one; flows are wanted by a
// part of them.
func sameDrift(want, got worker.Drift) bool {
	return want.What == got.What && want.Table == got.Table && want.Owner == got.Owner && got.By == "connection" &&
		strings.Contains(got.Before, want.Before) && (want.Before == "") == (got.Before == "") &&
		strings.Contains(got.After, want.After) && (want.After == "") == (got.After == "")
}
