package topology

import "fmt"

// CheckIPAM computes from the ports and blocks alone what is taken, compares the result
// with the snapshot's indexes, and returns every difference in words; none if they agree.
// It costs O(n log n) and is meant for operators and tests.
func CheckIPAM(s *Snapshot) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	addrs, slots, locks := newRunSet(), newRunSet(), 0
	for o := range s.Ports() {
		n, ok := s.Network(o.Spec.Network)
		if !ok {
			say("%s: there is no network %q", o.Ref(), o.Spec.Network)
			continue
		}
		sp := newSpace(&s.x, n, o.Spec.Node)
		for _, a := range o.Addresses {
			if sp == nil || !sp.allows(a) {
				say("%s: %s", o.Ref(), refuse(&s.x, n, o.Spec.Node, a))
			}
		}
		for held := range o.held() {
			what := held.from.addr()
			if _, taken := addrs.overlaps(uint32(n.VNI), held); taken {
				say("%s: %s of %s is held twice", o.Ref(), what, n.Ref())
				continue
			}
			addrs.add(uint32(n.VNI), held)
			locks++
			if l, ok := s.x.locks.Get(lock{vni: n.VNI, span: held}); !ok {
				say("%s: %s of %s is not locked", o.Ref(), what, n.Ref())
			} else if l.port != o || l.to != held.to {
				say("%s: %s of %s is locked for %s", o.Ref(), what, n.Ref(), l.port.Ref())
			}
		}
	}
	if extra := s.x.locks.Len() - locks; extra > 0 {
		say("%d addresses are locked for no port", extra)
	}
	for b := range s.AllBlocks() {
		n, ok := s.Network(b.Network)
		if !ok || n.Spec.Mode != Segmented {
			say("block of %s on node %q: there is no such segmented network", b.Network, b.Node)
			continue
		}
		for f, r := range b.Ranges() {
			sl := slotsOf(n, r.Prefix)
			if _, taken := slots.overlaps(slotSpace(n, f), sl); taken {
				say("block of %s on node %q: %s belongs to two nodes", b.Network, b.Node, r.Prefix)
				continue
			}
			slots.add(slotSpace(n, f), sl)
		}
	}
	for n := range all(s.x.segmented) {
		for node := range s.Nodes() {
			if _, ok := s.Block(n.Name, node.Name); !ok {
				say("%s: node %q has no block", n.Ref(), node.Name)
			}
		}
	}
	compareRuns(s.x.addrs, addrs, func(r run, state string) {
		say("VNI %d: addresses %s-%s are %s", r.space, r.from.addr(), r.to.addr(), state)
	})
	compareRuns(s.x.slots, slots, func(r run, state string) {
		say("VNI %d: blocks number %d-%d of %s are %s", r.space>>1, r.from.low, r.to.low, Family(r.space&1), state)
	})
	return out
}

// compareRuns reports the runs that only one of two sets has.
func compareRuns(have, want runSet, say func(run, string)) {
	have.t.Scan(func(r run) bool {
		if w, ok := want.t.Get(r); !ok || w != r {
			say(r, "booked as taken, and are not all in use")
		}
		return true
	})
	want.t.Scan(func(r run) bool {
		if h, ok := have.t.Get(r); !ok || h != r {
			say(r, "in use, and not all booked as taken")
		}
		return true
	})
}
