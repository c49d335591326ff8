package openflow

import "net/netip"

// Match is a list of OXM fields as they are on the wire (OpenFlow 1.3.5,
// 7.2.3.2), without the header and padding of ofp_match. The empty Match
// matches every packet.
//
// The methods append one field and return the longer Match, as append does; a
// buffer with room is reused without allocation. OVS wants prerequisites before
// the fields that depend on them (eth_type before nw_src, ip_proto before
// tcp_dst) and each field at most once; both are the caller's business.
//
// A method with a mask matches the bits of the value that are 1 in the mask. A
// mask of all ones is the same as none, and one of all zeros adds nothing: so Open
// vSwitch shows them too.
//
// Methods that take addresses panic when given one of the wrong family.
type Match []byte

func (m Match) header(f Field) Match { return be.AppendUint32(m, uint32(f)) }

func (m Match) u8(f Field, v uint8) Match   { return append(m.header(f), v) }
func (m Match) u16(f Field, v uint16) Match { return be.AppendUint16(m.header(f), v) }
func (m Match) u32(f Field, v uint32) Match { return be.AppendUint32(m.header(f), v) }
func (m Match) u64(f Field, v uint64) Match { return be.AppendUint64(m.header(f), v) }
func (m Match) mac(f Field, v MAC) Match    { return append(m.header(f), v[:]...) }

func (m Match) u16m(f Field, v, mask uint16) Match {
	switch mask {
	case 0:
		return m
	case ^uint16(0):
		return m.u16(f, v)
	}
	return be.AppendUint16(be.AppendUint16(m.header(f.masked()), v&mask), mask)
}

func (m Match) u32m(f Field, v, mask uint32) Match {
	switch mask {
	case 0:
		return m
	case ^uint32(0):
		return m.u32(f, v)
	}
	return be.AppendUint32(be.AppendUint32(m.header(f.masked()), v&mask), mask)
}

func (m Match) u64m(f Field, v, mask uint64) Match {
	switch mask {
	case 0:
		return m
	case ^uint64(0):
		return m.u64(f, v)
	}
	return be.AppendUint64(be.AppendUint64(m.header(f.masked()), v&mask), mask)
}

func (m Match) bytesMasked(f Field, v, mask [16]byte) Match {
	switch {
	case allBytes(mask[:], 0):
		return m
	case allBytes(mask[:], 0xff):
		return append(m.header(f), v[:]...)
	}
	for i := range v {
		v[i] &= mask[i]
	}
	return append(append(m.header(f.masked()), v[:]...), mask[:]...)
}

func (m Match) ipv4(f Field, a netip.Addr) Match {
	v := a.As4()
	return append(m.header(f), v[:]...)
}

func (m Match) ipv6(f Field, a netip.Addr) Match {
	mustBeIPv6(a)
	v := a.As16()
	return append(m.header(f), v[:]...)
}

func (m Match) ipv6Masked(f Field, a netip.Addr, mask [16]byte) Match {
	mustBeIPv6(a)
	return m.bytesMasked(f, a.As16(), mask)
}

func (m Match) ipv6Prefix(f Field, p netip.Prefix) Match {
	var mask [16]byte
	for i := range p.Bits() {
		mask[i/8] |= 1 << (7 - i%8)
	}
	return m.ipv6Masked(f, p.Addr(), mask)
}

// mustBeIPv6 is for methods that take an IPv6 address.
func mustBeIPv6(a netip.Addr) {
	if !a.Is6() {
		panic("openflow: not an IPv6 address: " + a.String())
	}
}

func (m Match) ipv4Prefix(f Field, p netip.Prefix) Match {
	v := p.Addr().As4()
	return m.u32m(f, be.Uint32(v[:]), ^uint32(0)<<(32-p.Bits()))
}

// InPort matches the port that the packet came in at.
func (m Match) InPort(p PortNo) Match { return m.u32(FieldOXMInPort, uint32(p)) }

// EthType matches the Ethernet type after any VLAN tags.
func (m Match) EthType(v uint16) Match { return m.u16(FieldEthType, v) }

// EthSrc matches the source MAC address.
func (m Match) EthSrc(v MAC) Match { return m.mac(FieldEthSrc, v) }

// EthSrcMasked matches the bits of the source MAC address that are 1 in the mask. Mask
// must not be all ones.
func (m Match) EthSrcMasked(v, mask MAC) Match {
	for i := range v {
		v[i] &= mask[i]
	}
	return append(append(m.header(FieldEthSrc.masked()), v[:]...), mask[:]...)
}

