package server

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
	"github.com/sdnctl/sdnctl/topology/store"
)

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

// watching collects events of a watch.
type watching struct {
	t      *testing.T
	events chan api.Event
	cancel context.CancelFunc
	done   chan error
}

func (b *bed) watch(from api.Revision) *watching {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w := &watching{t: b.t, events: make(chan api.Event), cancel: cancel, done: make(chan error, 1)}
	go func() {
		w.done <- b.client.Watch(ctx, api.WatchOptions{From: from}, func(e api.Event) error {
			select {
			case w.events <- e:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	b.t.Cleanup(w.stop)
	return w
}

func (w *watching) stop() {
	w.cancel()
	if w.done != nil {
		<-w.done
		w.done = nil
	}
}

// next returns the next n events, each as a line.
func (w *watching) next(n int) []string {
	w.t.Helper()
	var lines []string
	for range n {
		select {
		case e := <-w.events:
			line := fmt.Sprintf("%s %d %s %s", e.Type, e.Revision, e.Verb, e.Object)
			if e.Complete {
				line += " complete"
			}
			lines = append(lines, line)
		case <-time.After(patience):
			w.t.Fatalf("no more events after %q", lines)
		}
	}
	return lines
}

func TestWatch(t *testing.T) {
	b := newBed(t, nil)
	b.declareBlue()
	w := b.watch(0)
	got := w.next(1)
	b.apply(object(t, "web3", model.PortSpec{Network: "blue"}), object(t, "web4", model.PortSpec{Network: "blue"}))
	got = append(got, w.next(2)...)
	b.fabric.setNode(status.Node{Node: "node1", Connected: true})
	got = append(got, w.next(1)...)
	// The status of an object that is not declared is sent to nobody.
	b.fabric.setNode(status.Node{Node: "other", Connected: true})
	if _, err := b.client.Delete(t.Context(), api.KindPort, "web3", 0); err != nil {
		t.Fatal(err)
	}
	got = append(got, w.next(1)...)
	want := []string{
		"ready 1   complete",
		"change 2 create port/web3",
		"change 2 create port/web4 complete",
		"node 2  node/node1",
		"change 3 delete port/web3 complete",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWatchResumes(t *testing.T) {
	b := newBed(t, nil)
	b.declareBlue()
	for i := range 3 {
		b.apply(object(t, fmt.Sprintf("p%d", i), model.PortSpec{Network: "blue"}))
	}
	want := []string{"ready 2   complete", "change 3 create port/p1 complete", "change 4 create port/p2 complete"}
	if diff := cmp.Diff(want, b.watch(2).next(3)); diff != "" {
		t.Errorf("from what is kept (-want +got):\n%s", diff)
	}
	// A server that has just started has an empty feed, so the history is read.
	fresh := newFeed()
	b.server.feed.mu.Lock()
	b.server.feed.commits, b.server.feed.changes = fresh.commits, fresh.changes
	b.server.feed.mu.Unlock()
	if diff := cmp.Diff(want, b.watch(2).next(3)); diff != "" {
		t.Errorf("from the history (-want +got):\n%s", diff)
	}
	want = []string{"ready 99   complete", "resync 4   complete"}
	if diff := cmp.Diff(want, b.watch(99).next(2)); diff != "" {
		t.Errorf("from another life (-want +got):\n%s", diff)
	}
}

// noHistory is a store without a history.
type noHistory struct{ store.Store }

func (noHistory) History(topology.Revision, int, func(*store.Entry) bool) ([]store.Entry, error) {
	return nil, nil
}

func TestWatchResyncsWhenTooOld(t *testing.T) {
	b := newBed(t, func(c *Config) { c.Store = noHistory{c.Store.(store.Store)} })
	b.declareBlue()
	b.server.feed.mu.Lock()
	b.server.feed.commits, b.server.feed.changes = nil, 0
	b.server.feed.mu.Unlock()
	b.apply(object(t, "web3", model.PortSpec{Network: "blue"}))
	w := b.watch(0)
	w.next(1)
	resp, _ := b.raw("GET", "/v1/watch?from=x", "", nil)
	if resp.StatusCode != 422 {
		t.Errorf("from=x: %s", resp.Status)
	}
	at := cursor{}
	batch := b.server.feed.after(at)
	if !batch.missing {
		t.Errorf("revision 1 is not kept, but: %+v", batch)
	}
}

func TestFeedIsBounded(t *testing.T) {
	f := newFeed()
	for i := range topology.Revision(3 * feedCommits) {
		f.committed(store.Commit{Revision: i + 1, Changes: make([]topology.Change, 200)})
	}
	if len(f.commits) > feedCommits || f.changes > feedChanges {
		t.Errorf("kept %d commits with %d changes", len(f.commits), f.changes)
	}
	f.committed(store.Commit{Revision: f.revision + 1, Changes: make([]topology.Change, 2*feedChanges)})
	if len(f.commits) != 1 || f.changes != 2*feedChanges {
		t.Errorf("after a huge one: kept %d commits with %d changes", len(f.commits), f.changes)
	}
	b := f.after(cursor{revision: f.revision - 1})
	if b.missing || len(b.commits) != 1 || b.next.revision != f.revision {
		t.Errorf("newest: %d commits, missing %t", len(b.commits), b.missing)
	}
	if b := f.after(cursor{revision: f.revision - 2}); !b.missing {
		t.Error("what is not kept is not said to be missing")
	}
	if b := f.after(f.now()); b.missing || b.commits != nil || b.status != nil {
		t.Errorf("nothing new, but %+v", b)
	}
}

func TestWatchersAreLimited(t *testing.T) {
	b := newBed(t, func(c *Config) { c.MaxWatchers = 1 })
	w := b.watch(0)
	w.next(1)
	err := b.client.Watch(t.Context(), api.WatchOptions{}, func(api.Event) error { return errors.New("came through") })
	if codeFrom(t, err) != api.CodeUnavailable {
		t.Errorf("second watch: %v", err)
	}
}

// TestShutdownEndsWatchesAndWaits stops a server with a watch and a wait open.
func TestShutdownEndsWatchesAndWaits(t *testing.T) {
	b := newBed(t, nil)
	b.declareBlue()
	b.fabric.setPending(status.Pending{Node: "node1", Wanted: 1})
	w := b.watch(0)
	w.next(1)
	waited := make(chan error, 1)
	go func() {
		_, err := b.client.Acks(context.Background(), 1, time.Minute)
		waited <- err
	}()
	start := time.Now()
	b.stop()
	if d := time.Since(start); d > drainTimeout {
		t.Errorf("took %s", d)
	}
	if err := <-w.done; err == nil {
		t.Error("the watch ended without an error")
	}
	w.done = nil
	// It is answered, or refused because it came too late, but it does not hang.
	<-waited
}
