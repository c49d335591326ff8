package status

import (
	"time"

	"github.com/sdnctl/sdnctl/controller/workqueue"
	"github.com/sdnctl/sdnctl/topology"
)

// notifyEvery is the interval at which waiters for a revision are notified of progress. They
// are notified at once when all nodes have confirmed a revision. So a change of a thousand
// nodes does not wake each waiter a thousand times to check a thousand nodes.
const notifyEvery = 50 * time.Millisecond

// pendingNodes are the nodes of a board that have unconfirmed revisions. The board's lock
// guards it.
type pendingNodes struct {
	nodes map[string]*boardNode
	// count is the number of these nodes that have yet to confirm a revision, for revisions
	// that are recorded one by one (workqueue.Unconfirmed.Each).
	count map[topology.Revision]int
	// notifying is set while a notification of progress is scheduled.
	notifying bool
}

// track records the unconfirmed revisions of a node; idle says that there are none. confirmed
// says that a waiter must be notified at once: the last node that had to confirm a revision has
// done so, or the node has confirmed revisions that are not counted.
func (b *pendingNodes) track(name string, n *boardNode) (idle, confirmed bool) {
	was := n.unconfirmed
	q := n.queue.Status()
	now, idle := q.Unconfirmed, q.Idle
	if idle {
		now = workqueue.Unconfirmed{}
		delete(b.nodes, name)
	} else {
		b.nodes[name] = n
	}
	n.unconfirmed = now
	for _, r := range now.Each() {
		b.count[r]++
	}
	for _, r := range was.Each() {
		if b.count[r]--; b.count[r] == 0 {
			delete(b.count, r)
			confirmed = true
		}
	}
	return idle, confirmed || now.Confirmed(was)
}

// forget removes a node.
func (b *pendingNodes) forget(name string, n *boardNode) {
	delete(b.nodes, name)
	for _, r := range n.unconfirmed.Each() {
		if b.count[r]--; b.count[r] == 0 {
			delete(b.count, r)
		}
	}
	n.unconfirmed = workqueue.Unconfirmed{}
}

// signalSoon wakes the waiters within notifyEvery. The caller holds the lock.
func (b *Board) signalSoon() {
	if b.pendingNodes.notifying {
		return
	}
	b.pendingNodes.notifying = true
	time.AfterFunc(notifyEvery, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.pendingNodes.notifying = false
		b.signal()
	})
}

// Confirming reports whether a connected switch has yet to confirm a change.
func (b *Board) Confirming() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range b.pendingNodes.nodes {
		if n.conn != nil {
			return true
		}
	}
	return false
}
