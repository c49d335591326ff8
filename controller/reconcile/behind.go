package reconcile

import (
	"time"

	"github.com/tidwall/btree"

	"github.com/sdnctl/sdnctl/topology"
)

// tellEvery is how often those who wait for a revision are told of progress. Of
// what they wait for they are told at once. So a change of a thousand nodes does
// not wake everybody a thousand times to look at a thousand nodes.
const tellEvery = 50 * time.Millisecond

// behind are the nodes of a board that have something to confirm. The board's
// lock guards it.
type behind struct {
	nodes map[string]*boardNode
	// since counts them by the oldest revision that they have not confirmed.
	since btree.Map[topology.Revision, int]
	// telling is set while progress is to be told soon.
	telling bool
}

// track notes whether the node has something to confirm. It reports whether all
// nodes have now confirmed a revision that not all had.
func (b *behind) track(name string, n *boardNode) (confirmed bool) {
	_, _, oldest, idle := n.mail.state()
	first, _, some := b.since.Min()
	b.forget(name)
	if !idle {
		b.nodes[name], n.oldest = n, oldest
		count, _ := b.since.Get(oldest)
		b.since.Set(oldest, count+1)
	}
	now, _, still := b.since.Min()
	return some && (!still || now > first)
}

// forget takes a node out.
func (b *behind) forget(name string) {
	n, ok := b.nodes[name]
	if !ok {
		return
	}
	delete(b.nodes, name)
	if count, _ := b.since.Get(n.oldest); count > 1 {
		b.since.Set(n.oldest, count-1)
	} else {
		b.since.Delete(n.oldest)
	}
}

// signalSoon wakes those who wait, within tellEvery. The caller holds the lock.
func (b *board) signalSoon() {
	if b.behind.telling {
		return
	}
	b.behind.telling = true
	time.AfterFunc(tellEvery, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.behind.telling = false
		b.signal()
	})
}
