package reconcile

import (
	"time"

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
	// count is how many of them owe a revision that they owe singly.
	count map[topology.Revision]int
	// telling is set while progress is to be told soon.
	telling bool
}

// track notes what the node has to confirm. It reports whether somebody may have
// waited just for that: a revision was confirmed by the last node that owed it,
// or the node has confirmed more than is counted.
func (b *behind) track(name string, n *boardNode) (confirmed bool) {
	was := n.owing
	_, _, now, idle := n.mail.state()
	if idle {
		now = owing{}
		delete(b.nodes, name)
	} else {
		b.nodes[name] = n
	}
	n.owing = now
	for _, r := range now.each {
		b.count[r]++
	}
	for _, r := range was.each {
		if b.count[r]--; b.count[r] == 0 {
			delete(b.count, r)
			confirmed = true
		}
	}
	return confirmed || now.unknown < was.unknown || now.from == 0 && was.from != 0
}

// forget takes a node out.
func (b *behind) forget(name string, n *boardNode) {
	delete(b.nodes, name)
	for _, r := range n.owing.each {
		if b.count[r]--; b.count[r] == 0 {
			delete(b.count, r)
		}
	}
	n.owing = owing{}
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
