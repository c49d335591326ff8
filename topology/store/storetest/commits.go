package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

func testNew(t *testing.T, b *bed) {
	b.same(t, map[string]any{"revision": topology.Revision(0)}, "a new store has something")
	if h, err := b.st.History(0, 0, nil); err != nil || len(h) > 0 {
		t.Errorf("history %v: %v", h, err)
	}
	if err := b.st.Check(); err != nil {
		t.Error(err)
	}
	b.reopen(t)
	b.same(t, map[string]any{"revision": topology.Revision(0)}, "a new store that is opened again has something")
}

func testApply(t *testing.T, b *bed) {
	before := b.st.Snapshot()
	c := b.apply(t, everything()...)
	if c.Revision != before.Revision()+1 || c.Before != before || c.After != b.st.Snapshot() || c.After.Revision() != c.Revision {
		t.Errorf("revision %d on %d; before %p, want %p; after %p, the newest is %p", c.Revision, before.Revision(), c.Before, before, c.After, b.st.Snapshot())
	}
	if c.Author != "alice" || c.Time.IsZero() || len(c.Changes) != len(everything()) || len(c.Blocks) == 0 {
		t.Errorf("author %q, time %v, %d changes, %d blocks", c.Author, c.Time, len(c.Changes), len(c.Blocks))
	}
	b.apply(t, del(topology.KindPort, "pod"), port("db"))
	want := Contents(b.st.Snapshot())
	b.reopen(t)
	b.same(t, want, "opened again")
	if c := b.apply(t, port("late")); c.Revision != 3 {
		t.Errorf("revision %d after the store was opened again, want 3", c.Revision)
	}
}

func testNothing(t *testing.T, b *bed) {
	b.apply(t, network("blue", "10.0.0.0/24"))
	calls := 0
	b.st.OnCommit(func(store.Commit) { calls++ })
	before := b.st.Snapshot()
	c := b.apply(t, network("blue", "10.0.0.0/24"))
	if c.Revision != before.Revision() || c.Before != before || c.After != before || len(c.Changes) > 0 {
		t.Errorf("commit %+v", c)
	}
	h, err := b.st.History(0, 0, nil)
	if err != nil || len(h) != 1 || calls > 0 {
		t.Errorf("%d entries, %d calls: %v", len(h), calls, err)
	}
}

// testRefused: of a transaction with one wrong op nothing happens, and the next is not
// affected.
func testRefused(t *testing.T, b *bed) {
	b.apply(t, network("blue", "10.0.0.0/24"))
	want := Contents(b.st.Snapshot())
	_, err := b.st.Apply(t.Context(), "alice", []topology.Op{port("web"), del(topology.KindNetwork, "none")})
	var wrong topology.Problems
	if !errors.As(err, &wrong) {
		t.Errorf("error %v, want problems", err)
	}
	b.same(t, want, "after a refusal")
	b.apply(t, port("web"))
}

func testCancelled(t *testing.T, b *bed) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	want := Contents(b.st.Snapshot())
	if _, err := b.st.Apply(ctx, "alice", everything()); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	b.same(t, want, "after a change that nobody waited for")
}

