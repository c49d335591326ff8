package pipeline

import (
	"net/netip"
	"testing"

	"github.com/sdnctl/sdnctl/topology/model"
)

// TestHopSlots: next hops have equal shares. One that comes moves few connections between the
// others.
func TestHopSlots(t *testing.T) {
	hops := func(n int) (all []Hop) {
		for i := range n {
			all = append(all, Hop{Address: netip.AddrFrom4([4]byte{10, 0, 0, byte(2 + i)})})
		}
		return all
	}
	for n := 1; n <= model.MaxRouteHops; n++ {
		now, shares := slotsOf(hops(n)), make([]int, n)
		for _, i := range now {
			shares[i]++
		}
		for i, s := range shares {
			if s < len(now)/n || s > (len(now)+n-1)/n {
				t.Errorf("%d next hops: the %d. has %d of %d parts", n, i, s, len(now))
			}
		}
		if n == 1 {
			continue
		}
		moved := 0 // between those that stay
		for at, was := range slotsOf(hops(n - 1)) {
			if now[at] != was && now[at] != n-1 {
				moved++
			}
		}
		if most := len(now) / 4; moved > most {
			t.Errorf("the %d. next hop moves %d of %d parts between the others, want at most %d", n, moved, len(now), most)
		}
	}
}
