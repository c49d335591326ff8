package topology

import (
	"encoding/binary"
	"hash/fnv"
	"net/netip"

	"github.com/sdnctl/sdnctl/topology/model"
)

// MACFor derives a port's MAC from its first address and its VNI: locally
// administered and unicast. An address that is released and taken again gets the
// same MAC, so stale neighbour entries in containers stay right.
//
// From an IPv4 address it is one-to-one within a VNI. An IPv6 address has more bits than a
// MAC: its low 40 bits are kept, changed by a hash of the others. So the addresses of one
// /64 have different MACs, and two addresses of different ones hardly ever have the same.
func MACFor(vni VNI, a netip.Addr) MAC {
	if a.Is4() {
		b := a.As4()
		return MAC{0x02, byte(vni) ^ byte(vni>>8) ^ byte(vni>>16), b[0], b[1], b[2], b[3]}
	}
	b := a.As16()
	h := fnv.New64a()
	_, _ = h.Write(binary.BigEndian.AppendUint32(nil, uint32(vni))) // a hash never fails
	_, _ = h.Write(b[:8])
	var m [8]byte
	binary.BigEndian.PutUint64(m[:], h.Sum64()+binary.BigEndian.Uint64(b[8:]))
	return MAC{0x0a, m[3], m[4], m[5], m[6], m[7]}
}

// GatewayMACFor derives the gateway's address of a network from its VNI. It
// differs from every MACFor by its first octet.
func GatewayMACFor(vni VNI) MAC {
	return MAC{0x06, 0, 0, byte(vni >> 16), byte(vni >> 8), byte(vni)}
}

// addressOf returns the IPv4 address from which MACFor makes a MAC, if there is one.
func addressOf(vni VNI, m MAC) (netip.Addr, bool) {
	a := netip.AddrFrom4([4]byte(m[2:]))
	return a, MACFor(vni, a) == m
}

// macOf returns the MAC of a link-local address, if it has the form of one made from a MAC.
func macOf(a netip.Addr) (MAC, bool) {
	b := a.As16()
	m := MAC{b[8] ^ 2, b[9], b[10], b[13], b[14], b[15]}
	return m, model.LinkLocal(m) == a
}
