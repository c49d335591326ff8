package pipeline

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/sdnctl/sdnctl/openflow"
)

type sortable struct {
	cookie openflow.Cookie
	table  uint8
}

func (s *sortable) before(o *sortable) bool { return s.table < o.table }

func cookieOf(s *sortable) openflow.Cookie { return s.cookie }

// TestSortByCookie: any number of any cookies, hashes or not.
func TestSortByCookie(t *testing.T) {
	for name, cookie := range map[string]func() uint64{
		"hashes":        rand.Uint64,
		"few":           func() uint64 { return rand.Uint64N(3) },
		"small numbers": func() uint64 { return rand.Uint64N(1000) },
		"the greatest":  func() uint64 { return ^uint64(0) - rand.Uint64N(2) },
	} {
		for _, n := range []int{0, 1, 2, 63, 64, 65, 100, 128, 1000, 4096, 10_001} {
			items := make([]sortable, n)
			for i := range items {
				items[i] = sortable{openflow.Cookie(cookie()), uint8(rand.Uint32())}
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
			SortByCookie(items, cookieOf, (*sortable).before)
			if !slices.Equal(items, want) {
				t.Errorf("%d of %s are not in order", n, name)
			}
		}
	}
}

func BenchmarkSortByCookie(b *testing.B) {
	var set FlowSet
	for range 100_000 {
		set.entries = append(set.entries, Entry{Cookie: openflow.Cookie(rand.Uint64())})
	}
	shuffled := slices.Clone(set.entries)
	b.Run("by cookie", func(b *testing.B) {
		for b.Loop() {
			copy(set.entries, shuffled)
			set.Sort()
		}
	})
	b.Run("slices.SortFunc", func(b *testing.B) {
		for b.Loop() {
			copy(set.entries, shuffled)
			slices.SortFunc(set.entries, func(a, b Entry) int {
				switch {
				case a.Cookie < b.Cookie:
					return -1
				case a.Cookie > b.Cookie:
					return 1
				}
				return 0
			})
		}
	})
}
