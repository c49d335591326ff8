package answer

import (
	"net/netip"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// checksum returns the Internet checksum (RFC 1071) of bytes, continued from a sum; it is 0 of bytes
// with their checksum.
func checksum(sum uint32, b []byte) uint16 {
	return gopacket.FoldChecksum(gopacket.ComputeChecksum(b, sum))
}

// pseudoSum returns the sum of the pseudo-header of a message of ICMPv6 (RFC 8200, 8.1).
func pseudoSum(src, dst netip.Addr, length int) uint32 {
	from, to := src.As16(), dst.As16()
	return gopacket.ComputeChecksum(to[:], gopacket.ComputeChecksum(from[:], 0)) + uint32(length) + uint32(layers.IPProtocolICMPv6)
}
