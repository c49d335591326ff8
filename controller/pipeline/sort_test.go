package pipeline

import (
	"math/rand/v2"
	"slices"
	"testing"
)

type sortable struct {
	cookie Sum
	table  uint8
}

func (s *sortable) before(o *sortable) bool { return s.table < o.table }

func cookieOf(s *sortable) Sum { return s.cookie }

// TestSortBySum sorts any number of any cookies, hashes or not.
func TestSortBySum(t *testing.T) {
	for name, cookie := range map[string]func() uint64{
		"hashes":        rand.Uint64,
		"few":           func() uint64 { return rand.Uint64N(3) },
		"small numbers": func() uint64 { return rand.Uint64N(1000) },
		"the greatest":  func() uint64 { return ^uint64(0) - rand.Uint64N(2) },
	} {
		for _, n := range []int{0, 1, 2, 63, 64, 65, 100, 128, 1000, 4096, 10_001} {
			items := make([]sortable, n)
			for i := range items {
				items[i] = sortable{Sum(cookie()), uint8(rand.Uint32())}
			}
			want := slices.Clone(items)
			slices.SortFunc(want, func(a, b sortable) int {
				switch {
				case a.cookie < b.cookie || a.cookie == b.cookie && a.table < b.table:
					return -1
				case a == b:
					return 0
				}
				return 1
			})
			SortBySum(items, cookieOf, (*sortable).before)
			if !slices.Equal(items, want) {
				t.Errorf("%d of %s are not in order", n, name)
			}
		}
	}
}

func BenchmarkSortBySum(b *testing.B) {
	var set ItemSet
	for range 100_000 {
		set.items = append(set.items, Item{Sum: Sum(rand.Uint64())})
	}
	shuffled := slices.Clone(set.items)
	b.Run("by cookie", func(b *testing.B) {
		for b.Loop() {
			copy(set.items, shuffled)
			set.Sort()
		}
	})
	b.Run("slices.SortFunc", func(b *testing.B) {
		for b.Loop() {
			copy(set.items, shuffled)
			slices.SortFunc(set.items, func(a, b Item) int {
				switch {
				case a.Sum < b.Sum:
					return -1
				case a.Sum > b.Sum:
					return 1
				}
				return 0
			})
		}
	})
}
