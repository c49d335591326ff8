package workqueue

import (
	"slices"
	"sync"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
)

// Queue has the work that waits for one node. Make it with New. Its methods may be called by
// any goroutine, except Take, Done, Failed, Postpone and Distrust, which only one worker may
// call.
type Queue struct {
	notify chan struct{} // has one element when there may be work

	mu      sync.Mutex // guards what follows
	state   State
	waiting Job
	out     Job // the job of the worker
	// held are units that wait for other nodes, and heldView the newest view that holds any.
	held     Marks
	heldView *pipeline.View
	acked    topology.Revision
	// unconfirmed has the revisions of all this work that are not confirmed.
	unconfirmed Unconfirmed
	waiters     []waiter
	charged     []Charge // changes whose work is not done; see charge.go
	guarded     bool     // see guard.go
}

// waiter is called when the node has confirmed a view.
type waiter struct {
	seq  uint64
	call func()
}

// New returns a queue in which nothing waits.
func New() *Queue { return &Queue{notify: make(chan struct{}, 1)} }

// Notify returns a channel that has an element when there may be work.
func (q *Queue) Notify() <-chan struct{} { return q.notify }

// happens goes to the next state. It returns false, and changes nothing, if the event
// cannot occur in the present state. The caller holds the lock.
func (q *Queue) happens(e event) bool {
	next, comes := q.state.after(e)
	q.state = next
	if comes && next.waits() {
		q.wake()
	}
	return comes
}

func (q *Queue) wake() {
	select {
	case q.notify <- struct{}{}:
	default:
	}
}

// add records work of a scope for a view. The caller holds the lock.
func (q *Queue) add(v *pipeline.View, s Scope) {
	q.waiting.View, q.waiting.Scope = v, max(q.waiting.Scope, s)
	q.unconfirmed.add(v.Topo.Revision())
	q.happens(added)
}

// Post adds units that the step from base to v may have changed. Units that were held no longer
// are, because what else now depends on them must not overtake them.
func (q *Queue) Post(base, v *pipeline.View, units []pipeline.Unit) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.add(v, Units)
	switch {
	case q.waiting.Scope >= Full:
	case len(q.waiting.Units)+len(units) > MaxMarked(v):
		q.widen(base)
	default:
		for _, u := range units {
			q.mark(u, base)
		}
	}
}

// PostMany does what Post does, for so many units that they are not listed.
func (q *Queue) PostMany(base, v *pipeline.View) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.add(v, Units); q.waiting.Scope < Full {
		q.widen(base)
	}
}

// Compare requests a comparison of everything with v. Until then no revision is confirmed,
// because what the switch has is unknown.
func (q *Queue) Compare(v *pipeline.View) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.add(v, Full)
	q.unconfirmed.unknown = v.Topo.Revision()
	q.all(Full)
}

// Wipe requests that the worker empty the switch, whatever else waits.
func (q *Queue) Wipe(v *pipeline.View) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.add(v, Wiped)
	q.all(Wiped)
}

// all makes the waiting job concern every unit. The caller holds the lock.
func (q *Queue) all(s Scope) {
	q.waiting.Scope = max(q.waiting.Scope, s)
	q.waiting.Units, q.waiting.Since, q.held = nil, nil, nil
}

// widen makes the waiting job concern all units: the marked ones since their views, and all
// others since base. No unit stays held. The caller holds the lock.
func (q *Queue) widen(base *pipeline.View) {
	for u, since := range q.held {
		q.mark(u, since)
	}
	q.held = nil
	if q.waiting.Scope < Wide {
		q.waiting.Scope, q.waiting.Since = Wide, base
	}
}

// mark adds one unit to those that wait. The caller holds the lock.
func (q *Queue) mark(u pipeline.Unit, base *pipeline.View) {
	if held, ok := q.held[u]; ok {
		base = held
		if q.waiting.Held == nil {
			q.waiting.Held = map[pipeline.Unit]bool{} // filled by Take
		}
		delete(q.held, u)
	}
	if _, ok := q.waiting.Units[u]; ok || q.waiting.Scope == Wide && q.waiting.Since.Seq <= base.Seq {
		return
	}
	if q.waiting.Units == nil {
		q.waiting.Units = Marks{}
	}
	q.waiting.Units[u] = base
}

// Hold records units that the step from base to v may have changed, but that must wait until
// Release.
func (q *Queue) Hold(base, v *pipeline.View, units []pipeline.Unit) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waiting.Scope >= Wide {
		q.add(v, Units) // the waiting job will do them, whenever it is done
		return
	}
	q.unconfirmed.add(v.Topo.Revision())
	q.heldView = v
	for _, u := range units {
		if _, ok := q.waiting.Units[u]; ok {
			q.add(v, Units)
			continue // it waits already
		}
		if q.held == nil {
			q.held = Marks{}
		}
		if _, ok := q.held[u]; !ok {
			q.held[u] = base
		}
	}
}

// Release posts those of the units that are still held, and reports whether there were any.
func (q *Queue) Release(v *pipeline.View, units []pipeline.Unit) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	units = slices.DeleteFunc(slices.Clone(units), func(u pipeline.Unit) bool {
		_, ok := q.held[u]
		return !ok
	})
	if len(units) == 0 {
		return false
	}
	q.waiting.View, q.waiting.Scope = v, max(q.waiting.Scope, Units)
	for _, u := range units {
		q.mark(u, nil)
	}
	if len(q.held) == 0 {
		q.held = nil
	}
	q.happens(added)
	return true
}

// WhenDone calls a function once, when the node has confirmed a view with at least that
// sequence number; immediately if nothing waits.
func (q *Queue) WhenDone(seq uint64, call func()) {
	q.mu.Lock()
	idle := q.state == Idle
	if !idle {
		q.waiters = append(q.waiters, waiter{seq, call})
	}
	q.mu.Unlock()
	if idle {
		call()
	}
}

// Status says what a queue's node has confirmed.
type Status struct {
	// Wanted is the newest revision that touched the node, and Acknowledged the newest
	// that it has confirmed.
	Wanted, Acknowledged topology.Revision
	Unconfirmed          Unconfirmed
	// Idle says that no work waits and no unit is held.
	Idle bool
}

// Status returns what the node has confirmed.
func (q *Queue) Status() Status {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := Status{Wanted: q.acked, Acknowledged: q.acked, Unconfirmed: q.unconfirmed, Idle: q.state == Idle}
	want := func(v *pipeline.View) { s.Wanted = max(s.Wanted, v.Topo.Revision()) }
	if len(q.held) > 0 {
		s.Idle = false
		want(q.heldView)
	}
	if q.state.waits() {
		want(q.waiting.View)
	}
	if q.state.runs() {
		want(q.out.View)
	}
	return s
}

// State returns the state of the queue.
func (q *Queue) State() State {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.state
}
