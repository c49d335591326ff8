package status

import (
	"net"
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

// Conn is the connection of a switch. *session.Session implements it.
type Conn interface {
	RemoteAddr() net.Addr
	// Throttled returns how long, and how many times, reading from the switch was paused.
	Throttled() (total time.Duration, pauses uint64)
	// PacketInsDropped returns how many packet-ins of the switch were dropped.
	PacketInsDropped() uint64
}

// Board holds the status of nodes and switches. The dispatcher and the workers write it,
// and any goroutine may read it.
type Board struct {
	mu           sync.Mutex // guards what follows
	now          func() time.Time
	bridge       string // name of the bridge on every node
	secure       bool   // nodes authenticate by certificates
	nodes        map[string]*boardNode
	pendingNodes pendingNodes
	quarantined  map[Conn]Switch
	refused      map[string]refusal // by address without port
	conditions   *condition.Tracker
	// stale are the nodes with a staleSince.
	stale map[*boardNode]struct{}
	// connected and inSync count the nodes that are.
	connected, inSync int
	reviews           schedule
	hosts             map[string]int // number of nodes that are, or were last, at each host
	// dispatched is the newest revision whose work is in the queues.
	dispatched topology.Revision
	// changed is closed at the next change, and replaced.
	changed     chan struct{}
	subscribers map[*func(topology.Ref)]struct{}
	bound       map[string]int // number of bound ports, by node
}

// boardNode is the status of one node.
type boardNode struct {
	status      Node
	queue       *workqueue.Queue
	conn        Conn   // nil while not connected
	host        string // host of the present or last connection, "" if there was none
	bridge      Bridge
	unmatched   condition.Unmatched
	unconfirmed workqueue.Unconfirmed // as pendingNodes has counted it
	// ended are the totals of its earlier connections.
	ended sessionTotals
	// wasInSync says whether the node was in sync when its conditions were last evaluated.
	// staleSince is when that changed; the zero time if it has not.
	wasInSync  bool
	staleSince time.Time
	// counted is how the board has counted the node.
	counted counted
}

// New returns a Board without nodes. now is its clock, bridge the name of the bridge on every
// node, and secure says that nodes authenticate by certificates.
func New(now func() time.Time, bridge string, secure bool) *Board {
	return &Board{
		now: now, bridge: bridge, secure: secure, nodes: map[string]*boardNode{}, pendingNodes: pendingNodes{nodes: map[string]*boardNode{}, count: map[topology.Revision]int{}},
		quarantined: map[Conn]Switch{}, refused: map[string]refusal{}, conditions: condition.NewTracker(), stale: map[*boardNode]struct{}{}, reviews: newSchedule(), hosts: map[string]int{},
		changed: make(chan struct{}), subscribers: map[*func(topology.Ref)]struct{}{}, bound: map[string]int{},
	}
}

// Update changes the status of a node, and notifies waiters and subscribers. It ignores a
// node that is not on the board.
func (b *Board) Update(node string, change func(*Node)) {
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

// Progressed must be called after each change of a node's queue. It notifies waiters and
// subscribers.
func (b *Board) Progressed(node string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n, ok := b.nodes[node]; ok {
		b.progress(n)
	}
}

// Confirmed does what Progressed does for a switch that has confirmed a change. items is the
// number of items that the switch now has.
func (b *Board) Confirmed(node string, items pipeline.Counts) {
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

// progress records a change of a node's queue. Each change of the topology takes the affected
// nodes out of sync for about a millisecond, so progress does not evaluate conditions. They are
// evaluated when they are read. The caller holds the lock.
func (b *Board) progress(n *boardNode) {
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

// track records the unconfirmed revisions of a node, wakes the waiters, and reports whether
// there are none. The caller holds the lock.
func (b *Board) track(n *boardNode) (idle bool) {
	idle, confirmed := b.pendingNodes.track(n.status.Node, n)
	b.count(n, counted{n.status.Connected, n.status.Connected && idle})
	if confirmed {
		b.signal()
	} else {
		b.signalSoon()
	}
	return idle
}

// counted says for which of its numbers of nodes the board counts one.
type counted struct{ connected, inSync bool }

// count counts a node anew, so that the numbers are known without looking at all nodes. The
// caller holds the lock.
func (b *Board) count(n *boardNode, now counted) {
	b.connected += one(now.connected) - one(n.counted.connected)
	b.inSync += one(now.inSync) - one(n.counted.inSync)
	n.counted = now
}

func one(is bool) int {
	if is {
		return 1
	}
	return 0
}

// notify calls the subscribers for an object whose status changed. The caller holds the
// lock.
func (b *Board) notify(o topology.Ref) {
	for f := range b.subscribers {
		(*f)(o)
	}
}

// Changed calls the subscribers for an object whose status changed.
func (b *Board) Changed(o topology.Ref) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.notify(o)
}

// signal wakes the waiters for a change. The caller holds the lock.
func (b *Board) signal() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// Connect records the connection of the node's switch; nil for none.
func (b *Board) Connect(node string, c Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n, ok := b.nodes[node]; ok && n.conn != c {
		n.ended = n.totals()
		n.conn = c
		if c != nil {
			b.moveHost(n, connlimit.Host(c.RemoteAddr()))
		}
	}
}

// Set adds a node to the board, or replaces its queue.
func (b *Board) Set(node string, dpid topology.DatapathID, queue *workqueue.Queue) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, ok := b.nodes[node]
	if !ok {
		n = &boardNode{status: Node{Node: node}}
		b.nodes[node] = n
	}
	n.status.DatapathID, n.queue = dpid, queue
	idle, _ := b.pendingNodes.track(node, n)
	b.count(n, counted{n.status.Connected, n.status.Connected && idle})
	b.assessNode(n)
	b.signal()
}

// Remove removes a node that is no longer declared from the board.
func (b *Board) Remove(node string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n, ok := b.nodes[node]; ok {
		delete(b.nodes, node)
		b.moveHost(n, "")
		b.pendingNodes.forget(node, n)
		b.count(n, counted{})
		delete(b.stale, n)
		b.conditions.Set(nodeRef(node), nil, b.now())
		b.reviews.set(node, time.Time{})
	}
	b.signal()
}

// Reached records that all work of a revision is in the queues.
func (b *Board) Reached(r topology.Revision) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dispatched = r
	b.signal()
}

// Quarantine adds a connected switch that gets no flows.
func (b *Board) Quarantine(c Conn, s Switch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.quarantined[c] = s
	b.signal()
}

// Release removes a switch that Quarantine added.
func (b *Board) Release(c Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.quarantined, c)
	b.signal()
}

// snapshot returns the status, completed from the queue.
func (n *boardNode) snapshot() Node {
	s := n.status
	q := n.queue.Status()
	s.Wanted, s.Acknowledged = q.Wanted, q.Acknowledged
	s.InSync = s.Connected && q.Idle
	return s
}

// Node returns the status of a declared node's switch.
func (b *Board) Node(node string) (Node, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, ok := b.nodes[node]
	if !ok {
		return Node{}, false
	}
	return b.assessNode(n), true
}

// Subscribe calls fn with each node, network, service or port whose status or conditions
// change, until cancel is called. fn must return quickly and must not call the Board.
func (b *Board) Subscribe(fn func(topology.Ref)) (cancel func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.subscribers[&fn] = struct{}{}
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.subscribers, &fn)
	}
}

// Switches returns the switches that get no flows, by datapath id: connected ones that are not
// nodes, and those that were refused, for example because they do not support OpenFlow 1.3.
func (b *Board) Switches() []Switch {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []Switch
	for _, s := range b.quarantined {
		all = append(all, s)
	}
	for _, s := range b.refused {
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
