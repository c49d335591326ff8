package condition

import (
	"cmp"
	"time"

	"github.com/tidwall/btree"

	"github.com/sdnctl/sdnctl/topology"
)

// Tracker remembers since when objects have their conditions, and counts them. Its memory and
// the cost of a change depend on the number of objects that have conditions, not on the number
// of objects. It is not safe for concurrent use.
type Tracker struct {
	objects map[topology.Ref][]begun
	// order has the objects that have conditions, those with errors first.
	order btree.Map[string, topology.Ref]
	count map[Reason]int
	ready map[topology.Kind]tally
}

// begun is a reason and since when an object has it.
type begun struct {
	reason Reason
	since  time.Time
}

// tally counts objects of a kind that have conditions.
type tally struct{ errors, warnings int }

// NewTracker returns a tracker of objects that have no condition.
func NewTracker() *Tracker {
	return &Tracker{objects: map[topology.Ref][]begun{}, count: map[Reason]int{}, ready: map[topology.Kind]tally{}}
}

// Set records the conditions that an object has at a time, perhaps none. It reports whether
// their reasons have changed.
func (t *Tracker) Set(o topology.Ref, all []Condition, at time.Time) (changed bool) {
	was := t.objects[o]
	if len(was) == 0 && len(all) == 0 {
		return false
	}
	now := make([]begun, len(all))
	changed = len(was) != len(all)
	for i, c := range all {
		now[i] = begun{c.Reason, sinceOf(was, c.Reason, at)}
		changed = changed || was[i].reason != c.Reason
	}
	if !changed {
		return false
	}
	t.enter(o, was, -1)
	t.enter(o, now, +1)
	return true
}

// enter adds an object with its conditions to the counts, or removes it.
func (t *Tracker) enter(o topology.Ref, all []begun, by int) {
	if len(all) == 0 {
		delete(t.objects, o)
		return
	}
	severity := Warning
	for _, b := range all {
		if t.count[b.reason] += by; t.count[b.reason] == 0 {
			delete(t.count, b.reason)
		}
		if b.reason.Severity() == Error {
			severity = Error
		}
	}
	n := t.ready[o.Kind]
	if severity == Error {
		n.errors += by
	} else {
		n.warnings += by
	}
	t.ready[o.Kind] = n
	if by > 0 {
		t.objects[o] = all
		t.order.Set(orderOf(o, severity), o)
	} else {
		delete(t.objects, o)
		t.order.Delete(orderOf(o, severity))
	}
}

// orderOf returns the key by which an object is ordered: errors before warnings, then as
// Compare orders them.
func orderOf(o topology.Ref, s Severity) string {
	key := "0"
	if s != Error {
		key = "1"
	}
	return key + string('0'+rank(o.Kind)) + o.Name
}

// Compare orders objects as their conditions are listed: by kind, ports last, then by name.
func Compare(a, b topology.Ref) int {
	return cmp.Or(cmp.Compare(rank(a.Kind), rank(b.Kind)), cmp.Compare(a.Name, b.Name))
}

// rank returns the position of a kind among the others: the order of kinds, but ports are last.
func rank(k topology.Kind) rune {
	if k == topology.KindPort {
		return lastRank
	}
	return rune(k.Order())
}

// lastRank is above the order of each kind.
const lastRank = 'z' - '0'

// Stamp sets Since in an object's conditions; conditions that Set has not recorded get at.
func (t *Tracker) Stamp(o topology.Ref, all []Condition, at time.Time) {
	was := t.objects[o]
	for i := range all {
		all[i].Since = sinceOf(was, all[i].Reason, at)
	}
}

func sinceOf(was []begun, r Reason, otherwise time.Time) time.Time {
	for _, b := range was {
		if b.reason == r {
			return b.since
		}
	}
	return otherwise
}

// Count returns how many objects have a condition of the reason.
func (t *Tracker) Count(r Reason) int { return t.count[r] }

// All returns how many objects of all kinds have an error, and how many only warnings.
func (t *Tracker) All() (errors, warnings int) {
	for _, n := range t.ready {
		errors, warnings = errors+n.errors, warnings+n.warnings
	}
	return errors, warnings
}

// Kind returns how many objects of a kind have an error, and how many only
// warnings.
func (t *Tracker) Kind(k topology.Kind) (errors, warnings int) {
	return t.ready[k].errors, t.ready[k].warnings
}

// First returns up to limit objects that have conditions: those with errors first, then as
// Compare orders them.
func (t *Tracker) First(limit int) []topology.Ref {
	var first []topology.Ref
	t.order.Scan(func(_ string, o topology.Ref) bool {
		if len(first) == limit {
			return false
		}
		first = append(first, o)
		return true
	})
	return first
}
