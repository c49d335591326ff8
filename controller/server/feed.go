package server

import (
	"cmp"
	"slices"
	"sync"

	"github.com/tidwall/btree"

	"github.com/sdnctl/sdnctl/controller/reconcile"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

// The feed keeps the newest commits for watches to read, as long as there are
// not more of them, or of changes in them, than this. Older ones come from the
// store's history.
const (
	feedCommits = 1024
	feedChanges = 100_000
	// feedPorts is of how many ports the feed keeps that their status changed; a
	// watch that is further behind has to read everything anew.
	feedPorts = 10_000
)

// feed is the tail of what happened. Watches do not get events pushed: each
// reads on from where it is, at its own pace, so a slow one costs nothing.
type feed struct {
	mu sync.Mutex
	// commits are consecutive revisions, the last of which is revision.
	commits  []store.Commit
	changes  int
	revision topology.Revision
	// nodes holds each node's newest status; version counts updates of it, and
	// order has the nodes by their last, so that reading on costs what is new.
	nodes   map[string]nodeUpdate
	version uint64
	order   btree.Map[uint64, string]
	// ports are the ports whose status changed last, oldest first and each once,
	// with their versions; older ones than lost are not among them.
	ports     btree.Map[uint64, string]
	portsSeen map[string]uint64
	lost      uint64
	// news is closed, and replaced, when there is something new.
	news chan struct{}
}

// nodeUpdate is a node's status and the version of the feed that brought it.
type nodeUpdate struct {
	status  reconcile.NodeStatus
	version uint64
}

func newFeed(rev topology.Revision) *feed {
	return &feed{revision: rev, nodes: map[string]nodeUpdate{}, portsSeen: map[string]uint64{}, news: make(chan struct{})}
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

// nodeChanged takes in a node's status.
func (f *feed) nodeChanged(st reconcile.NodeStatus) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if old, ok := f.nodes[st.Node]; ok {
		f.order.Delete(old.version)
	}
	f.version++
	f.nodes[st.Node] = nodeUpdate{st, f.version}
	f.order.Set(f.version, st.Node)
	f.wake()
}

// portChanged takes in that a port's status is another.
func (f *feed) portChanged(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if old, ok := f.portsSeen[name]; ok {
		f.ports.Delete(old)
	}
	f.version++
	f.ports.Set(f.version, name)
	f.portsSeen[name] = f.version
	if f.ports.Len() > feedPorts {
		version, oldest, _ := f.ports.PopMin()
		delete(f.portsSeen, oldest)
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
	// lost says that changes of ports after the cursor are not kept any more.
	lost bool
	// nodes are sorted by name.
	nodes []reconcile.NodeStatus
	// ports are the names of those whose status changed, sorted.
	ports []string
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
	if c.version < f.version {
		f.order.Ascend(c.version+1, func(_ uint64, name string) bool {
			b.nodes = append(b.nodes, f.nodes[name].status)
			return true
		})
		if b.lost = c.version < f.lost; !b.lost {
			f.ports.Ascend(c.version+1, func(_ uint64, name string) bool {
				b.ports = append(b.ports, name)
				return true
			})
			slices.Sort(b.ports)
		}
		slices.SortFunc(b.nodes, func(x, y reconcile.NodeStatus) int { return cmp.Compare(x.Node, y.Node) })
	}
	return b
}