// testBroken: what cannot be written has not happened, for nobody, and the store goes on
// when it can.
func testBroken(t *testing.T, b *bed) {
	b.apply(t, network("blue", "10.0.0.0/24"))
	if err := b.st.SaveBindings([]store.Binding{{Port: "web", Node: "n1", Interface: "a"}}); err != nil {
		t.Fatal(err)
	}
	calls := 0
	b.st.OnCommit(func(store.Commit) { calls++ })
	want := Contents(b.st.Snapshot())
	mend := b.impl.Break(t, b.st)
	if _, err := b.st.Apply(t.Context(), "alice", []topology.Op{port("web")}); !errors.Is(err, store.ErrNoSpace) {
		t.Errorf("apply: %v", err)
	}
	if err := b.st.SaveBindings([]store.Binding{{Port: "web", Gone: true}, {Port: "db", Node: "n2"}}); !errors.Is(err, store.ErrNoSpace) {
		t.Errorf("save bindings: %v", err)
	}
	if err := b.st.SaveLocals([]store.Local{{Node: "n1"}}); !errors.Is(err, store.ErrNoSpace) {
		t.Errorf("save locals: %v", err)
	}
	if err := b.st.SetNote("k", []byte("v")); !errors.Is(err, store.ErrNoSpace) {
		t.Errorf("set note: %v", err)
	}
	b.same(t, want, "after a failure")
	mend()
	if calls > 0 {
		t.Errorf("%d calls for what was not written", calls)
	}
	if bs, err := b.st.Bindings(); err != nil || len(bs) != 1 || bs[0].Port != "web" {
		t.Errorf("bindings %v: %v", bs, err)
	}
	c := b.apply(t, port("web"))
	if c.Revision != 2 || calls != 1 {
		t.Errorf("revision %d, %d calls", c.Revision, calls)
	}
	want = Contents(b.st.Snapshot())
	b.reopen(t)
	b.same(t, want, "opened again after a failure")
}

// testConcurrent: changes of many are in one order, in which each follows the one before.
func testConcurrent(t *testing.T, b *bed) {
	const writers, each = 16, 8
	b.apply(t, network("blue", "10.0.0.0/16"))
	var seen []store.Commit // the store calls one at a time
	last := b.st.OnCommit(func(c store.Commit) { seen = append(seen, c) })
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				c, err := b.st.Apply(context.Background(), fmt.Sprint(w), []topology.Op{port(fmt.Sprintf("p%d-%d", w, i))})
				if err != nil || c.Author != fmt.Sprint(w) || len(c.Changes) != 1 {
					t.Errorf("%+v: %v", c, err)
				}
				if now := b.st.Snapshot().Revision(); now < c.Revision {
					t.Errorf("revision %d is committed, but %d is the newest", c.Revision, now)
				}
			}
		})
	}
	wg.Wait()
	if len(seen) != writers*each {
		t.Errorf("%d commits, want %d", len(seen), writers*each)
	}
	for _, c := range seen {
		if c.Before != last || c.Revision != last.Revision()+1 {
			t.Fatalf("revision %d does not follow %d", c.Revision, last.Revision())
		}
		last = c.After
	}
	if last != b.st.Snapshot() {
		t.Error("the last commit is not the newest state")
	}
	h, err := b.st.History(0, writers*each, nil)
	if err != nil || !slices.EqualFunc(seen, reversed(h), func(c store.Commit, e store.Entry) bool { return c.Revision == e.Revision && c.Author == e.Author }) {
		t.Errorf("the history has another order: %v", err)
	}
}

func reversed[T any](all []T) []T {
	all = slices.Clone(all)
	slices.Reverse(all)
	return all
}

// testFollowers: each is called for a commit before the caller who made it returns, once it is
// durable and the newest.
func testFollowers(t *testing.T, b *bed) {
	var called []string
	follow := func(name string) {
		b.st.OnCommit(func(c store.Commit) {
			called = append(called, fmt.Sprint(name, " ", c.Revision))
			if b.st.Snapshot() != c.After {
				t.Errorf("%s is called for revision %d while the newest is %d", name, c.Revision, b.st.Snapshot().Revision())
			}
			if h, err := b.st.History(0, 1, nil); err != nil || len(h) != 1 || h[0].Revision != c.Revision {
				t.Errorf("%s is called for revision %d while the history has %v: %v", name, c.Revision, h, err)
			}
		})
	}
	follow("a")
	b.apply(t, network("blue", "10.0.0.0/24"))
	follow("b")
	b.apply(t, port("web"))
	if _, err := b.st.Restore(t.Context(), "bob", topology.NewLoader().Snapshot(9)); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"a 1", "a 2", "b 2", "a 3", "b 3"}, called); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
