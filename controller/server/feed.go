package server

import (
	"slices"
	"sync"

	"github.com/tidwall/btree"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

const (
	// feedCommits and feedChanges limit how many of the newest commits, and of the changes
	// in them, the feed keeps. Watches get older ones from the store's history.
	feedCommits = 1024
	feedChanges = 100_000
	// feedObjects is the number of objects whose change of status the feed keeps; a watch
	// that has missed more must read everything again.
	feedObjects = 10_000
)

// feed keeps the newest changes for watches. Each watch reads from its own cursor at its own
// pace, so a slow watch needs no queue.
type feed struct {
	mu sync.Mutex // guards what follows
	// commits are consecutive revisions, the last of which is revision.
	commits  []store.Commit
	changes  int
	revision topology.Revision
	// version counts changes of status.
	version uint64
	// order has the objects whose status changed last, each once, by the version of its last
	// change, so that a watch reads only what is new. seen is the inverse of order.
	order btree.Map[uint64, topology.Ref]
	seen  map[topology.Ref]uint64
	// lost is the newest version that is no longer kept.
	lost uint64
	// news is closed, and replaced, when a commit or a change of status is added.
	news chan struct{}
}

func newFeed() *feed {
	return &feed{seen: map[topology.Ref]uint64{}, news: make(chan struct{})}
}

// follow has the feed follow a store from its present revision on.
func (f *feed) follow(st store.Committer) {
	f.mu.Lock() // so that the first commit comes after the revision
	defer f.mu.Unlock()
	f.revision = st.OnCommit(f.committed).Revision()
}

// committed adds a commit. The store calls it for each commit in order.
func (f *feed) committed(c store.Commit) {
	f.mu.Lock()
	defer f.mu.Unlock()
	// Watches need only the changes. The snapshots would stay in memory.
	c.Before, c.After = nil, nil
	f.commits = append(f.commits, c)
	f.changes += len(c.Changes)
	f.revision = c.Revision
	drop := 0
	for len(f.commits)-drop > feedCommits || f.changes > feedChanges && len(f.commits)-drop > 1 {
		f.changes -= len(f.commits[drop].Changes)
		drop++
	}
	if drop > 0 {
		f.commits = slices.Delete(f.commits, 0, drop)
	}
	f.wake()
}

// statusChanged records that the status of an object has changed.
func (f *feed) statusChanged(o topology.Ref) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if old, ok := f.seen[o]; ok {
		f.order.Delete(old)
	}
	f.version++
	f.order.Set(f.version, o)
	f.seen[o] = f.version
	if f.order.Len() > feedObjects {
		version, oldest, _ := f.order.PopMin()
		delete(f.seen, oldest)
		f.lost = version
	}
	f.wake()
}

// wake notifies the watches. The caller holds f.mu.
func (f *feed) wake() {
	close(f.news)
	f.news = make(chan struct{})
}

// cursor is the position of a watch in the feed.
type cursor struct {
	revision topology.Revision
	version  uint64
}

// now returns the cursor of a watch that begins now.
func (f *feed) now() cursor {
	f.mu.Lock()
	defer f.mu.Unlock()
	return cursor{f.revision, f.version}
}

// batch is what happened after a cursor.
type batch struct {
	commits []store.Commit
	// missing says that commits after the cursor are no longer kept.
	missing bool
	// lost says that changes of status after the cursor are no longer kept.
	lost bool
	// status are the objects whose status changed, in the order of condition.Compare.
	status []topology.Ref
	// next is the cursor after the batch, news is closed when there is more.
	next cursor
	news <-chan struct{}
}

// after returns what happened after c. The caller owns the slices of the result; the
// objects in them are shared.
func (f *feed) after(c cursor) batch {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := batch{next: cursor{f.revision, f.version}, news: f.news}
	switch {
	case c.revision > f.revision:
		// The cursor is from another data file, which had more revisions.
		b.missing = true
	case c.revision < f.revision:
		i := len(f.commits) - int(min(f.revision-c.revision, topology.Revision(len(f.commits)+1)))
		if i < 0 {
			b.missing = true
		} else {
			b.commits = slices.Clone(f.commits[i:])
		}
	}
	if b.lost = c.version < f.lost; !b.lost && c.version < f.version {
		f.order.Ascend(c.version+1, func(_ uint64, o topology.Ref) bool {
			b.status = append(b.status, o)
			return true
		})
		slices.SortFunc(b.status, condition.Compare)
	}
	return b
}