// EthDst matches the destination MAC address.
func (m Match) EthDst(v MAC) Match { return m.mac(FieldEthDst, v) }

// EthDstMasked matches the bits of the destination MAC address that are 1 in
// mask. 01:00:00:00:00:00 in both matches broadcast and multicast.
func (m Match) EthDstMasked(v, mask MAC) Match {
	for i := range v {
		v[i] &= mask[i]
	}
	return append(append(m.header(FieldEthDst.masked()), v[:]...), mask[:]...)
}

// VLANVID matches packets with a VLAN tag of that id, 0..4095.
func (m Match) VLANVID(v uint16) Match { return m.u16(FieldVLANVID, vidPresent|v) }

// VLANNone matches packets without a VLAN tag.
func (m Match) VLANNone() Match { return m.u16(FieldVLANVID, 0) }

// VLANUntagged matches packets without a VLAN tag and those with a priority tag,
// whose id is 0 (IEEE 802.1Q, 9.6).
func (m Match) VLANUntagged() Match { return m.u16m(FieldVLANVID, 0, vidMask) }

// vidMask has the bits of a VLAN id.
const vidMask = 0x0fff

// vidPresent is OFPVID_PRESENT (OpenFlow 1.3.5, 7.2.3.7).
const vidPresent = 0x1000

// IPProto matches the IP protocol, or the IPv6 next header. Needs EthType.
func (m Match) IPProto(v uint8) Match { return m.u8(FieldIPProto, v) }

// IPTTL matches the TTL or hop limit. Needs EthType.
func (m Match) IPTTL(v uint8) Match { return m.u8(FieldIPTTL, v) }

// IPv4Src matches the source address. A prefix of length 0 matches all and adds
// nothing. Needs EthType 0x0800.
func (m Match) IPv4Src(p netip.Prefix) Match { return m.ipv4Prefix(FieldIPv4Src, p) }

// IPv4SrcMasked matches the bits of ipv4_src that the mask selects.
func (m Match) IPv4SrcMasked(v, mask uint32) Match { return m.u32m(FieldIPv4Src, v, mask) }

// IPv4Dst matches the destination address. A prefix of length 0 matches all and
// adds nothing. Needs EthType 0x0800.
func (m Match) IPv4Dst(p netip.Prefix) Match { return m.ipv4Prefix(FieldIPv4Dst, p) }

// IPv4DstMasked matches the bits of the destination address that are 1 in mask.
// Needs EthType 0x0800.
func (m Match) IPv4DstMasked(v, mask uint32) Match { return m.u32m(FieldIPv4Dst, v, mask) }

// IPv6Src matches the source address. A prefix of length 0 matches all and adds
// nothing. Needs EthType 0x86dd.
func (m Match) IPv6Src(p netip.Prefix) Match { return m.ipv6Prefix(FieldIPv6Src, p) }

// IPv6SrcMasked matches the bits of ipv6_src that the mask selects.
func (m Match) IPv6SrcMasked(a netip.Addr, mask [16]byte) Match {
	return m.ipv6Masked(FieldIPv6Src, a, mask)
}

// IPv6Dst matches the destination address. A prefix of length 0 matches all and
// adds nothing. Needs EthType 0x86dd.
func (m Match) IPv6Dst(p netip.Prefix) Match { return m.ipv6Prefix(FieldIPv6Dst, p) }

// IPv6DstMasked matches the bits of the destination address that are 1 in mask.
// Needs EthType 0x86dd.
func (m Match) IPv6DstMasked(a netip.Addr, mask [16]byte) Match {
	return m.ipv6Masked(FieldIPv6Dst, a, mask)
}

// IPFragLater matches fragments of an IP packet other than its first, which have
// no header of TCP, UDP or ICMP (ovs-fields(7), ip_frag=later). Needs EthType.
func (m Match) IPFragLater() Match { return m.u8(FieldIPFrag, fragAny|fragLater) }

// Bits of FieldIPFrag (ovs-fields(7), ip_frag).
const (
	fragAny   = 1 << 0 // a fragment
	fragLater = 1 << 1 // not the first one
)

// ICMPType matches the type of an ICMP message. Needs IPProto 1.
func (m Match) ICMPType(v uint8) Match { return m.u8(FieldICMPType, v) }

// ICMPCode matches the code of an ICMP message. Needs IPProto 1.
func (m Match) ICMPCode(v uint8) Match { return m.u8(FieldICMPCode, v) }

