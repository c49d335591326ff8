package reconcile

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/connlimit"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/workqueue"
	"github.com/sdnctl/sdnctl/topology"
)

// board holds the status of nodes and switches. The dispatcher and the workers write it,
// anyone reads it.
type board struct {
	mu           sync.Mutex
	now          func() time.Time
	bridge       string // name of the bridge on every node
	secure       bool   // nodes prove who they are
	nodes        map[string]*boardNode
	pendingNodes pendingNodes
	quarantined  map[*peer]Switch
	refused      map[string]refusal // by address without port
	conditions   *condition.Tracker
	// stale are the nodes that have a staleSince.
	stale   map[*boardNode]struct{}
	reviews schedule
	hosts   map[string]int // at which nodes are, or were last, and how many
	// dispatched is the newest revision whose work is in the queues.
	dispatched topology.Revision
	// changed is closed at the next change, and replaced.
	changed     chan struct{}
	subscribers map[*func(topology.Ref)]struct{}
	bound       map[string]int // how many ports are bound, by node
}

// boardNode is the status of one node.
type boardNode struct {
	status      NodeStatus
	queue       *workqueue.Queue
	peer        *peer  // nil while not connected
	host        string // where the last one was, "" without one
	facts       nodeFacts
	unmatched   condition.Unmatched
	unconfirmed workqueue.Unconfirmed // as pendingNodes has counted it
	// throttled is for how long reading from its earlier switches was paused.
	throttled time.Duration
	// wasInSync is whether the node was in sync when its conditions were last
	// evaluated, and staleSince when that changed; the zero time if it has not.
	wasInSync  bool
	staleSince time.Time
}

func newBoard(now func() time.Time, bridge string) *board {
	return &board{
		now: now, bridge: bridge, nodes: map[string]*boardNode{}, pendingNodes: pendingNodes{nodes: map[string]*boardNode{}, count: map[topology.Revision]int{}},
		quarantined: map[*peer]Switch{}, refused: map[string]refusal{}, conditions: condition.NewTracker(), stale: map[*boardNode]struct{}{}, reviews: newSchedule(), hosts: map[string]int{},
		changed: make(chan struct{}), subscribers: map[*func(topology.Ref)]struct{}{}, bound: map[string]int{},
	}
}

// update changes the status of a node, and notifies waiters and subscribers. It ignores a
// node that is not on the board.
func (b *board) update(node string, change func(*NodeStatus)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, ok := b.nodes[node]
	if !ok {
		return
	}
	change(&n.status)
	b.track(n)
	b.evaluate(n)
	b.notify(nodeRef(node))
}

// progressed must be called after each change of a node's queue. It notifies waiters and
// subscribers.
func (b *board) progressed(node string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n, ok := b.nodes[node]; ok {
		b.progress(n)
	}
}

// confirmed is progressed for a switch that has confirmed something and now has so
// many items.
func (b *board) confirmed(node string, items pipeline.Counts) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, ok := b.nodes[node]
	if !ok {
		return
	}
	n.status.Items = items
	b.progress(n)
	if n.status.LastError != "" {
		n.status.LastError = ""
		b.evaluate(n)
	}
}

// progress records a change of a node's queue. Every change takes the nodes that it concerns
// out of sync for about a millisecond, so conditions are not evaluated here but when
// somebody reads them. The caller holds the lock.
func (b *board) progress(n *boardNode) {
	switch inSync := b.track(n) && n.status.Connected; {
	case inSync == n.wasInSync:
		n.staleSince = time.Time{}
		delete(b.stale, n)
	case n.staleSince.IsZero():
		n.staleSince = b.now()
		b.stale[n] = struct{}{}
	}
	b.notify(nodeRef(n.status.Node))
}

// track records what a node has to confirm, wakes the waiters, and reports whether there is
// nothing to confirm. The caller holds the lock.
func (b *board) track(n *boardNode) (idle bool) {
	idle, confirmed := b.pendingNodes.track(n.status.Node, n)
	if confirmed {
		b.signal()
	} else {
		b.signalSoon()
	}
	return idle
}

// notify calls the subscribers for an object whose status changed. The caller holds the
// lock.
func (b *board) notify(o topology.Ref) {
	for f := range b.subscribers {
		(*f)(o)
	}
}

// statusChanged is notify for callers that do not hold the lock.
func (b *board) statusChanged(o topology.Ref) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.notify(o)
}

// signal wakes those who wait for a change. The caller holds the lock.
func (b *board) signal() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// connect records the node's switch; nil for none.
func (b *board) connect(node string, p *peer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n, ok := b.nodes[node]; ok && n.peer != p {
		n.throttled = n.throttledInAll()
		n.peer = p
		if p != nil {
			b.moveHost(n, connlimit.Host(p.sess.RemoteAddr()))
		}
	}
}

