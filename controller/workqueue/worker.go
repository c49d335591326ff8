package workqueue

import (
	"slices"

	"github.com/sdnctl/sdnctl/controller/pipeline"
)

// Take returns the waiting work as a job and marks it as out; false if no work waits. Notify
// signals when there may be work again.
func (q *Queue) Take() (Job, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.happens(taken) {
		return Job{}, false
	}
	q.out, q.waiting = q.waiting, Job{}
	q.out.Guarded, q.out.Partial = q.guarded, len(q.held) > 0
	if q.out.Held != nil {
		for u := range q.held {
			q.out.Held[u] = true
		}
	}
	return q.out, true
}

// Done confirms the job that Take returned, with its cost.
func (q *Queue) Done(c Cost) {
	q.mu.Lock()
	j := q.out
	if !q.state.runs() {
		q.mu.Unlock()
		return
	}
	charged := q.chargedUntil(j.View.Seq)
	q.mu.Unlock()
	if j.Scope >= Full {
		c = Cost{} // a comparison of the whole table is not the work of one change
	}
	settle(charged, c) // before anybody sees it confirmed
	for _, call := range q.confirm() {
		call()
	}
}

// confirm ends the job that is out, and returns the functions to call for those who wait for
// it.
func (q *Queue) confirm() (calls []func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.happens(done)
	v := q.out.View
	q.out = Job{}
	q.acked = max(q.acked, v.Topo.Revision())
	if len(q.held) == 0 {
		q.unconfirmed.confirm(q.acked)
	}
	if q.state.waits() {
		q.unconfirmed.add(q.waiting.View.Topo.Revision())
	}
	q.waiters = slices.DeleteFunc(q.waiters, func(w waiter) bool {
		if w.seq <= v.Seq {
			calls = append(calls, w.call)
		}
		return w.seq <= v.Seq
	})
	return calls
}

// Failed puts back the job that Take returned, if one is out, as a full comparison.
func (q *Queue) Failed() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.back()
	q.happens(failed)
	q.wake()
}

// Postpone puts back the job that Take returned until the guard ends or there is new work.
func (q *Queue) Postpone() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.back()
	if q.guarded {
		q.happens(putBack)
	} else {
		q.happens(failed)
	}
}

// back puts back the job that is out, as a full comparison. The caller holds the lock.
func (q *Queue) back() {
	if !q.state.runs() {
		return
	}
	q.distrust(q.out.View)
	q.all(max(q.out.Scope, Full))
	q.out = Job{}
}

// Distrust says that it is no longer known what the switch has, although no job failed. The
// switch will be compared with v, or with a newer view. A nil v changes nothing, because a
// comparison waits already. Distrust must not be called while a job is out.
func (q *Queue) Distrust(v *pipeline.View) {
	if v == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.distrust(v)
	q.all(Full)
	q.happens(added)
}

// distrust makes the waiting job one for v or a newer view. The caller holds the lock.
func (q *Queue) distrust(v *pipeline.View) {
	if q.waiting.View == nil {
		q.waiting.View = v
	}
	if len(q.held) > 0 && q.heldView.Seq > q.waiting.View.Seq {
		q.waiting.View = q.heldView
	}
}
