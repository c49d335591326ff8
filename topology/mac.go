package topology

import "net/netip"

// MACFor derives a port's address from its IPv4 address and VNI: locally
// administered, unicast, one-to-one with the IP within a VNI. An address that
// is released and taken again gets the same MAC, so stale neighbour entries in
// containers stay right.
func MACFor(vni VNI, ip netip.Addr) MAC {
	a := ip.As4()
	return MAC{0x02, byte(vni) ^ byte(vni>>8) ^ byte(vni>>16), a[0], a[1], a[2], a[3]}
}

// GatewayMACFor derives the gateway's address of a network from its VNI. It
// differs from every MACFor by its first octet.
func GatewayMACFor(vni VNI) MAC {
	return MAC{0x06, 0, 0, byte(vni >> 16), byte(vni >> 8), byte(vni)}
}
