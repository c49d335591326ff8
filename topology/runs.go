package topology

import "github.com/tidwall/btree"

// run is the numbers from..to, both included, that are taken in a space.
type run struct {
	space uint32
	span
}

// runSet is the taken numbers of many spaces (the addresses of each VNI, the
// blocks of each network …) as maximal runs. A full range is one run, so the
// next free number is found in O(log n) however many are taken.
type runSet struct{ t *btree.BTreeG[run] }

func newRunSet() runSet {
	return runSet{newTree(func(a, b run) bool {
		if a.space != b.space {
			return a.space < b.space
		}
		return a.from.less(b.from)
	})}
}

// at returns the run that holds v.
func (s runSet) at(space uint32, v number) (run, bool) {
	var r run
	found := false
	s.t.Descend(run{space, just(v)}, func(x run) bool {
		r, found = x, true
		return false
	})
	return r, found && r.space == space && !r.to.less(v)
}

// add takes numbers, of which none may be taken.
func (s runSet) add(space uint32, take span) {
	n := run{space, take}
	if before, ok := take.from.previous(); ok {
		if l, ok := s.at(space, before); ok {
			n.from = l.from
		}
	}
	if after, ok := take.to.next(); ok {
		if r, ok := s.t.Get(run{space, just(after)}); ok {
			s.t.Delete(r)
			n.to = r.to
		}
	}
	s.t.Set(n) // replaces the left neighbour, which begins at n.from
}

// remove releases numbers, of which all must be taken.
func (s runSet) remove(space uint32, release span) {
	r, ok := s.at(space, release.from)
	if !ok {
		return
	}
	s.t.Delete(r)
	if r.from.less(release.from) {
		last, _ := release.from.previous()
		s.t.Set(run{space, span{r.from, last}})
	}
	if release.to.less(r.to) {
		first, _ := release.to.next()
		s.t.Set(run{space, span{first, r.to}})
	}
}

// overlaps returns the first taken number of a span.
func (s runSet) overlaps(space uint32, in span) (number, bool) {
	if _, ok := s.at(space, in.from); ok {
		return in.from, true
	}
	var r run
	found := false
	s.t.Ascend(run{space, just(in.from)}, func(x run) bool {
		r, found = x, true
		return false
	})
	return r.from, found && r.space == space && !in.to.less(r.from)
}

// free returns the lowest number of a span that is not taken and not in skip,
// which must be sorted and not overlap.
func (s runSet) free(space uint32, in span, skip []span) (number, bool) {
	for v, more := in.from, true; more && !in.to.less(v); {
		if r, ok := s.at(space, v); ok {
			v, more = r.to.next()
			continue
		}
		if i, ok := find(skip, v); ok {
			v, more = skip[i].to.next()
			continue
		}
		return v, true
	}
	return number{}, false
}
