package pipeline

import (
	"encoding/binary"
	"net/netip"
	"slices"
)

// cover appends the fewest prefixes that together have the addresses and no
// other. Addresses are in order, each once, and within the prefix. Which
// prefixes they are depends on nothing but the addresses.
func cover(out []netip.Prefix, within netip.Prefix, addrs []netip.Addr) []netip.Prefix {
	switch {
	case len(addrs) == 0:
		return out
	case len(addrs) == 1<<(32-within.Bits()):
		return append(out, within)
	}
	low, high := halves(within)
	at, _ := slices.BinarySearchFunc(addrs, high.Addr(), netip.Addr.Compare)
	return cover(cover(out, low, addrs[:at]), high, addrs[at:])
}

// halves splits an IPv4 prefix in two.
func halves(p netip.Prefix) (low, high netip.Prefix) {
	bits := p.Bits() + 1
	a := p.Addr().As4()
	low = netip.PrefixFrom(p.Addr(), bits)
	binary.BigEndian.PutUint32(a[:], binary.BigEndian.Uint32(a[:])|1<<(32-bits))
	return low, netip.PrefixFrom(netip.AddrFrom4(a), bits)
}
