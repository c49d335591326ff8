package reconcile

import (
	"math/rand/v2"
	"testing"
)

// TestSliced: whatever a flow's cookie is, it is asked for exactly once, and not
// with too many others.
func TestSliced(t *testing.T) {
	for n, want := range map[int]int{0: 1, 1: 1, slice: 1, slice + 1: 2, 2*slice + 1: 4, 100_000: 8, 1 << 40: 1 << 16} {
		requests := 0
		cookies := make([]uint64, 100)
		for i := range cookies {
			cookies[i] = rand.Uint64()
		}
		cookies[0], cookies[1] = 0, ^uint64(0)
		seen := make([]int, len(cookies))
		for q := range sliced(n) {
			requests++
			for i, c := range cookies {
				if (c^uint64(q.Cookie))&q.CookieMask == 0 {
					seen[i]++
				}
			}
		}
		for i, times := range seen {
			if times != 1 {
				t.Errorf("%d flows: cookie %#x is asked for %d times", n, cookies[i], times)
			}
		}
		if requests != want {
			t.Errorf("%d flows are read in %d requests, want %d", n, requests, want)
		}
	}
}
