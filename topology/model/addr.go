package model

import "net/netip"

// PrefixRange returns all addresses of an IPv4 prefix.
func PrefixRange(p netip.Prefix) AddrRange {
	p = p.Masked()
	last := p.Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		last[i/8] |= 1 << (7 - i%8)
	}
	return AddrRange{From: p.Addr(), To: netip.AddrFrom4(last)}
}

// FirstHost returns the first address of a prefix that a host can have.
func FirstHost(p netip.Prefix) netip.Addr { return p.Masked().Addr().Next() }

// isHost reports whether an address is one of a prefix that a host can have: not
// the network's nor the broadcast address.
func isHost(p netip.Prefix, a netip.Addr) bool {
	r := PrefixRange(p)
	return r.From.Less(a) && a.Less(r.To)
}
