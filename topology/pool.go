package topology

import (
	"iter"
	"math"

	"github.com/sdnctl/sdnctl/topology/model"
)

// Pool counts the addresses of one family in a network.
type Pool struct {
	Network string
	Family  Family
	// Capacity is how many addresses ports may have, and Allocated how many they have. For
	// a segmented network both count the blocks of its nodes.
	Capacity, Allocated float64
	// Fullest is the used share, 0 to 1, of the block that has the greatest; for a
	// stretched network it is that of the whole network.
	Fullest float64
}

// Pools returns the pools of each network, by name, those of IPv4 first. It looks
// at each port once.
func (s *Snapshot) Pools() iter.Seq[Pool] {
	return func(yield func(Pool) bool) {
		for n := range s.Networks() {
			for _, p := range s.pools(n) {
				if p.Capacity+p.Allocated > 0 && !yield(p) {
					return
				}
			}
		}
	}
}

func (s *Snapshot) pools(n *Network) (pools [2]Pool) {
	used := map[string][2]float64{} // by node; of a stretched network all at ""
	for p := range s.PortsOfNetwork(n.Name) {
		node := p.Spec.Node
		if n.Spec.Mode == Stretched {
			node = ""
		}
		has := used[node]
		for _, a := range p.Addresses {
			has[model.FamilyOf(a)]++
		}
		used[node] = has
	}
	part := func(node string) {
		in := newSpace(&s.x, n, node)
		for f := range pools {
			size, p := in.size(Family(f)), &pools[f]
			p.Capacity += size
			p.Allocated += used[node][f]
			if size > 0 {
				p.Fullest = max(p.Fullest, used[node][f]/size)
			}
		}
	}
	if n.Spec.Mode == Stretched {
		part("")
	}
	for b := range s.BlocksOf(n.Name) {
		part(b.Node)
	}
	for f := range pools {
		pools[f].Network, pools[f].Family = n.Name, Family(f)
	}
	return pools
}

// size returns how many addresses of a family a port may have, taken or not.
func (s *space) size(f Family) (n float64) {
	for _, r := range s.in[f] {
		n += r.size()
		for _, no := range s.skip {
			both := span{r.from, r.to}
			if both.from.less(no.from) {
				both.from = no.from
			}
			if no.to.less(both.to) {
				both.to = no.to
			}
			if !both.to.less(both.from) {
				n -= both.size()
			}
		}
	}
	return n
}

// size returns how many numbers there are in a span.
func (s span) size() float64 {
	n := s.to.minus(s.from)
	return math.Ldexp(float64(n.high), 64) + float64(n.low) + 1
}
