package workqueue

import (
	"slices"

	"github.com/sdnctl/sdnctl/topology"
)

// maxUnconfirmed is the largest number of unconfirmed revisions of a node that are listed one
// by one.
const maxUnconfirmed = 64

// Unconfirmed is the set of revisions that a node has yet to confirm. It has only those that
// change the node's flows, so that an absent node does not delay changes that do not concern
// it. The zero Unconfirmed is empty.
type Unconfirmed struct {
	// each are single revisions, ascending.
	each []topology.Revision
	// If from is not 0, all revisions from from to to are unconfirmed: there were too many to
	// list them one by one.
	from, to topology.Revision
	// Up to the revision unknown, it is not known what the switch has.
	unknown topology.Revision
}

// add adds a revision, which must be newer than all others.
func (o *Unconfirmed) add(r topology.Revision) {
	switch {
	case o.from != 0:
		o.to = r
	case len(o.each) > 0 && o.each[len(o.each)-1] == r:
	case len(o.each) == maxUnconfirmed:
		o.from, o.to, o.each = o.each[0], r, nil
	default:
		o.each = append(slices.Clip(o.each), r) // copies of it may exist
	}
}

// confirm removes the revisions up to r.
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

// Each returns the revisions that are listed one by one, ascending. They must not be modified.
func (o *Unconfirmed) Each() []topology.Revision { return o.each }

// Confirmed reports whether revisions were confirmed since before that are not listed one by
// one.
func (o *Unconfirmed) Confirmed(before Unconfirmed) bool {
	return o.unknown < before.unknown || o.from == 0 && before.from != 0
}