// ICMPv6Type matches the type of an ICMPv6 message. Needs EthType 0x86dd and
// IPProto 58.
func (m Match) ICMPv6Type(v uint8) Match { return m.u8(FieldICMPv6Type, v) }

// ICMPv6Code matches the code of an ICMPv6 message. Needs EthType 0x86dd and
// IPProto 58.
func (m Match) ICMPv6Code(v uint8) Match { return m.u8(FieldICMPv6Code, v) }

// NDTarget matches the address that a neighbour solicitation asks for, or an
// advertisement is about. A prefix of length 0 matches all and adds nothing. Needs
// ICMPv6Type 135 or 136.
func (m Match) NDTarget(p netip.Prefix) Match { return m.ipv6Prefix(FieldNDTarget, p) }

// NDSLL matches the sender's MAC in a neighbour solicitation, which is zero if it says none. Needs
// ICMPv6Type 135.
func (m Match) NDSLL(v MAC) Match { return m.mac(FieldNDSLL, v) }

// NDTLL matches the target's MAC in a neighbour advertisement, which is zero if it says none. Needs
// ICMPv6Type 136.
func (m Match) NDTLL(v MAC) Match { return m.mac(FieldNDTLL, v) }

// ARPOp matches the operation: 1 request, 2 reply. Needs EthType 0x0806.
func (m Match) ARPOp(v uint16) Match { return m.u16(FieldARPOp, v) }

// ARPSpa matches the sender's IPv4 address. Needs EthType 0x0806.
func (m Match) ARPSpa(a netip.Addr) Match { return m.ipv4(FieldARPSpa, a) }

// ARPSpaPrefix matches the sender's IPv4 address as IPv4Src does. Needs EthType
// 0x0806.
func (m Match) ARPSpaPrefix(p netip.Prefix) Match { return m.ipv4Prefix(FieldARPSpa, p) }

// ARPTpa matches the target's IPv4 address. Needs EthType 0x0806.
func (m Match) ARPTpa(a netip.Addr) Match { return m.ipv4(FieldARPTpa, a) }

// ARPTpaPrefix matches the target's IPv4 address as IPv4Dst does. Needs EthType
// 0x0806.
func (m Match) ARPTpaPrefix(p netip.Prefix) Match { return m.ipv4Prefix(FieldARPTpa, p) }

// ARPSha matches the sender's MAC address. Needs EthType 0x0806.
func (m Match) ARPSha(v MAC) Match { return m.mac(FieldARPSha, v) }

// ARPTha matches the target's MAC address. Needs EthType 0x0806.
func (m Match) ARPTha(v MAC) Match { return m.mac(FieldARPTha, v) }

// Metadata matches the 64 bits that tables hand to each other.
func (m Match) Metadata(v uint64) Match { return m.u64(FieldMetadata, v) }

// MetadataMasked matches the bits of the metadata that are 1 in mask.
func (m Match) MetadataMasked(v, mask uint64) Match { return m.u64m(FieldMetadata, v, mask) }

// TunnelID matches the key that the packet was tunnelled with; for VXLAN, its
// VNI.
func (m Match) TunnelID(v uint64) Match { return m.u64(FieldTunnelID, v) }

// TunnelIDMasked matches the bits of the tunnel's key that are 1 in mask.
func (m Match) TunnelIDMasked(v, mask uint64) Match { return m.u64m(FieldTunnelID, v, mask) }

// TunnelSrc matches the address of the tunnel's other end, of either family. A
// prefix of length 0 matches all and adds nothing.
func (m Match) TunnelSrc(p netip.Prefix) Match {
	if p.Addr().Is4() {
		return m.ipv4Prefix(FieldTunIPv4Src, p)
	}
	return m.ipv6Prefix(FieldTunIPv6Src, p)
}

// Reg matches register n, 0..15.
func (m Match) Reg(n int, v uint32) Match { return m.u32(FieldReg(n), v) }

// RegMasked matches the bits of register n, 0..15, that are 1 in mask.
func (m Match) RegMasked(n int, v, mask uint32) Match { return m.u32m(FieldReg(n), v, mask) }

// PktMarkMasked matches bits of the packet's mark, which is part of a packet within Open
// vSwitch only (ovs-fields(7), pkt_mark).
func (m Match) PktMarkMasked(v, mask uint32) Match { return m.u32m(FieldPktMark, v, mask) }

// ConjID matches packets that satisfy all clauses of the conjunctive match id;
// see Actions.Conjunction (ovs-fields(7), conj_id). Open vSwitch shows it before
// all other fields.
func (m Match) ConjID(id uint32) Match { return m.u32(FieldConjID, id) }
