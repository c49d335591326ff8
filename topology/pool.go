package topology

import "iter"

// Pool is how many of a network's addresses are used.
type Pool struct {
	Network string
	// Capacity is how many addresses ports may have, and Allocated how many they
	// have. Of a segmented network that is what is in the blocks of its nodes.
	Capacity, Allocated float64
	// Fullest is the used share, 0 to 1, of the block that has the greatest; of a
	// stretched network it is that of the whole.
	Fullest float64
}

// Pools returns the pool of each network, by name. It looks at each port once.
func (s *Snapshot) Pools() iter.Seq[Pool] {
	return func(yield func(Pool) bool) {
		for n := range s.Networks() {
			if !yield(s.pool(n)) {
				return
			}
		}
	}
}

func (s *Snapshot) pool(n *Network) Pool {
	out, used := Pool{Network: n.Name}, map[string]float64{} // by node, of a segmented network
	for p := range s.PortsOfNetwork(n.Name) {
		out.Allocated++
		if n.Spec.Mode == Segmented {
			used[p.Spec.Node]++
		}
	}
	if n.Spec.Mode == Stretched {
		out.Capacity = newSpace(&s.x, n, "").size()
		out.Fullest = share(out.Allocated, out.Capacity)
		return out
	}
	for b := range s.BlocksOf(n.Name) {
		size := newSpace(&s.x, n, b.Node).size()
		out.Capacity += size
		out.Fullest = max(out.Fullest, share(used[b.Node], size))
	}
	return out
}

func share(used, of float64) float64 {
	if of == 0 {
		return 1
	}
	return used / of
}

// size returns how many addresses a port may have, taken or not.
func (s *space) size() (n float64) {
	for _, r := range s.in {
		n += float64(r.to-r.from) + 1
		for _, no := range s.skip {
			if from, to := max(r.from, no.from), min(r.to, no.to); from <= to {
				n -= float64(to-from) + 1
			}
		}
	}
	return n
}
