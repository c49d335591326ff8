package topology

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"net/netip"
	"slices"
)

// number is a number that is allocated: an address, a block's place in its network, a VNI
// or a router's number. It has 128 bits. An IPv4 address is the IPv6 address that it is
// mapped to (RFC 4291, section 2.5.5.2), so both families are handled alike.
type number struct{ high, low uint64 }

// small returns a number of 64 bits or less.
func small[T ~uint8 | ~uint32 | ~uint64](v T) number { return number{low: uint64(v)} }

// numberOf returns an address as a number.
func numberOf(a netip.Addr) number {
	b := a.As16()
	return number{binary.BigEndian.Uint64(b[:]), binary.BigEndian.Uint64(b[8:])}
}

// addr is the reverse of numberOf.
func (n number) addr() netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], n.high)
	binary.BigEndian.PutUint64(b[8:], n.low)
	return netip.AddrFrom16(b).Unmap()
}

func (n number) compare(o number) int {
	return cmp.Or(cmp.Compare(n.high, o.high), cmp.Compare(n.low, o.low))
}

func (n number) less(o number) bool {
	return n.high < o.high || n.high == o.high && n.low < o.low
}

// next returns the number above; ok is false if there is none.
func (n number) next() (_ number, ok bool) {
	low, carry := bits.Add64(n.low, 1, 0)
	high, carry := bits.Add64(n.high, 0, carry)
	return number{high, low}, carry == 0
}

// previous returns the number below; ok is false if there is none.
func (n number) previous() (_ number, ok bool) {
	low, borrow := bits.Sub64(n.low, 1, 0)
	high, borrow := bits.Sub64(n.high, 0, borrow)
	return number{high, low}, borrow == 0
}

// plus returns n+o, which must not be more than 128 bits.
func (n number) plus(o number) number {
	low, carry := bits.Add64(n.low, o.low, 0)
	return number{n.high + o.high + carry, low}
}

// minus returns n-o, where o is not greater.
func (n number) minus(o number) number {
	low, borrow := bits.Sub64(n.low, o.low, 0)
	return number{n.high - o.high - borrow, low}
}

// shiftRight returns n divided by 2 to the power of by, 0..127.
func (n number) shiftRight(by int) number {
	if by >= 64 {
		return number{0, n.high >> (by - 64)}
	}
	return number{n.high >> by, n.low>>by | n.high<<(64-by)}
}

// shiftLeft returns n times 2 to the power of by, 0..127.
func (n number) shiftLeft(by int) number {
	if by >= 64 {
		return number{n.low << (by - 64), 0}
	}
	return number{n.high<<by | n.low>>(64-by), n.low << by}
}

// ones returns the number whose lowest bits, 0..127, are 1.
func ones(n int) number {
	one := number{low: 1}
	return one.shiftLeft(n).minus(one)
}

// span is the numbers from..to, both included.
type span struct{ from, to number }

// spanOf returns all addresses of a prefix.
func spanOf(p netip.Prefix) span {
	from := numberOf(p.Masked().Addr())
	return span{from, from.plus(ones(p.Addr().BitLen() - p.Bits()))}
}

// just returns the span of one number.
func just(n number) span { return span{n, n} }

func (s span) has(v number) bool { return !v.less(s.from) && !s.to.less(v) }

// find returns the span that holds v; spans must be sorted and not overlap.
func find(spans []span, v number) (int, bool) {
	return slices.BinarySearchFunc(spans, v, func(s span, v number) int {
		switch {
		case s.to.less(v):
			return -1
		case v.less(s.from):
			return 1
		}
		return 0
	})
}

// union sorts spans and joins those that overlap, in place.
func union(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return a.from.compare(b.from) })
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 && !out[n-1].to.less(s.from) {
			if out[n-1].to.less(s.to) {
				out[n-1].to = s.to
			}
			continue
		}
		out = append(out, s)
	}
	return out
}
