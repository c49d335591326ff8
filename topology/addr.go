package topology

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"
)

// u32 returns an IPv4 address as a number.
func u32(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

// ip4 is the reverse of u32.
func ip4(v uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], v)
	return netip.AddrFrom4(b)
}

// span is the addresses from..to, both included.
type span struct{ from, to uint32 }

// spanOf returns all addresses of an IPv4 prefix.
func spanOf(p netip.Prefix) span {
	from := u32(p.Masked().Addr())
	return span{from, from | uint32(1<<(32-p.Bits())-1)}
}

func (s span) has(v uint32) bool { return s.from <= v && v <= s.to }

// find returns the span that holds v; spans must be sorted and not overlap.
func find(spans []span, v uint32) (int, bool) {
	return slices.BinarySearchFunc(spans, v, func(s span, v uint32) int {
		switch {
		case s.to < v:
			return -1
		case v < s.from:
			return 1
		}
		return 0
	})
}

// union sorts spans and joins those that overlap, in place.
func union(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int {
		return cmp.Compare(a.from, b.from)
	})
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 && s.from <= out[n-1].to {
			out[n-1].to = max(out[n-1].to, s.to)
			continue
		}
		out = append(out, s)
	}
	return out
}
