package reconcile

import (
	"slices"
	"sync"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
)

// minMarked is how many units may be marked for a node at least before it is no
// longer worth noting which.
const minMarked = 1 << 12

// maxMarked is how many units may be marked for one node in a view: beyond that
// all of its units are compiled, as they were and as they are. It bounds the
// memory that a slow switch, or one change of a great many ports, can take, and
// compiling everything then costs little more.
func maxMarked(v *pipeline.View) int { return max(minMarked, v.Topo.NumPorts()/8) }

// marks are units that may differ from what a switch has: each as it was in the
// view beside it, the one just before the unit was first marked. Whatever the
// switch last had, the unit did not change between that and this
// view. So nobody need keep the view that a switch had.
type marks map[pipeline.Unit]*pipeline.View

// job is what a node's switch is to have.
type job struct {
	// view is the newest; nil when there is nothing to do.
	view *pipeline.View
	// full asks for reading the switch's table back; otherwise only the units
	// may differ.
	full  bool
	units marks
	// wide, if it is not nil, says that any unit may differ that is not among
	// units, each as it was in this view.
	wide *pipeline.View
	// wipe asks for removing all flows: the node is ours no more.
	wipe bool
	// late says that some units had to wait while later changes were sent; held are
	// those that still do.
	late bool
	held map[pipeline.Unit]bool
	// partial says that some units still have to wait, so that the switch is not
	// compared with the view as a whole.
	partial bool
	// awaitsOVSDB says that a flow that is not in the view may have to stay; see
	// await_ovsdb.go.
	awaitsOVSDB bool
}

// mailbox holds what waits to be done on one node. The dispatcher puts work
// in, one worker at a time takes it out.
type mailbox struct {
	notify chan struct{} // has one element when there may be work

	mu      sync.Mutex
	waiting job
	// held are units that wait for other nodes first.
	held        marks
	heldView    *pipeline.View // the newest that holds something
	busy        job            // what the worker is at
	acked       topology.Revision
	unconfirmed unconfirmed // what is not acknowledged, of all the above
	waiters     []waiter
	charged     []*change // whose work is not done; see work.go
	// awaitsOVSDB and postponed: see await_ovsdb.go.
	awaitsOVSDB, postponed bool
}

// waiter is called when the node has confirmed a view.
type waiter struct {
	seq  uint64
	call func()
}

func newMailbox() *mailbox { return &mailbox{notify: make(chan struct{}, 1)} }

// post adds units that the step from base to v may have changed; full asks for
// a comparison of everything. A unit that was held is so no longer: what else
// it now depends on must not overtake it.
func (m *mailbox) post(base, v *pipeline.View, units []pipeline.Unit, full bool) {
	m.mu.Lock()
	m.touch(v)
	if full {
		// What the switch has is not known, so no revision is confirmed.
		m.unconfirmed.unknown = v.Topo.Revision()
	}
	switch {
	case full:
		m.waiting.full, m.waiting.units, m.waiting.wide, m.held = true, nil, nil, nil
	case m.waiting.full:
	case len(m.waiting.units)+len(units) > maxMarked(v):
		m.widen(base)
	default:
		for _, u := range units {
			m.mark(u, base)
		}
	}
	m.mu.Unlock()
	m.wake()
}

// flood is post of so many units that they are not noted one by one.
func (m *mailbox) flood(base, v *pipeline.View) {
	m.mu.Lock()
	m.touch(v)
	if !m.waiting.full {
		m.widen(base)
	}
	m.mu.Unlock()
	m.wake()
}

// widen has all units looked at, those that are marked since the views where
// they were and all others since base. Nothing stays held. The caller holds the
// lock.
func (m *mailbox) widen(base *pipeline.View) {
	for u, since := range m.held {
		m.mark(u, since)
	}
	m.held = nil
	if m.waiting.wide == nil {
		m.waiting.wide = base
	}
}

// mark adds one unit to those that wait. The caller holds the lock.
func (m *mailbox) mark(u pipeline.Unit, base *pipeline.View) {
	if held, ok := m.held[u]; ok {
		base = held
		m.waiting.late = true
		delete(m.held, u)
	}
	if _, ok := m.waiting.units[u]; ok || m.waiting.wide != nil && m.waiting.wide.Seq <= base.Seq {
		return
	}
	if m.waiting.units == nil {
		m.waiting.units = marks{}
	}
	m.waiting.units[u] = base
}

