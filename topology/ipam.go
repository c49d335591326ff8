package topology

import (
	"fmt"
	"net/netip"

	"github.com/sdnctl/sdnctl/topology/model"
)

// space is the addresses that a port may have: those of a stretched network or
// of one block.
type space struct {
	vni VNI
	// in has the ranges of each family, in the order in which they are used.
	in [2][]span
	// skip has the addresses that are never allocated, sorted: the first and last address
	// of each range, gateways, and those that the user has reserved.
	skip []span
}

// newSpace returns where a port of a network on a node gets its addresses, or
// nil if the node has no block there.
func newSpace(x *indexes, n *Network, node string) *space {
	s := &space{vni: n.VNI}
	for _, sub := range n.Spec.Subnets {
		for _, r := range sub.Reserved {
			s.skip = append(s.skip, span{numberOf(r.From), numberOf(r.To)})
		}
		if n.Spec.Mode == Stretched {
			s.add(sub.Prefix, sub.Gateway.Addr)
		}
	}
	if n.Spec.Mode == Segmented {
		b, ok := x.block(n.Name, node)
		if !ok {
			return nil
		}
		for _, r := range b.Ranges() {
			s.add(r.Prefix, r.Gateway)
		}
	}
	s.skip = union(s.skip)
	return s
}

func (s *space) add(p netip.Prefix, gateway netip.Addr) {
	r, f := spanOf(p), model.FamilyOf(p.Addr())
	s.in[f] = append(s.in[f], r)
	s.skip = append(s.skip, just(r.from), just(numberOf(gateway)))
	if f == IPv4 { // IPv6 has no broadcast
		s.skip = append(s.skip, just(r.to))
	}
}

// has reports whether ports get an address of the family.
func (s *space) has(f Family) bool { return len(s.in[f]) > 0 }

// allows reports whether a port may have an address, taken or not.
func (s *space) allows(a netip.Addr) bool {
	v := numberOf(a)
	if _, no := find(s.skip, v); no || a.Zone() != "" {
		return false
	}
	for _, r := range s.in[model.FamilyOf(a)] {
		if r.has(v) {
			return true
		}
	}
	return false
}

// free returns a free, usable address of a family. It takes the first one after the address
// that was allocated last, in each range in turn, and only then the first before it. So a
// released address is reused as late as possible, when no other host has it in its caches.
func (s *space) free(x *indexes, f Family, usable func(netip.Addr) bool) (netip.Addr, bool) {
	for _, r := range s.in[f] {
		if g, ok := x.lastGiven.Get(given{vni: s.vni, from: r.from}); ok && g.last.less(r.to) {
			r.from, _ = g.last.next()
		}
		if a, ok := s.freeIn(x, r, usable); ok {
			return a, true
		}
	}
	for _, r := range s.in[f] {
		if a, ok := s.freeIn(x, r, usable); ok {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// freeIn returns the lowest free address of r that is usable.
func (s *space) freeIn(x *indexes, r span, usable func(netip.Addr) bool) (netip.Addr, bool) {
	for {
		v, ok := x.addrs.free(uint32(s.vni), r, s.skip)
		if !ok {
			return netip.Addr{}, false
		}
		a := v.addr()
		if usable(a) {
			return a, true
		}
		if r.from, ok = v.next(); !ok || r.to.less(r.from) {
			return netip.Addr{}, false
		}
	}
}

// given is the address that was allocated last of the range of a VNI that begins at
// from.
type given struct {
	vni        VNI
	from, last number
}

func givenLess(a, b given) bool {
	if a.vni != b.vni {
		return a.vni < b.vni
	}
	return a.from.less(b.from)
}

// given records an address that was allocated, and not chosen by the user.
func (s *space) given(x *indexes, a netip.Addr) {
	v := numberOf(a)
	for _, r := range s.in[model.FamilyOf(a)] {
		if r.has(v) {
			x.lastGiven.Set(given{s.vni, r.from, v})
		}
	}
}

// forgetGiven forgets the address of a range that was allocated last.
func (x *indexes) forgetGiven(vni VNI, r netip.Prefix) {
	x.lastGiven.Delete(given{vni: vni, from: spanOf(r).from})
}

// refuse says why a port of a network on a node may not have an address.
func refuse(x *indexes, n *Network, node string, ip netip.Addr) string {
	var in []BlockRange
	where := "the subnets of " + n.Ref().String()
	if n.Spec.Mode == Segmented {
		b, ok := x.block(n.Name, node)
		if !ok {
			return fmt.Sprintf("node %q has no block of %s", node, n.Ref())
		}
		for _, r := range b.Ranges() {
			in = append(in, r)
		}
		where = fmt.Sprintf("the block that node %q has of %s", node, n.Ref())
	}
	for _, s := range n.Spec.Subnets {
		for _, r := range s.Reserved {
			if span := (span{numberOf(r.From), numberOf(r.To)}); span.has(numberOf(ip)) {
				return fmt.Sprintf("%s is reserved (%s-%s) in %s", ip, r.From, r.To, n.Ref())
			}
		}
		if n.Spec.Mode == Stretched {
			in = append(in, BlockRange{s.Prefix, s.Gateway.Addr})
		}
	}
	for _, r := range in {
		switch s := spanOf(r.Prefix); {
		case r.Gateway == ip:
			return fmt.Sprintf("%s is the gateway of %s", ip, r.Prefix)
		case s.from == numberOf(ip) && ip.Is4():
			return fmt.Sprintf("%s is the network address of %s", ip, r.Prefix)
		case s.from == numberOf(ip):
			return fmt.Sprintf("%s is the address of all routers of %s (RFC 4291, 2.6.1)", ip, r.Prefix)
		case s.to == numberOf(ip) && ip.Is4():
			return fmt.Sprintf("%s is the broadcast address of %s", ip, r.Prefix)
		}
	}
	return fmt.Sprintf("%s is not in %s (%s)", ip, where, prefixes(in))
}

// prefixes lists the first few.
func prefixes(rs []BlockRange) string {
	var u []string
	for i, r := range rs {
		if i == maxNamed {
			return fmt.Sprintf("%s and %d more", list(u), len(rs)-i)
		}
		u = append(u, r.Prefix.String())
	}
	return list(u)
}
