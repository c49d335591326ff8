package status

import (
	"time"

	"github.com/tidwall/btree"

	"github.com/sdnctl/sdnctl/controller/condition"
)

// Review removes old refusals from the board, and evaluates the nodes whose conditions change
// by time, such as those whose certificates expire soon.
func (b *Board) Review(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for host, r := range b.refused {
		if now.Sub(r.last) > refusedFor {
			delete(b.refused, host)
			b.assessAt(host)
			b.signal()
		}
	}
	for {
		first, ok := b.reviews.order.Min()
		if !ok || first.at.After(now) {
			return
		}
		// assessNode schedules the node's next review, after now.
		b.assessNode(b.nodes[first.node])
	}
}

// due is a time at which a node's conditions change without an event.
type due struct {
	at   time.Time
	node string
}

// schedule has the nodes whose conditions will change without an event, each once, sorted
// by time. Make it with newSchedule.
type schedule struct {
	order *btree.BTreeG[due]
	at    map[string]time.Time
}

func newSchedule() schedule {
	before := func(a, b due) bool {
		if !a.at.Equal(b.at) {
			return a.at.Before(b.at)
		}
		return a.node < b.node
	}
	return schedule{btree.NewBTreeGOptions(before, btree.Options{NoLocks: true}), map[string]time.Time{}}
}

// set schedules a node for a time; the zero time removes it.
func (s schedule) set(node string, at time.Time) {
	was, there := s.at[node]
	if there && was.Equal(at) || !there && at.IsZero() {
		return
	}
	s.order.Delete(due{was, node})
	if delete(s.at, node); !at.IsZero() {
		s.at[node] = at
		s.order.Set(due{at, node})
	}
}

// nextReview returns when the conditions that follow from a certificate next change; the
// zero time if they never do.
func nextReview(now, expires time.Time) time.Time {
	switch soon := expires.Add(-condition.CertificateSoon); {
	case expires.IsZero() || now.After(expires):
		return time.Time{}
	case now.Before(soon):
		return soon
	}
	return expires.Add(time.Nanosecond)
}
