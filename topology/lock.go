package topology

import (
	"iter"
	"net/netip"
)

// lock is a range of addresses in a VNI that one port holds.
type lock struct {
	vni VNI
	span
	port *Port
}

func lockLess(a, b lock) bool {
	if a.vni != b.vni {
		return a.vni < b.vni
	}
	return a.from.less(b.from)
}

// take locks addresses, which must be free, for a port.
func (x *indexes) take(vni VNI, s span, p *Port) {
	x.locks.Set(lock{vni, s, p})
	x.addrs.add(uint32(vni), s)
}

// release is the reverse of take.
func (x *indexes) release(vni VNI, s span) {
	x.locks.Delete(lock{vni: vni, span: s})
	x.addrs.remove(uint32(vni), s)
}

// holder returns the port that holds the first address of a span that is taken.
func (x *indexes) holder(vni VNI, s span) (p *Port, ok bool) {
	first, taken := x.addrs.overlaps(uint32(vni), s)
	if !taken {
		return nil, false
	}
	x.locks.Descend(lock{vni: vni, span: just(first)}, func(l lock) bool {
		p, ok = l.port, l.vni == vni && l.has(first)
		return false
	})
	return p, ok
}

// PortByAddress returns the port that holds an address in a network.
func (s *Snapshot) PortByAddress(network string, ip netip.Addr) (*Port, bool) {
	n, ok := s.x.networks.Get(network)
	if !ok || !ip.IsValid() {
		return nil, false
	}
	return s.x.holder(n.VNI, just(numberOf(ip)))
}

// Held yields all that no other port of the network may have: the port's addresses and
// further ones.
func (p *Port) Held() iter.Seq[netip.Prefix] {
	return func(yield func(netip.Prefix) bool) {
		for _, a := range p.Addresses {
			if !yield(netip.PrefixFrom(a, a.BitLen())) {
				return
			}
		}
		for _, a := range p.Spec.Addresses {
			if r, ok := a.Range(); ok && !yield(r) {
				return
			}
		}
	}
}

// held does what Held does, with numbers.
func (p *Port) held() iter.Seq[span] {
	return func(yield func(span) bool) {
		for r := range p.Held() {
			if !yield(spanOf(r)) {
				return
			}
		}
	}
}
