package worker

import (
	"math/rand/v2"
	"testing"

	"github.com/sdnctl/sdnctl/openflow"
)

// TestSliced: the requests select each flow exactly once, whatever its table and cookie,
// and not too many at a time.
func TestSliced(t *testing.T) {
	for _, tt := range []struct {
		tables map[openflow.TableID]uint32
		want   int // requests
	}{
		{nil, 1},
		{map[openflow.TableID]uint32{0: 1, 9: 0, 80: slice - 1}, 1},
		{map[openflow.TableID]uint32{0: 1, 9: 0, 80: slice}, 2},
		{map[openflow.TableID]uint32{80: slice + 1}, 2},
		{map[openflow.TableID]uint32{80: 2*slice + 1}, 4},
		{map[openflow.TableID]uint32{0: 4, 40: 50_000, 80: 50_000}, 1 + 4 + 4},
		{map[openflow.TableID]uint32{80: ^uint32(0)}, 256},
	} {
		var tables []openflow.TableStats
		for id, n := range tt.tables {
			tables = append(tables, openflow.TableStats{Table: id, Active: n})
		}
		cookies := make([]uint64, 100)
		for i := range cookies {
			cookies[i] = rand.Uint64()
		}
		cookies[0], cookies[1] = 0, ^uint64(0)
		seen := map[openflow.TableID][]int{}
		for id, n := range tt.tables {
			if n > 0 {
				seen[id] = make([]int, len(cookies))
			}
		}
		requests := 0
		for q := range sliced(tables, slice) {
			requests++
			for id := range seen {
				for i, c := range cookies {
					if (q.Table == id || q.Table == openflow.TableAll) && (c^uint64(q.Cookie))&q.CookieMask == 0 {
						seen[id][i]++
					}
				}
			}
		}
		for id := range seen {
			for i, times := range seen[id] {
				if times != 1 {
					t.Errorf("%v: cookie %#x of table %d is asked for %d times", tt.tables, cookies[i], id, times)
				}
			}
		}
		if requests != tt.want {
			t.Errorf("%v are read in %d requests, want %d", tt.tables, requests, tt.want)
		}
	}
}
