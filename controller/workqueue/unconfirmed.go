package workqueue

import (
	"slices"

	"github.com/sdnctl/sdnctl/topology"
)

// maxUnconfirmed is the number of unconfirmed revisions of a node that are noted one by
// one.
const maxUnconfirmed = 64

// Unconfirmed is the set of revisions that a node has yet to confirm: only those that
// change its flows, so that an absent node does not delay a change that does not concern
// it. The zero Unconfirmed is empty.
type Unconfirmed struct {
	// each are single revisions, ascending.
	each []topology.Revision
	// If from is not 0, all revisions between from and to are unconfirmed: there were too
	// many to note them one by one.
	from, to topology.Revision
	// Up to revision unknown, what the switch has is unknown.
	unknown topology.Revision
}

// add notes a revision; the newest comes last.
func (o *Unconfirmed) add(r topology.Revision) {
	switch {
	case o.from != 0:
		o.to = r
	case len(o.each) > 0 && o.each[len(o.each)-1] == r:
	case len(o.each) == maxUnconfirmed:
		o.from, o.to, o.each = o.each[0], r, nil
	default:
		o.each = append(slices.Clip(o.each), r) // copies of it may be about
	}
}

// confirm forgets the revisions until r.
func (o *Unconfirmed) confirm(r topology.Revision) {
	at, found := slices.BinarySearch(o.each, r)
	if found {
		at++
	}
	if o.each = o.each[at:]; len(o.each) == 0 {
		o.each = nil
	}
	if o.from != 0 && o.from <= r {
		if o.from = r + 1; o.from > o.to {
			o.from, o.to = 0, 0
		}
	}
	if o.unknown <= r {
		o.unknown = 0
	}
}

// Includes reports whether a revision has yet to be confirmed.
func (o *Unconfirmed) Includes(r topology.Revision) bool {
	if r <= o.unknown || o.from != 0 && o.from <= r && r <= o.to {
		return true
	}
	_, found := slices.BinarySearch(o.each, r)
	return found
}

// Each returns the revisions that are noted one by one, ascending. They must not be modified.
func (o *Unconfirmed) Each() []topology.Revision { return o.each }

// Confirmed reports whether some revisions were confirmed that are not noted one by one.
func (o *Unconfirmed) Confirmed(before Unconfirmed) bool {
	return o.unknown < before.unknown || o.from == 0 && before.from != 0
}
