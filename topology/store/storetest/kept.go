package storetest

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

func testHistory(t *testing.T, b *bed) {
	b.apply(t, network("blue", "10.0.0.0/24"))
	b.apply(t, everything()[len(everything())-1]) // web, with a label
	b.apply(t, port("db"))
	b.apply(t, del(topology.KindPort, "web"))
	revisions := func(from topology.Revision, limit int, keep func(*store.Entry) bool) (all []topology.Revision) {
		h, err := b.st.History(from, limit, keep)
		if err != nil {
			t.Error(err)
		}
		for _, e := range h {
			all = append(all, e.Revision)
		}
		return all
	}
	check := func() {
		ofWeb := func(e *store.Entry) bool { return e.Changes[0].Ref.Name == "web" }
		for _, c := range []struct {
			from  topology.Revision
			limit int
			keep  func(*store.Entry) bool
			want  []topology.Revision
		}{
			{0, 0, nil, []topology.Revision{4, 3, 2, 1}},
			{0, 2, nil, []topology.Revision{4, 3}},
			{2, 0, nil, []topology.Revision{2, 1}},
			{99, 1, nil, []topology.Revision{4}},
			{0, 0, ofWeb, []topology.Revision{4, 2}},
			{3, 1, ofWeb, []topology.Revision{2}},
		} {
			if got := revisions(c.from, c.limit, c.keep); !slices.Equal(got, c.want) {
				t.Errorf("from %d, limit %d, filtered %v: %v, want %v", c.from, c.limit, c.keep != nil, got, c.want)
			}
		}
		h, err := b.st.History(0, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := []store.EntryChange{{
			Ref: topology.Ref{Kind: topology.KindPort, Name: "web"}, Verb: topology.Delete,
			Before: topology.PortSpec{Network: "blue"}, LabelsBefore: map[string]string{"tier": "web"},
		}}
		if d := gocmp.Diff(want, h[0].Changes, Values()); d != "" || h[0].Author != "alice" || time.Since(h[0].Time) < 0 {
			t.Errorf("author %q, time %v, changes (-want +got):\n%s", h[0].Author, h[0].Time, d)
		}
	}
	check()
	b.reopen(t)
	check()
}

func testObservations(t *testing.T, b *bed) {
	b.apply(t, network("blue", "10.0.0.0/24"))
	revision := b.st.Snapshot().Revision()
	for _, bs := range [][]store.Binding{
		nil,
		{{Port: "web", Node: "n1", Interface: "a", OFPort: 3}, {Port: "db", Node: "n1", Interface: "b"}, {Port: "gone", Node: "n1"}},
		{{Port: "gone", Gone: true}, {Port: "never", Gone: true}, {Port: "web", Node: "n1"}, {Port: "web", Node: "n2", Interface: "c", LinkDown: true}},
	} {
		if err := b.st.SaveBindings(bs); err != nil {
			t.Fatal(err)
		}
	}
	here := netip.MustParseAddr("192.0.2.1")
	for _, ls := range [][]store.Local{nil, {{Node: "n1", Addr: here}, {Node: "n2", Addr: here}}, {{Node: "n2"}, {Node: "n3"}, {Node: "n4", UDP: 4790}}} {
		if err := b.st.SaveLocals(ls); err != nil {
			t.Fatal(err)
		}
	}
	for _, hs := range [][]store.Health{nil, {{Service: "s", Port: "a", Healthy: true}, {Service: "s", Port: "b", Healthy: true}}, {{Service: "s", Port: "a", Gone: true}, {Service: "s", Port: "c", Why: "refused"}}} {
		if err := b.st.SaveHealths(hs); err != nil {
			t.Fatal(err)
		}
	}
	since := time.Date(2026, 11, 30, 7, 0, 0, 0, time.UTC)
	leaves := func(port string) store.Leaving {
		return store.Leaving{Service: "s", Port: port, Of: "tcp/80:8080", Since: since}
	}
	gone, ended := leaves("a"), leaves("b")
	gone.Gone, ended.Ended = true, true
	for _, ls := range [][]store.Leaving{nil, {leaves("a"), leaves("b")}, {gone, ended, leaves("c")}} {
		if err := b.st.SaveLeavings(ls); err != nil {
			t.Fatal(err)
		}
	}
	joined := func(port, group string) store.Join {
		return store.Join{Port: port, Group: netip.MustParseAddr(group), Number: 7}
	}
	left := joined("a", "239.1.1.1")
	left.Gone = true
	for _, js := range [][]store.Join{nil, {joined("a", "239.1.1.1"), joined("a", "ff15::1"), joined("b", "239.1.1.1")}, {left}} {
		if err := b.st.SaveJoins(js); err != nil {
			t.Fatal(err)
		}
	}
	check := func() {
		joins, err := b.st.Joins()
		if d := gocmp.Diff([]store.Join{joined("a", "ff15::1"), joined("b", "239.1.1.1")}, joins, Values()); d != "" || err != nil {
			t.Errorf("joins: %v (-want +got):\n%s", err, d)
		}
		leavings, err := b.st.Leavings()
		if d := gocmp.Diff([]store.Leaving{ended, leaves("c")}, leavings); d != "" || err != nil {
			t.Errorf("leavings: %v (-want +got):\n%s", err, d)
		}
		hs, err := b.st.Healths()
		if d := gocmp.Diff([]store.Health{{Service: "s", Port: "b", Healthy: true}, {Service: "s", Port: "c", Why: "refused"}}, hs); d != "" || err != nil {
			t.Errorf("healths: %v (-want +got):\n%s", err, d)
		}
		bs, err := b.st.Bindings()
		if d := gocmp.Diff([]store.Binding{{Port: "db", Node: "n1", Interface: "b"}, {Port: "web", Node: "n2", Interface: "c", LinkDown: true}}, bs); d != "" || err != nil {
			t.Errorf("bindings: %v (-want +got):\n%s", err, d)
		}
		ls, err := b.st.Locals()
		if d := gocmp.Diff([]store.Local{{Node: "n1", Addr: here}, {Node: "n4", UDP: 4790}}, ls, Values()); d != "" || err != nil {
			t.Errorf("locals: %v (-want +got):\n%s", err, d)
		}
	}
	check()
	if now := b.st.Snapshot().Revision(); now != revision {
		t.Errorf("revision %d, was %d", now, revision)
	}
	b.reopen(t)
	check()
}

func testNotes(t *testing.T, b *bed) {
	if v, err := b.st.Note("k"); v != nil || err != nil {
		t.Errorf("a note that was never set: %q, %v", v, err)
	}
	for _, text := range []string{"one", "two"} {
		if err := b.st.SetNote("k", []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	b.reopen(t)
	v, err := b.st.Note("k")
	if string(v) != "two" || err != nil {
		t.Errorf("note %q: %v", v, err)
	}
	clear(v) // the caller's
	if v, err := b.st.Note("k"); string(v) != "two" || err != nil {
		t.Errorf("note %q: %v", v, err)
	}
}

// backup reads a copy of the store.
func (b *bed) backup(t *testing.T) []byte {
	t.Helper()
	c, err := b.st.Backup()
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(c)
	if err = cmp.Or(err, c.Close()); err != nil {
		t.Fatal(err)
	}
	if c.Revision != b.st.Snapshot().Revision() || c.Size != int64(len(data)) || c.FromMemory {
		t.Errorf("revision %d, size %d of %d, from memory %v", c.Revision, c.Size, len(data), c.FromMemory)
	}
	return data
}

func testBackup(t *testing.T, b *bed) {
	b.apply(t, everything()...)
	want := Objects(b.st.Snapshot())
	data := b.backup(t)
	if err := b.st.SetNote("k", []byte("v")); err != nil {
		t.Fatal(err)
	}
	if err := b.st.SaveBindings([]store.Binding{{Port: "web", Node: "n1"}}); err != nil {
		t.Fatal(err)
	}
	b.apply(t, del(topology.KindRouter, "main"), del(topology.KindPort, "web"), network("green", "10.1.0.0/24"))
	old, err := b.st.ReadBackup(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if d := gocmp.Diff(want, Objects(old), Values()); d != "" || old.Revision() != 1 {
		t.Errorf("the backup is of revision %d (-want +got):\n%s", old.Revision(), d)
	}
	plan, err := store.PlanRestore(b.st.Snapshot(), old)
	if err != nil {
		t.Fatal(err)
	}
	c, err := b.st.Restore(t.Context(), "bob", old)
	if err != nil || c.Revision != 3 || c.Author != "bob" || len(c.Changes) != len(plan.Changes) {
		t.Fatalf("revision %d of %q, %d changes, %d were planned: %v", c.Revision, c.Author, len(c.Changes), len(plan.Changes), err)
	}
	b.reopen(t)
	if d := gocmp.Diff(want, Objects(b.st.Snapshot()), Values()); d != "" {
		t.Errorf("restored (-want +got):\n%s", d)
	}
	h, err := b.st.History(0, 0, nil)
	if err != nil || len(h) != 3 {
		t.Errorf("%d entries of history: %v", len(h), err)
	}
	bs, errB := b.st.Bindings()
	note, errN := b.st.Note("k")
	if err := errors.Join(errB, errN); err != nil || len(bs) != 1 || string(note) != "v" {
		t.Errorf("bindings %v, note %q: %v", bs, note, err)
	}
	if c, err := b.st.Restore(t.Context(), "bob", old); err != nil || c.Revision != 3 || len(c.Changes) > 0 {
		t.Errorf("restored again: revision %d, %d changes: %v", c.Revision, len(c.Changes), err)
	}
}

func testBadBackup(t *testing.T, b *bed) {
	b.apply(t, everything()...)
	want := Contents(b.st.Snapshot())
	data := b.backup(t)
	for name, r := range map[string]io.Reader{
		"empty": strings.NewReader(""), "something else": strings.NewReader("hello, world"), "half": bytes.NewReader(data[:len(data)/2]),
	} {
		if _, err := b.st.ReadBackup(r); !errors.Is(err, store.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	b.same(t, want, "after backups that cannot be used")
}

func testIPAM(t *testing.T, b *bed) {
	b.apply(t, everything()...)
	r, err := b.st.CheckIPAM()
	if err != nil || len(r.Differences) > 0 || r.Revision != 1 || r.Ports != 2 || r.Locks != 2 || r.Blocks == 0 {
		t.Errorf("%+v: %v", r, err)
	}
}

func testClosed(t *testing.T, b *bed) {
	b.apply(t, network("blue", "10.0.0.0/24"))
	want := Contents(b.st.Snapshot())
	if err := b.st.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.st.Apply(t.Context(), "alice", []topology.Op{port("web")}); err == nil {
		t.Error("a closed store was changed")
	}
	if _, err := b.st.History(0, 0, nil); err == nil {
		t.Error("a closed store has history")
	}
	if err := b.st.SaveBindings([]store.Binding{{Port: "web"}}); err == nil {
		t.Error("a closed store keeps bindings")
	}
	if _, err := b.st.Backup(); err == nil {
		t.Error("a closed store was backed up")
	}
	if err := b.st.Check(); err == nil {
		t.Error("a closed store can be used")
	}
	b.same(t, want, "closed")
	if err := b.st.Close(); err != nil {
		t.Error("closed again:", err)
	}
}
