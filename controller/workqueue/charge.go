package workqueue

import "slices"

// maxCharged is the largest number of charges that a queue remembers. With a slower switch,
// newer charges are settled without its part.
const maxCharged = 1024

// Cost is what was sent to a switch.
type Cost struct {
	Mods  int // flow-mods, group-mods and meter-mods, without stamps
	Bytes int
}

// Charge is a change whose cost is counted.
type Charge interface {
	// Seq is the sequence number of the view that the change made.
	Seq() uint64
	// Settle is called once for each time that the change was charged to a queue, when that
	// part of its work is done. It must be quick.
	Settle(Cost)
}

// Charge records that waiting work, or work to come, belongs to a change.
func (q *Queue) Charge(c Charge) {
	q.mu.Lock()
	full := len(q.charged) == maxCharged
	if !full {
		q.charged = append(q.charged, c)
	}
	q.mu.Unlock()
	if full {
		c.Settle(Cost{})
	}
}

// Discharge undoes Charge, for a change that has no work in the queue.
func (q *Queue) Discharge(c Charge) {
	q.mu.Lock()
	i := slices.Index(q.charged, c)
	if i >= 0 {
		q.charged = slices.Delete(q.charged, i, i+1)
	}
	q.mu.Unlock()
	if i >= 0 {
		c.Settle(Cost{})
	}
}

// chargedUntil removes and returns the changes that made views up to seq. The caller holds the
// lock.
func (q *Queue) chargedUntil(seq uint64) []Charge {
	n := 0
	for n < len(q.charged) && q.charged[n].Seq() <= seq {
		n++
	}
	until := q.charged[:n:n]
	if q.charged = q.charged[n:]; len(q.charged) == 0 {
		q.charged = nil
	}
	return until
}

// settle settles changes that were done together. The first gets the whole cost.
func settle(all []Charge, c Cost) {
	for _, charge := range all {
		charge.Settle(c)
		c = Cost{}
	}
}