// set adds a node to the board, or replaces its queue.
func (b *board) set(node string, dpid topology.DatapathID, queue *workqueue.Queue) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, ok := b.nodes[node]
	if !ok {
		n = &boardNode{status: NodeStatus{Node: node}}
		b.nodes[node] = n
	}
	n.status.DatapathID, n.queue = dpid, queue
	b.pendingNodes.track(node, n)
	b.assessNode(n)
	b.signal()
}

func (b *board) remove(node string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n, ok := b.nodes[node]; ok {
		delete(b.nodes, node)
		b.moveHost(n, "")
		b.pendingNodes.forget(node, n)
		delete(b.stale, n)
		b.conditions.Set(nodeRef(node), nil, b.now())
		b.reviews.set(node, time.Time{})
	}
	b.signal()
}

// reached records that all work of a revision is in the queues.
func (b *board) reached(r topology.Revision) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dispatched = r
	b.signal()
}

func (b *board) quarantine(p *peer, s Switch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.quarantined[p] = s
	b.signal()
}

func (b *board) release(p *peer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.quarantined, p)
	b.signal()
}

// snapshot returns the status, completed from the queue.
func (n *boardNode) snapshot() NodeStatus {
	s := n.status
	q := n.queue.Status()
	s.Wanted, s.Acknowledged = q.Wanted, q.Acknowledged
	s.InSync = s.Connected && q.Idle
	return s
}

// NodeStatus returns the status of a declared node's switch.
func (f *Fabric) NodeStatus(node string) (NodeStatus, bool) {
	b := f.board
	b.mu.Lock()
	defer b.mu.Unlock()
	n, ok := b.nodes[node]
	if !ok {
		return NodeStatus{}, false
	}
	return b.assessNode(n), true
}

// Subscribe calls fn with each node, network or port whose status or conditions
// change, until cancel is called. fn must be quick and must not call the Fabric.
func (f *Fabric) Subscribe(fn func(topology.Ref)) (cancel func()) {
	f.board.mu.Lock()
	defer f.board.mu.Unlock()
	f.board.subscribers[&fn] = struct{}{}
	return func() {
		f.board.mu.Lock()
		defer f.board.mu.Unlock()
		delete(f.board.subscribers, &fn)
	}
}

// Switches returns the switches that get no flows, by datapath id: those that are
// connected but no node, and those refused because they cannot OpenFlow 1.3.
func (f *Fabric) Switches() []Switch {
	f.board.mu.Lock()
	defer f.board.mu.Unlock()
	var all []Switch
	for _, s := range f.board.quarantined {
		all = append(all, s)
	}
	for _, s := range f.board.refused {
		all = append(all, s.Switch)
	}
	slices.SortFunc(all, func(a, b Switch) int {
		if a.DatapathID != b.DatapathID {
			if a.DatapathID < b.DatapathID {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Address, b.Address)
	})
	return all
}

// Acks returns the nodes that have yet to confirm a revision. Only nodes whose flows it
// changes are among them. A node that is not connected is among them until it has connected
// and its switch was compared. After a start of the daemon every revision is unconfirmed
// until the switches are compared, because it is not known what they have.
func (f *Fabric) Acks(rev topology.Revision) Acks {
	b := f.board
	b.mu.Lock()
	defer b.mu.Unlock()
	a := Acks{Revision: rev, Changed: b.changed}
	if b.dispatched < rev {
		a.Pending = []Pending{{Wanted: rev, Acknowledged: b.dispatched, Reason: "the controller has yet to compute it"}}
		return a
	}
	for name, n := range b.pendingNodes.nodes {
		q := n.queue.Status()
		if q.Idle || !q.Unconfirmed.Includes(rev) {
			continue
		}
		p := Pending{Node: name, Connected: n.status.Connected, Wanted: q.Wanted, Acknowledged: q.Acknowledged}
		switch {
		case n.status.LastError != "":
			p.Reason = n.status.LastError
		case !p.Connected && n.status.Since.IsZero():
			p.Reason = "has never connected; " + condition.Join("that machine", name, b.secure)
		case !p.Connected:
			p.Reason = "not connected since " + n.status.Since.Format(time.RFC3339)
		default:
			p.Reason = "its switch has yet to confirm"
		}
		a.Pending = append(a.Pending, p)
	}
	slices.SortFunc(a.Pending, func(x, y Pending) int { return strings.Compare(x.Node, y.Node) })
	return a
}
