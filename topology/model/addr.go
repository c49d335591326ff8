package model

import (
	"fmt"
	"net/netip"
)

// Family is a family of addresses.
type Family uint8

// The families. Where something has an address of each, IPv4 comes first.
const (
	IPv4 Family = iota
	IPv6
	numFamilies = iota
)

// Families returns both, IPv4 first.
func Families() [numFamilies]Family { return [...]Family{IPv4, IPv6} }

// FamilyOf returns the family of an address, which must be valid and not an
// IPv4 address that is mapped into IPv6.
func FamilyOf(a netip.Addr) Family {
	if a.Is4() {
		return IPv4
	}
	return IPv6
}

// Bits is how long the family's addresses are: 32 or 128.
func (f Family) Bits() int {
	if f == IPv4 {
		return 32
	}
	return 128
}

// String returns "IPv4" or "IPv6".
func (f Family) String() string {
	if f == IPv4 {
		return "IPv4"
	}
	return "IPv6"
}

// PrefixRange returns all addresses of a prefix.
func PrefixRange(p netip.Prefix) AddrRange {
	p = p.Masked()
	return AddrRange{From: p.Addr(), To: lastOf(p)}
}

// lastOf returns the last address of a prefix.
func lastOf(p netip.Prefix) netip.Addr {
	last := p.Addr().AsSlice()
	for i := p.Bits(); i < 8*len(last); i++ {
		last[i/8] |= 1 << (7 - i%8)
	}
	a, _ := netip.AddrFromSlice(last) // of 4 or 16 bytes
	return a
}

// FirstHost returns the first address of a prefix that a host can have.
func FirstHost(p netip.Prefix) netip.Addr { return p.Masked().Addr().Next() }

// isHost reports whether an address is one of a prefix that a host can have: not
// the first, which is the network's or that of any of its routers (RFC 4291, 2.6.1),
// and in IPv4 not the broadcast address.
func isHost(p netip.Prefix, a netip.Addr) bool {
	return p.Contains(a) && a != p.Masked().Addr() && !(a.Is4() && a == lastOf(p))
}

// LinkLocal returns the link-local address of an interface with a MAC: fe80::/64
// and the modified EUI-64 of the MAC (RFC 4291, 2.5.6 and appendix A).
func LinkLocal(m MAC) netip.Addr {
	return netip.AddrFrom16([16]byte{0xfe, 0x80, 8: m[0] ^ 2, 9: m[1], 10: m[2], 11: 0xff, 12: 0xfe, 13: m[3], 14: m[4], 15: m[5]})
}

// checkPrefix reports whether p can hold hosts; the Invalid prefix is one that
// is missing.
func checkPrefix(p netip.Prefix, field string, bad Reporter) bool {
	const example = "write it as 10.0.0.0/24 or fd00:0:0:1::/64"
	if !p.IsValid() {
		bad(Invalid, field, "the CIDR is missing", example)
		return false
	}
	shortest, longest := MinSubnetBits, MaxSubnetBits
	if !p.Addr().Is4() {
		shortest, longest = MinSubnetBits6, MaxSubnetBits6
	}
	switch {
	case p.Bits() < shortest || p.Bits() > longest:
		bad(Invalid, field, fmt.Sprintf("a /%d is out of range", p.Bits()), fmt.Sprintf("give a prefix from /%d to /%d", shortest, longest))
	case !unicast(p):
		fix := "use a private range, such as 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16"
		if !p.Addr().Is4() {
			fix = "use a unique local prefix, such as fd00:0:0:1::/64, or a global one out of 2000::/3"
		}
		bad(Invalid, field, p.String()+" has addresses that hosts cannot have", fix)
	default:
		return true
	}
	return false
}

// unicast reports whether hosts can have the addresses of a prefix: in IPv4 it is
// free of "this network", loopback, multicast and reserved addresses (RFC 6890,
// section 2.2.2), in IPv6 it is of the global unicast addresses that are given out
// (2000::/3; RFC 4291, section 2.4) or unique local (fc00::/7; RFC 4193).
func unicast(p netip.Prefix) bool {
	if p.Addr().Is4() {
		first := p.Addr().As4()[0]
		return first != 0 && first != 127 && first < 224
	}
	first := p.Addr().As16()[0]
	return first&0xe0 == 0x20 || first&0xfe == 0xfc
}

// zoned reports an address that has a zone (RFC 4007, section 11) and so means
// something on one machine only.
func zoned(a netip.Addr, field string, bad Reporter) bool {
	if a.Zone() != "" {
		bad(Invalid, field, a.String()+" has a zone", "give an address that means the same on every machine")
	}
	return a.Zone() != ""
}