// hold notes units that the step from base to v may have changed, but that are
// not to be done before release.
func (m *mailbox) hold(base, v *pipeline.View, units []pipeline.Unit) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.unconfirmed.add(v.Topo.Revision())
	if m.waiting.full || m.waiting.wide != nil {
		m.touch(v)
		return // which will do them, whenever it comes
	}
	m.heldView = v
	for _, u := range units {
		if _, ok := m.waiting.units[u]; ok {
			m.touch(v)
			continue // on its way already
		}
		if m.held == nil {
			m.held = marks{}
		}
		if _, ok := m.held[u]; !ok {
			m.held[u] = base
		}
	}
}

// release posts those of the units that are still held, and reports whether there
// were any.
func (m *mailbox) release(v *pipeline.View, units []pipeline.Unit) bool {
	m.mu.Lock()
	units = slices.DeleteFunc(slices.Clone(units), func(u pipeline.Unit) bool {
		_, ok := m.held[u]
		return !ok
	})
	if len(units) > 0 {
		m.waiting.view, m.postponed = v, false
		for _, u := range units {
			m.mark(u, nil)
		}
		if len(m.held) == 0 {
			m.held = nil
		}
	}
	m.mu.Unlock()
	m.wake()
	return len(units) > 0
}

// wipe asks the worker to empty the switch, whatever else waits.
func (m *mailbox) wipe(v *pipeline.View) {
	m.mu.Lock()
	m.touch(v)
	m.waiting.wipe, m.held = true, nil
	m.mu.Unlock()
	m.wake()
}

// touch sets the newest view. The caller holds the lock.
func (m *mailbox) touch(v *pipeline.View) {
	m.waiting.view, m.postponed = v, false
	m.unconfirmed.add(v.Topo.Revision())
}

func (m *mailbox) wake() {
	select {
	case m.notify <- struct{}{}:
	default:
	}
}

// take returns work and marks it as being done; false if there is none. When
// there may be again, notify says so.
func (m *mailbox) take() (job, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.waiting.view == nil || m.postponed {
		return job{}, false
	}
	m.busy, m.waiting = m.waiting, job{}
	m.busy.awaitsOVSDB, m.busy.partial = m.awaitsOVSDB, len(m.held) > 0
	if m.busy.late {
		m.busy.held = make(map[pipeline.Unit]bool, len(m.held))
		for u := range m.held {
			m.busy.held[u] = true
		}
	}
	return m.busy, true
}

// whenDone has a function called, once, when the node has confirmed a view with at
// least that sequence number; at once if nothing waits.
func (m *mailbox) whenDone(seq uint64, call func()) {
	m.mu.Lock()
	idle := m.waiting.view == nil && m.busy.view == nil
	if !idle {
		m.waiters = append(m.waiters, waiter{seq, call})
	}
	m.mu.Unlock()
	if idle {
		call()
	}
}

// done confirms what take returned.
func (m *mailbox) done() {
	m.mu.Lock()
	seq := m.busy.view.Seq
	m.acked = max(m.acked, m.busy.view.Topo.Revision())
	if len(m.held) == 0 {
		m.unconfirmed.confirm(m.acked)
	}
	if m.waiting.view != nil {
		m.unconfirmed.add(m.waiting.view.Topo.Revision())
	}
	m.busy = job{}
	var ready []waiter
	m.waiters = slices.DeleteFunc(m.waiters, func(w waiter) bool {
		if w.seq <= seq {
			ready = append(ready, w)
		}
		return w.seq <= seq
	})
	m.mu.Unlock()
	for _, w := range ready {
		w.call()
	}
}

// failed puts back what take returned, to be done by a full comparison.
func (m *mailbox) failed() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.putBack()
	m.wake()
}

// putBack is failed for a caller who holds the lock.
func (m *mailbox) putBack() {
	if m.busy.view == nil {
		return
	}
	if m.waiting.view == nil {
		m.waiting.view = m.busy.view
	}
	if len(m.held) > 0 && m.heldView.Seq > m.waiting.view.Seq {
		m.waiting.view = m.heldView
	}
	m.waiting.full, m.waiting.units, m.waiting.wide, m.held = true, nil, nil, nil
	m.waiting.wipe = m.waiting.wipe || m.busy.wipe
	m.busy = job{}
}

// state tells the newest revision that touched the node, the newest confirmed,
// and what is not confirmed; idle is true when there is nothing to be done.
func (m *mailbox) state() (wanted, acked topology.Revision, unconfirmed unconfirmed, idle bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	wanted, idle = m.acked, true
	if len(m.held) > 0 {
		wanted, idle = max(wanted, m.heldView.Topo.Revision()), false
	}
	for _, j := range []job{m.waiting, m.busy} {
		if j.view != nil {
			wanted, idle = max(wanted, j.view.Topo.Revision()), false
		}
	}
	return wanted, m.acked, m.unconfirmed, idle
}
