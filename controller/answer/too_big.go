package answer

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// Places in a frame with ICMPv6 "packet too big" behind IPv6 without extension headers (RFC 8200, 3; RFC 4443, 3.2).
const (
	ipv6NextHeader = 14 + 6
	icmpv6At       = 14 + 40
	icmpv6Sum      = icmpv6At + 2
	icmpv6MTU      = icmpv6At + 4
	quotedAt       = icmpv6At + 8
	quotedNext     = quotedAt + 6
)

const (
	tooBigType = 2
	// minMTU is the least that a way of IPv6 carries (RFC 8200, 5).
	minMTU = 1280
)

// TooBig repairs messages from outside which say that a packet of UDP was too big (RFC 4443, 3.2).
//
// When Open vSwitch's own datapath translates the destination address of such a message, it treats the
// message as UDP (seen in 3.1): it updates the last two bytes of the MTU for the new address (RFC 1624), as if
// they were the checksum of UDP. The flows forward the message as it is. If it is damaged, which an impossible
// MTU shows, TooBig sends it once more with the MTU that it had. That MTU follows from the address by which
// the port is known outside. If there are several such addresses, TooBig takes the smallest possible MTU.
func TooBig(v *pipeline.View, p packetin.Port, m *openflow.PacketIn) packetin.Reply {
	const what = "a packet was too big"
	d := m.Data
	if len(d) < quotedAt+40 || d[ipv6NextHeader] != byte(layers.IPProtocolICMPv6) || d[icmpv6At] != tooBigType {
		return packetin.Reply{What: what + ": cannot be read"}
	}
	n, ok := v.Topo.NetworkByVNI(topology.VNI(metadataOf(m)))
	if !ok {
		return packetin.Reply{What: what + ": its network is gone"}
	}
	to := netip.AddrFrom16([16]byte(d[14+24 : 14+40]))
	port, ok := v.Topo.PortByAddress(n.Name, to)
	if !ok {
		return packetin.Reply{What: what + ": no port has the address " + to.String()}
	}
	r := packetin.Reply{Port: port.Name}
	said, most := binary.BigEndian.Uint32(d[icmpv6MTU:]), uint32(n.Spec.PortMTU())
	switch {
	case d[quotedNext] != byte(protoUDP) || said > 0xffff:
		r.What = fmt.Sprintf("%s: MTU %d", what, said)
		return r
	case said >= minMTU && said <= most:
		r.What = fmt.Sprintf("%s: MTU %d", what, said)
		return r
	}
	had := uint16(0) // the smallest that can be, as packets of that size arrive in any case
	for from := range v.SeenOutside(p.Node, port, topology.IPv6) {
		if mtu := afterMove(uint16(said), to, from); mtu >= minMTU && uint32(mtu) <= most && (had == 0 || mtu < had) {
			had = mtu
		}
	}
	if had == 0 {
		r.What = fmt.Sprintf("%s: MTU %d, which cannot be", what, said)
		return r
	}
	r.What = fmt.Sprintf("%s: MTU %d, damaged to %d", what, had, said)
	out := slices.Clone(d)
	binary.BigEndian.PutUint16(out[icmpv6MTU+2:], had)
	binary.BigEndian.PutUint16(out[icmpv6Sum:], 0)
	message := out[icmpv6At:]
	if length := int(binary.BigEndian.Uint16(out[14+4:])); length < len(message) {
		message = message[:length] // the rest pads the frame
	}
	sum := pseudoSum(netip.AddrFrom16([16]byte(d[14+8:14+24])), to, len(message))
	binary.BigEndian.PutUint16(out[icmpv6Sum:], checksum(sum, message))
	r.Out = openflow.NewPacketOut(out, pipeline.ReturnedAgain(m))
	return r
}

// afterMove returns a checksum after an address that it covers has become another (RFC 1624, 3).
func afterMove(sum uint16, from, to netip.Addr) uint16 {
	was, is := from.As16(), to.As16()
	s := uint32(^sum)
	for i := 0; i < len(was); i += 2 {
		s += uint32(^binary.BigEndian.Uint16(was[i:])) + uint32(binary.BigEndian.Uint16(is[i:]))
	}
	return gopacket.FoldChecksum(s)
}
