package workqueue

import "time"

// Guard keeps comparisons from removing anything until Unguard, because it is not yet known
// what is wanted. Jobs are then Guarded, and one that would remove something must be put back
// with Postpone.
func (q *Queue) Guard() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.guarded = true
}

// Unguard ends Guard.
func (q *Queue) Unguard() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.guarded = false
	q.happens(guardEnds)
}

// UnguardAfter ends Guard after d, if the queue is guarded.
func (q *Queue) UnguardAfter(d time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.guarded {
		time.AfterFunc(d, q.Unguard)
	}
}
