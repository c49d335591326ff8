package bolt

import (
	"bytes"
	"context"
	"net/netip"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
	"github.com/sdnctl/sdnctl/topology/store/storetest"
)

// TestRestore brings back a topology after its objects were deleted, changed
// and replaced so that allocation would now give out other numbers.
func TestRestore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sdnd.db")
	s := open(t, path)
	apply(t, s, put(topology.KindNetwork, "first", network("10.9.0.0/24")), put(topology.KindPort, "p0", topology.PortSpec{Network: "first"}))
	apply(t, s, scale()...)
	apply(t, s, put(topology.KindPort, "late", topology.PortSpec{Network: "first"}))
	want := storetest.Objects(s.Snapshot())
	b, _ := backup(t, s)

	apply(t, s, del(topology.KindPort, "p0"), del(topology.KindPort, "late"), del(topology.KindNetwork, "first"))
	apply(t, s,
		del(topology.KindRouter, "main"), del(topology.KindPort, "roaming"), del(topology.KindPort, "web"), del(topology.KindPort, "db"),
		put(topology.KindNetwork, "other", network("10.7.0.0/24")), // takes the VNI of first
		put(topology.KindRouter, "edge", topology.RouterSpec{Networks: []string{"flat", "other"}}),
		put(topology.KindPort, "new", topology.PortSpec{Network: "flat"}), // takes the address of roaming
		put(topology.KindNode, "n3", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.168.0.3")}),
	)
	apply(t, s, put(topology.KindPort, "roaming", topology.PortSpec{Network: "flat"}))
	now := s.Snapshot()

	snap, err := s.ReadBackup(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	dry, err := store.PlanRestore(s.Snapshot(), snap)
	if err != nil {
		t.Fatal(err)
	}
	if s.Snapshot() != now {
		t.Error("a dry run changed something")
	}
	verbs := map[string]topology.Verb{}
	for _, c := range dry.Changes {
		verbs[c.Ref.String()] = c.Verb()
	}
	wantVerbs := map[string]topology.Verb{
		"node/n3": topology.Delete, "network/first": topology.Create, "network/other": topology.Delete,
		"router/main": topology.Create, "router/edge": topology.Delete,
		"port/p0": topology.Create, "port/late": topology.Create, "port/web": topology.Create, "port/db": topology.Create,
		"port/new": topology.Delete, "port/roaming": topology.Put,
	}
	if d := cmp.Diff(wantVerbs, verbs); d != "" {
		t.Errorf("changes (-want +got):\n%s", d)
	}
	if len(dry.Blocks) != 1 || dry.Blocks[0].Node != "n3" || dry.Blocks[0].After != nil {
		t.Errorf("blocks: %+v", dry.Blocks)
	}

	c, err := s.Restore(context.Background(), "bob", snap)
	if err != nil {
		t.Fatal(err)
	}
	if c.Revision != now.Revision()+1 || c.Author != "bob" || c.Before != now {
		t.Errorf("revision %d by %s after %d", c.Revision, c.Author, now.Revision())
	}
	check := func() {
		t.Helper()
		if d := cmp.Diff(want, storetest.Objects(s.Snapshot()), storetest.Values()); d != "" {
			t.Errorf("restored (-want +got):\n%s", d)
		}
		if r, err := s.CheckIPAM(); err != nil || len(r.Differences) > 0 {
			t.Errorf("%v, %v", r.Differences, err)
		}
	}
	check()
	p, _ := s.Snapshot().Port("web")
	if p.Created != c.Revision || p.Modified != c.Revision {
		t.Errorf("what came back was created in %d and modified in %d, not in %d", p.Created, p.Modified, c.Revision)
	}
	if n, _ := s.Snapshot().Node("n1"); n.Modified != 2 {
		t.Errorf("what stayed was modified in %d", n.Modified)
	}
	if h, err := s.History(0, 1, nil); err != nil || h[0].Author != "bob" || len(h[0].Changes) != len(wantVerbs) {
		t.Errorf("history: %+v, %v", h, err)
	}
	if again, err := s.Restore(context.Background(), "bob", snap); err != nil || again.Revision != c.Revision || len(again.Changes) > 0 {
		t.Errorf("the same again: revision %d, %d changes, %v", again.Revision, len(again.Changes), err)
	}
	apply(t, s, put(topology.KindPort, "next", topology.PortSpec{Network: "flat"}), put(topology.KindNetwork, "next", network("10.6.0.0/24")))
	apply(t, s, del(topology.KindPort, "next"), del(topology.KindNetwork, "next"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	check()
}

// TestRestoreElsewhere takes a topology to another, new daemon.
func TestRestoreElsewhere(t *testing.T) {
	s, other := open(t, filepath.Join(t.TempDir(), "a.db")), open(t, filepath.Join(t.TempDir(), "b.db"))
	apply(t, s, scale()...)
	b, _ := backup(t, s)
	snap, err := other.ReadBackup(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Restore(context.Background(), "bob", snap); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(storetest.Contents(s.Snapshot()), storetest.Contents(other.Snapshot()), storetest.Values()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
