package topology

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestRuns compares a runSet with a plain set of numbers.
func TestRuns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Where the lower half of a number ends, too.
		base := rapid.SampledFrom([]number{{}, {3, 1<<64 - 9}, {1<<64 - 1, 1<<64 - 25}}).Draw(t, "base")
		const max = 24
		s := newRunSet()
		at := func(from, to uint32) span { return span{base.plus(small(from)), base.plus(small(to))} }
		s.add(0, at(3, 5)) // neighbouring spaces, which must not be touched
		s.add(2, at(0, 9))
		var taken [max + 1]bool
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			from := rapid.Uint32Range(0, max).Draw(t, "from")
			to := rapid.Uint32Range(from, max).Draw(t, "to")
			part := taken[from : to+1]
			first := slices.Index(part, true)
			got, overlaps := s.overlaps(1, at(from, to))
			if overlaps != (first >= 0) || overlaps && got != base.plus(small(from+uint32(first))) {
				t.Fatalf("overlaps(%d, %d): %d, %v; taken %v", from, to, got, overlaps, taken)
			}
			switch {
			case !overlaps:
				s.add(1, at(from, to))
				for i := range part {
					part[i] = true
				}
			case !slices.Contains(part, false):
				s.remove(1, at(from, to))
				clear(part)
			}
			checkRuns(t, s, base, taken[:])
		}
	})
}

func checkRuns(t *rapid.T, s runSet, base number, taken []bool) {
	at := func(v int) number { return base.plus(small(uint32(v))) }
	runs := 0
	for v, is := range taken {
		if _, ok := s.at(1, at(v)); ok != is {
			t.Fatalf("%d is taken: %v; want %v", v, ok, is)
		}
		if is && (v == 0 || !taken[v-1]) {
			runs++
		}
	}
	if s.t.Len() != runs+2 {
		t.Fatalf("%d runs, want %d", s.t.Len()-2, runs)
	}
	skip := []span{{at(2), at(4)}, just(at(7))}
	want := -1
	for v, is := range taken {
		if _, no := find(skip, at(v)); !is && !no && v > 0 {
			want = v
			break
		}
	}
	got, ok := s.free(1, span{at(1), at(len(taken) - 1)}, skip)
	if ok != (want >= 0) || ok && got != at(want) {
		t.Fatalf("free: %d, %v; want %d", got, ok, want)
	}
}

func TestRunsAtTheEnds(t *testing.T) {
	s := newRunSet()
	all := span{number{}, number{^uint64(0), ^uint64(0)}}
	first, _ := all.from.next()
	last, _ := all.to.previous()
	s.add(7, just(all.from))
	s.add(7, just(all.to))
	s.add(7, span{first, last})
	if r, ok := s.at(7, number{low: 99}); !ok || r != (run{7, all}) {
		t.Errorf("run %+v", r)
	}
	if v, ok := s.free(7, all, nil); ok {
		t.Errorf("%d is free", v)
	}
	s.remove(7, just(all.to))
	if v, ok := s.free(7, all, nil); !ok || v != all.to {
		t.Errorf("free: %d, %v", v, ok)
	}
}

func TestUnion(t *testing.T) {
	at := func(from, to uint32) span { return span{small(from), small(to)} }
	got := union([]span{at(9, 9), at(1, 3), at(2, 7), at(4, 5), at(20, 30), at(30, 31)})
	if want := []span{at(1, 7), at(9, 9), at(20, 31)}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestNaturalCompare(t *testing.T) {
	names := []string{"", "1", "01", "2", "10", "a", "a1", "a01", "a1b", "a2", "a10", "a10b2", "a10b10", "b", "n99999999999999999998", "n99999999999999999999"}
	shuffled := slices.Clone(names)
	slices.Reverse(shuffled)
	slices.SortFunc(shuffled, naturalCompare)
	for i, n := range shuffled {
		for _, later := range shuffled[i+1:] {
			if naturalCompare(n, later) >= 0 || naturalCompare(later, n) <= 0 {
				t.Errorf("%q and %q are not ordered", n, later)
			}
		}
	}
	for _, pair := range [][2]string{{"node2", "node10"}, {"a2b", "a10b"}, {"a", "a1"}, {"a9", "b1"}} {
		if naturalCompare(pair[0], pair[1]) >= 0 {
			t.Errorf("%q does not come before %q", pair[0], pair[1])
		}
	}
}
