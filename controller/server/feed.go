package server

import (
	"slices"
	"sync"

	"github.com/tidwall/btree"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

// The feed keeps the newest commits for watches to read, as long as there are
// not more of them, or of changes in them, than this. Older ones come from the
// store's history.
const (
	feedCommits = 1024
	feedChanges = 100_000
	// feedObjects is of how many objects the feed keeps that their status changed;
	// a watch that is further behind has to read everything anew.
	feedObjects = 10_000
)

// feed is the tail of what happened. Watches do not get events pushed: each
// reads on from where it is, at its own pace, so a slow one costs nothing.
type feed struct {
	mu sync.Mutex
	// commits are consecutive revisions, the last of which is revision.
	commits  []store.Commit
	changes  int
	revision topology.Revision
	// version counts changes of status. order has the objects whose status changed
	// last, each once, by the version of its last change, so that reading on costs
	// what is new; seen has the same by object. Older ones than lost are not kept.
	version uint64
	order   btree.Map[uint64, topology.Ref]
	seen    map[topology.Ref]uint64
	lost    uint64
	// news is closed, and replaced, when there is something new.
	news chan struct{}
}

func newFeed(rev topology.Revision) *feed {
	return &feed{revision: rev, seen: map[topology.Ref]uint64{}, news: make(chan struct{})}
}

// committed takes in a commit. The store calls it in order.
func (f *feed) committed(c store.Commit) {
	f.mu.Lock()
	defer f.mu.Unlock()
	// Watches need the changes; whole snapshots would only be kept alive.
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

// statusChanged takes in that an object's status is another.
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

func (f *feed) wake() {
	close(f.news)
	f.news = make(chan struct{})
}

// cursor is how far a watch has read.
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

// batch is what is new after a cursor.
type batch struct {
	commits []store.Commit
	// missing says that commits after the cursor are not kept any more.
	missing bool
	// lost says that changes of status after the cursor are not kept any more.
	lost bool
	// status are the objects whose status changed, in the order of condition.Compare.
	status []topology.Ref
	// next is the cursor after the batch, news tells when there is more.
	next cursor
	news <-chan struct{}
}

// after returns what is new after c. The result's slices are the caller's, the
// objects in them shared.
func (f *feed) after(c cursor) batch {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := batch{next: cursor{f.revision, f.version}, news: f.news}
	switch {
	case c.revision > f.revision:
		// A cursor of another life of the data file.
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
