package topology

import (
	"fmt"
	"net/netip"
)

// space is the addresses that a port may have: those of a stretched network or
// of one block.
type space struct {
	vni VNI
	// in are the ranges, in the order in which they are used up.
	in []span
	// skip is what is never given out, sorted: the first and last address of
	// each range, gateways, and what the user has reserved.
	skip []span
}

// newSpace returns where a port of a network on a node gets its address, or
// nil if the node has no block there.
func newSpace(x *indexes, n *Network, node string) *space {
	s := &space{vni: n.VNI}
	for _, sub := range n.Spec.Subnets {
		for _, r := range sub.Reserved {
			s.skip = append(s.skip, span{u32(r.From), u32(r.To)})
		}
		if n.Spec.Mode == Stretched {
			s.add(sub.Prefix, sub.Gateway)
		}
	}
	if n.Spec.Mode == Segmented {
		b, ok := x.block(n.Name, node)
		if !ok {
			return nil
		}
		s.add(b.Prefix, b.Gateway)
	}
	s.skip = union(s.skip)
	return s
}

func (s *space) add(p netip.Prefix, gateway netip.Addr) {
	r, g := spanOf(p), u32(gateway)
	s.in = append(s.in, r)
	s.skip = append(s.skip, span{r.from, r.from}, span{r.to, r.to}, span{g, g})
}

// allows reports whether a port may have an address, taken or not.
func (s *space) allows(ip uint32) bool {
	if _, no := find(s.skip, ip); no {
		return false
	}
	for _, r := range s.in {
		if r.has(ip) {
			return true
		}
	}
	return false
}

// free returns a free address that is usable: in each range in turn the first
// one behind the address that was allocated last there, and only when no range
// has one the first one before it. An address that was just released is so
// given out again last, when whoever still remembers it has forgotten it.
func (s *space) free(x *indexes, usable func(netip.Addr) bool) (netip.Addr, bool) {
	for _, r := range s.in {
		if last, ok := x.lastGiven.Get(lockKey(s.vni, r.from)); ok && last < r.to {
			r.from = last + 1
		}
		if a, ok := s.freeIn(x, r, usable); ok {
			return a, true
		}
	}
	for _, r := range s.in {
		if a, ok := s.freeIn(x, r, usable); ok {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// freeIn returns the lowest free address of r that is usable.
func (s *space) freeIn(x *indexes, r span, usable func(netip.Addr) bool) (netip.Addr, bool) {
	for {
		v, ok := x.addrs.free(uint32(s.vni), r.from, r.to, s.skip)
		if !ok {
			return netip.Addr{}, false
		}
		if a := ip4(v); usable(a) {
			return a, true
		}
		r.from = v + 1
	}
}

// given notes that an address was allocated, not chosen by the user.
func (s *space) given(x *indexes, ip netip.Addr) {
	for _, r := range s.in {
		if v := u32(ip); r.has(v) {
			x.lastGiven.Set(lockKey(s.vni, r.from), v)
		}
	}
}

// refuse says why a port of a network on a node may not have an address.
func refuse(x *indexes, n *Network, node string, ip netip.Addr) string {
	var in []netip.Prefix
	var gateways []netip.Addr
	where := "the subnets of " + n.Ref().String()
	if n.Spec.Mode == Segmented {
		b, ok := x.block(n.Name, node)
		if !ok {
			return fmt.Sprintf("node %q has no block of %s", node, n.Ref())
		}
		in, gateways = append(in, b.Prefix), append(gateways, b.Gateway)
		where = fmt.Sprintf("the block that node %q has of %s", node, n.Ref())
	}
	for _, s := range n.Spec.Subnets {
		for _, r := range s.Reserved {
			if span := (span{u32(r.From), u32(r.To)}); span.has(u32(ip)) {
				return fmt.Sprintf("%s is reserved (%s-%s) in %s", ip, r.From, r.To, n.Ref())
			}
		}
		if n.Spec.Mode == Stretched {
			in, gateways = append(in, s.Prefix), append(gateways, s.Gateway)
		}
	}
	for i, p := range in {
		switch s := spanOf(p); {
		case gateways[i] == ip:
			return fmt.Sprintf("%s is the gateway of %s", ip, p)
		case s.from == u32(ip):
			return fmt.Sprintf("%s is the network address of %s", ip, p)
		case s.to == u32(ip):
			return fmt.Sprintf("%s is the broadcast address of %s", ip, p)
		}
	}
	return fmt.Sprintf("%s is not in %s (%s)", ip, where, prefixes(in))
}

// prefixes lists the first few.
func prefixes(ps []netip.Prefix) string {
	var u []string
	for i, p := range ps {
		if i == maxNamed {
			return fmt.Sprintf("%s and %d more", list(u), len(ps)-i)
		}
		u = append(u, p.String())
	}
	return list(u)
}
