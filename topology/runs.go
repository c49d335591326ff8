package topology

import "github.com/tidwall/btree"

// run is the numbers from..to, both included, that are taken in a space.
type run struct{ space, from, to uint32 }

// runSet is the taken numbers of many spaces (the addresses of each VNI, the
// blocks of each network …) as maximal runs. A full range is one run, so the
// next free number is found in O(log n) however many are taken.
type runSet struct{ t *btree.BTreeG[run] }

func newRunSet() runSet {
	return runSet{newTree(func(a, b run) bool {
		if a.space != b.space {
			return a.space < b.space
		}
		return a.from < b.from
	})}
}

// at returns the run that holds v.
func (s runSet) at(space, v uint32) (run, bool) {
	var r run
	found := false
	s.t.Descend(run{space: space, from: v}, func(x run) bool {
		r, found = x, true
		return false
	})
	return r, found && r.space == space && v <= r.to
}

// add takes from..to, of which none may be taken.
func (s runSet) add(space, from, to uint32) {
	n := run{space, from, to}
	if from > 0 {
		if l, ok := s.at(space, from-1); ok {
			n.from = l.from
		}
	}
	if to < ^uint32(0) {
		if r, ok := s.t.Get(run{space: space, from: to + 1}); ok {
			s.t.Delete(r)
			n.to = r.to
		}
	}
	s.t.Set(n) // replaces the left neighbour, which begins at n.from
}

// remove releases from..to, of which all must be taken.
func (s runSet) remove(space, from, to uint32) {
	r, ok := s.at(space, from)
	if !ok {
		return
	}
	s.t.Delete(r)
	if r.from < from {
		s.t.Set(run{space, r.from, from - 1})
	}
	if to < r.to {
		s.t.Set(run{space, to + 1, r.to})
	}
}

// overlaps returns the first taken number in from..to.
func (s runSet) overlaps(space, from, to uint32) (uint32, bool) {
	if _, ok := s.at(space, from); ok {
		return from, true
	}
	var r run
	found := false
	s.t.Ascend(run{space: space, from: from}, func(x run) bool {
		r, found = x, true
		return false
	})
	return r.from, found && r.space == space && r.from <= to
}

// free returns the lowest number in from..to that is not taken and not in
// skip, which must be sorted and not overlap.
func (s runSet) free(space, from, to uint32, skip []span) (uint32, bool) {
	for v := uint64(from); v <= uint64(to); {
		if r, ok := s.at(space, uint32(v)); ok {
			v = uint64(r.to) + 1
			continue
		}
		if i, ok := find(skip, uint32(v)); ok {
			v = uint64(skip[i].to) + 1
			continue
		}
		return uint32(v), true
	}
	return 0, false
}
