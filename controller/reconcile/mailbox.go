package reconcile

import (
	"context"
	"sync"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
)

// maxWaiting is how many units may wait for a node before they are given up for
// a comparison of the whole table, which then is the lesser work. It bounds the
// memory that a slow switch can take.
const maxWaiting = 1 << 18

// job is what a node's switch is to be brought to.
type job struct {
	// view is the newest; nil when there is nothing to do. base is the one just
	// before the job's first unit was marked. Whatever the switch was brought to
	// last, no unit of the node changed between that and base: so the worker
	// need not keep a view, and an idle node keeps no old one in memory.
	view, base *pipeline.View
	// full asks for reading the switch's table back; otherwise only the units
	// may differ.
	full  bool
	units map[pipeline.Unit]struct{}
	// wipe asks for removing all flows: the node is ours no more.
	wipe bool
	// oldest is the first revision that the job confirms.
	oldest topology.Revision
}

// mailbox holds what waits to be done on one node. The dispatcher puts work
// in, one worker at a time takes it out.
type mailbox struct {
	notify chan struct{} // has one element when there may be work

	mu      sync.Mutex
	waiting job
	busy    job // what the worker is at
	acked   topology.Revision
}

func newMailbox() *mailbox { return &mailbox{notify: make(chan struct{}, 1)} }

// post adds units that the step from base to v may have changed; full asks for a comparison of everything.
func (m *mailbox) post(base, v *pipeline.View, units []pipeline.Unit, full bool) {
	m.mu.Lock()
	m.touch(base, v)
	if full {
		// What the switch has is not known, so no revision is confirmed.
		m.waiting.oldest = 0
	}
	switch {
	case full || len(m.waiting.units)+len(units) > maxWaiting:
		m.waiting.full, m.waiting.units = true, nil
	case !m.waiting.full:
		if m.waiting.units == nil {
			m.waiting.units = make(map[pipeline.Unit]struct{}, len(units))
		}
		for _, u := range units {
			m.waiting.units[u] = struct{}{}
		}
	}
	m.mu.Unlock()
	m.wake()
}

// wipe asks the worker to empty the switch, whatever else waits.
func (m *mailbox) wipe(v *pipeline.View) {
	m.mu.Lock()
	m.touch(v, v)
	m.waiting.wipe = true
	m.mu.Unlock()
	m.wake()
}

// touch sets the newest view. The caller holds the lock.
func (m *mailbox) touch(base, v *pipeline.View) {
	if m.waiting.view == nil {
		m.waiting.base, m.waiting.oldest = base, v.Topo.Revision()
	}
	m.waiting.view = v
}

func (m *mailbox) wake() {
	select {
	case m.notify <- struct{}{}:
	default:
	}
}

// take waits for work and marks it as being done.
func (m *mailbox) take(ctx context.Context) (job, error) {
	for {
		m.mu.Lock()
		if m.waiting.view != nil {
			m.busy, m.waiting = m.waiting, job{}
			j := m.busy
			m.mu.Unlock()
			return j, nil
		}
		m.mu.Unlock()
		select {
		case <-m.notify:
		case <-ctx.Done():
			return job{}, context.Cause(ctx)
		}
	}
}

// done confirms what take returned.
func (m *mailbox) done() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.acked = max(m.acked, m.busy.view.Topo.Revision())
	m.busy = job{}
}

// failed puts back what take returned, to be done by a full comparison.
func (m *mailbox) failed() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.busy.view == nil {
		return
	}
	if m.waiting.view == nil {
		m.waiting.view = m.busy.view
	}
	m.waiting.oldest = m.busy.oldest
	m.waiting.full, m.waiting.units = true, nil
	m.waiting.wipe = m.waiting.wipe || m.busy.wipe
	m.busy = job{}
	m.wake()
}

// state tells the newest revision that touched the node, the newest confirmed,
// and the oldest one that is not; idle is true when there is no such.
func (m *mailbox) state() (wanted, acked, oldest topology.Revision, idle bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	wanted = m.acked
	idle = true
	for _, j := range []job{m.waiting, m.busy} { // the busy one is the older
		if j.view != nil {
			wanted = max(wanted, j.view.Topo.Revision())
			oldest, idle = j.oldest, false
		}
	}
	return wanted, m.acked, oldest, idle
}
