package status

import (
	"time"

	"github.com/tidwall/btree"

	"github.com/sdnctl/sdnctl/controller/condition"
)

// Review takes off the board what was refused long ago, and evaluates the nodes
// whose certificates have come near their end.
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
		// That puts it where it is due next.
		b.assessNode(b.nodes[first.node])
	}
}

// due is when a node's conditions change by time alone.
type due struct {
	at   time.Time
	node string
}

// schedule has the nodes whose conditions will change by time alone, each once, by
// when. It must be made by newSchedule.
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

// set puts a node at a time, and takes it out for the zero time.
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

// nextReview returns when the conditions that follow from a certificate change by
// time alone; the zero time if they do not.
func nextReview(now, expires time.Time) time.Time {
	switch soon := expires.Add(-condition.CertificateSoon); {
	case expires.IsZero() || now.After(expires):
		return time.Time{}
	case now.Before(soon):
		return soon
	}
	return expires.Add(time.Nanosecond)
}
