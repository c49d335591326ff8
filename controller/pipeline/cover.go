package pipeline

import (
	"net/netip"
	"slices"
)

// cover appends the fewest prefixes that contain the addresses and no others. The addresses
// are sorted, unique and within the prefix, whose size must be small. The result depends on
// nothing but the addresses.
func cover(out []netip.Prefix, within netip.Prefix, addrs []netip.Addr) []netip.Prefix {
	switch {
	case len(addrs) == 0:
		return out
	case len(addrs) == 1<<(within.Addr().BitLen()-within.Bits()):
		return append(out, within)
	}
	low, high := halves(within)
	at, _ := slices.BinarySearchFunc(addrs, high.Addr(), netip.Addr.Compare)
	return cover(cover(out, low, addrs[:at]), high, addrs[at:])
}

// halves splits a prefix of either family in two.
func halves(p netip.Prefix) (low, high netip.Prefix) {
	bits := p.Bits() + 1
	a := p.Addr().AsSlice()
	a[p.Bits()/8] |= 0x80 >> (p.Bits() % 8)
	upper, _ := netip.AddrFromSlice(a) // has the length of an address
	return netip.PrefixFrom(p.Addr(), bits), netip.PrefixFrom(upper, bits)
}
