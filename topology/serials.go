package topology

import (
	"cmp"
	"fmt"
)

// serials are the numbers that are allocated to the objects of one kind, from 1. A released
// number is not reused soon, since flows and connections may still have it.
type serials struct {
	taken runSet // one space, 0
	// last is the number that was allocated last, at revision at when objects are loaded.
	// The search for a free number continues after it.
	last uint32
	at   Revision
}

func newSerials() serials { return serials{taken: newRunSet()} }

// fork returns a copy that shares everything until either changes.
func (s *serials) fork() serials { return serials{runSet{s.taken.t.Copy()}, s.last, s.at} }

func (s *serials) add(id uint32)    { s.taken.add(0, just(small(id))) }
func (s *serials) remove(id uint32) { s.taken.remove(0, just(small(id))) }

// free returns the lowest free number after the last one, or else the lowest one.
func (s *serials) free(highest uint32) (uint32, bool) {
	id, ok := s.taken.free(0, span{small(s.last + 1), small(highest)}, nil)
	if !ok {
		id, ok = s.taken.free(0, span{small(uint32(1)), small(s.last)}, nil)
	}
	return uint32(id.low), ok
}

// check returns an error if a stored object cannot have its number.
func (s *serials) check(r Ref, id, highest uint32) error {
	if id < 1 || id > highest {
		return fmt.Errorf("%s: %d is not the number of a %s", r, id, r.Kind)
	}
	if _, taken := s.taken.at(0, small(id)); taken {
		return fmt.Errorf("%s: another %s has its number %d", r, r.Kind, id)
	}
	return nil
}

// perRevision is for how many numbers each revision stands when the search for free ones begins.
const perRevision = 1 << 10

// begin has the search begin at numbers that were hardly released shortly before a revision: it is not
// known which were. No revision has more than perRevision new objects of a kind, as a rule, so none
// comes back before the revisions have gone through all numbers.
func (s *serials) begin(rev Revision, highest uint32) {
	s.last = max(s.last, uint32(uint64(rev)*perRevision%uint64(highest)))
}

// loaded records the number of a stored object that was created at a revision: the last one
// is that of the youngest object.
func (s *serials) loaded(id uint32, created Revision) {
	if cmp.Or(cmp.Compare(s.at, created), cmp.Compare(s.last, id)) < 0 {
		s.last, s.at = id, created
	}
}
