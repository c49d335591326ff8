package openflow

// Field names a header or metadata field by its OXM/NXM header without the
// mask bit (OpenFlow 1.3.5, 7.2.3.2): class in bits 31..16, field in 15..9,
// HM in bit 8 (0 here) and the payload's length in bytes in 7..0.
type Field uint32

// OXM classes (OpenFlow 1.3.5, 7.2.3.3, and OVS's meta-flow.h).
const (
	classNXM0         = 0x0000 // Nicira: NXM_OF_*
	classNXM1         = 0x0001 // Nicira: NXM_NX_*
	classEricsson     = 0x1000 // Ericsson's, as in ERICOXM_OF_*
	classBasic        = 0x8000 // OFPXMC_OPENFLOW_BASIC
	classPacketReg    = 0x8001 // OFPXMC_PACKET_REGS, OXM_OF_PKT_REG*
	classExperimenter = 0xffff // OFPXMC_EXPERIMENTER
)

// Match fields of OpenFlow (OpenFlow 1.3.5, 7.2.3.7, table 11). The comments
// give the names of ovs-fields(7).
const (
	FieldOXMInPort  Field = classBasic<<16 | 0<<9 | 4   // in_port, 32 bits
	FieldMetadata   Field = classBasic<<16 | 2<<9 | 8   // metadata
	FieldEthDst     Field = classBasic<<16 | 3<<9 | 6   // dl_dst (eth_dst)
	FieldEthSrc     Field = classBasic<<16 | 4<<9 | 6   // dl_src (eth_src)
	FieldEthType    Field = classBasic<<16 | 5<<9 | 2   // dl_type (eth_type)
	FieldVLANVID    Field = classBasic<<16 | 6<<9 | 2   // vlan_vid, with OFPVID_PRESENT
	FieldVLANPCP    Field = classBasic<<16 | 7<<9 | 1   // dl_vlan_pcp (vlan_pcp)
	FieldIPDSCP     Field = classBasic<<16 | 8<<9 | 1   // ip_dscp
	FieldIPECN      Field = classBasic<<16 | 9<<9 | 1   // nw_ecn (ip_ecn)
	FieldIPProto    Field = classBasic<<16 | 10<<9 | 1  // nw_proto (ip_proto)
	FieldIPv4Src    Field = classBasic<<16 | 11<<9 | 4  // nw_src (ip_src)
	FieldIPv4Dst    Field = classBasic<<16 | 12<<9 | 4  // nw_dst (ip_dst)
	FieldTCPSrc     Field = classBasic<<16 | 13<<9 | 2  // tcp_src
	FieldTCPDst     Field = classBasic<<16 | 14<<9 | 2  // tcp_dst
	FieldUDPSrc     Field = classBasic<<16 | 15<<9 | 2  // udp_src
	FieldUDPDst     Field = classBasic<<16 | 16<<9 | 2  // udp_dst
	FieldSCTPSrc    Field = classBasic<<16 | 17<<9 | 2  // sctp_src
	FieldSCTPDst    Field = classBasic<<16 | 18<<9 | 2  // sctp_dst
	FieldICMPType   Field = classBasic<<16 | 19<<9 | 1  // icmp_type
	FieldICMPCode   Field = classBasic<<16 | 20<<9 | 1  // icmp_code
	FieldARPOp      Field = classBasic<<16 | 21<<9 | 2  // arp_op
	FieldARPSpa     Field = classBasic<<16 | 22<<9 | 4  // arp_spa
	FieldARPTpa     Field = classBasic<<16 | 23<<9 | 4  // arp_tpa
	FieldARPSha     Field = classBasic<<16 | 24<<9 | 6  // arp_sha
	FieldARPTha     Field = classBasic<<16 | 25<<9 | 6  // arp_tha
	FieldIPv6Src    Field = classBasic<<16 | 26<<9 | 16 // ipv6_src
	FieldIPv6Dst    Field = classBasic<<16 | 27<<9 | 16 // ipv6_dst
	FieldIPv6Label  Field = classBasic<<16 | 28<<9 | 4  // ipv6_label
	FieldICMPv6Type Field = classBasic<<16 | 29<<9 | 1  // icmpv6_type
	FieldICMPv6Code Field = classBasic<<16 | 30<<9 | 1  // icmpv6_code
	FieldNDTarget   Field = classBasic<<16 | 31<<9 | 16 // nd_target
	FieldNDSLL      Field = classBasic<<16 | 32<<9 | 6  // nd_sll
	FieldNDTLL      Field = classBasic<<16 | 33<<9 | 6  // nd_tll
	FieldTunnelID   Field = classBasic<<16 | 38<<9 | 8  // tun_id (tunnel_id)
)

// Fields of Nicira's extension, by their names in OVS's meta-flow.h. The
// comments give the names of ovs-fields(7).
const (
	FieldInPort     Field = classNXM0<<16 | 0<<9 | 2    // in_port, 16 bits: NXM_OF_IN_PORT
	FieldVLANTCI    Field = classNXM0<<16 | 4<<9 | 2    // vlan_tci: NXM_OF_VLAN_TCI
	FieldIPFrag     Field = classNXM1<<16 | 26<<9 | 1   // ip_frag: NXM_NX_IP_FRAG
	FieldIPTTL      Field = classNXM1<<16 | 29<<9 | 1   // nw_ttl: NXM_NX_IP_TTL
	FieldTunIPv4Src Field = classNXM1<<16 | 31<<9 | 4   // tun_src: NXM_NX_TUN_IPV4_SRC
	FieldTunIPv4Dst Field = classNXM1<<16 | 32<<9 | 4   // tun_dst: NXM_NX_TUN_IPV4_DST
	FieldPktMark    Field = classNXM1<<16 | 33<<9 | 4   // pkt_mark: NXM_NX_PKT_MARK
	FieldTCPFlags   Field = classNXM1<<16 | 34<<9 | 2   // tcp_flags: NXM_NX_TCP_FLAGS
	FieldConjID     Field = classNXM1<<16 | 37<<9 | 4   // conj_id: NXM_NX_CONJ_ID
	FieldTunFlags   Field = classNXM1<<16 | 104<<9 | 2  // tun_flags: NXM_NX_TUN_FLAGS
	FieldCTState    Field = classNXM1<<16 | 105<<9 | 4  // ct_state: NXM_NX_CT_STATE
	FieldCTZone     Field = classNXM1<<16 | 106<<9 | 2  // ct_zone: NXM_NX_CT_ZONE
	FieldCTMark     Field = classNXM1<<16 | 107<<9 | 4  // ct_mark: NXM_NX_CT_MARK
	FieldCTLabel    Field = classNXM1<<16 | 108<<9 | 16 // ct_label: NXM_NX_CT_LABEL
	FieldTunIPv6Src Field = classNXM1<<16 | 109<<9 | 16 // tun_ipv6_src: NXM_NX_TUN_IPV6_SRC
	FieldTunIPv6Dst Field = classNXM1<<16 | 110<<9 | 16 // tun_ipv6_dst: NXM_NX_TUN_IPV6_DST
	FieldCTNwProto  Field = classNXM1<<16 | 119<<9 | 1  // ct_nw_proto: NXM_NX_CT_NW_PROTO
	FieldCTNwSrc    Field = classNXM1<<16 | 120<<9 | 4  // ct_nw_src: NXM_NX_CT_NW_SRC
	FieldCTNwDst    Field = classNXM1<<16 | 121<<9 | 4  // ct_nw_dst: NXM_NX_CT_NW_DST
	FieldCTTpSrc    Field = classNXM1<<16 | 124<<9 | 2  // ct_tp_src: NXM_NX_CT_TP_SRC
	FieldCTTpDst    Field = classNXM1<<16 | 125<<9 | 2  // ct_tp_dst: NXM_NX_CT_TP_DST
)

// Match fields of neighbour discovery that OpenFlow lacks (RFC 4861, 4.3 and 4.4),
// by their names in OVS's meta-flow.h.
const (
	// FieldNDReserved is the 32 bits before the target's address, of which an
	// advertisement has its flags: nd_reserved, ERICOXM_OF_ICMPV6_ND_RESERVED.
	FieldNDReserved Field = classEricsson<<16 | 1<<9 | 4
	// FieldNDOptionsType is the type of the option with a link-layer address:
	// nd_options_type, ERICOXM_OF_ICMPV6_ND_OPTIONS_TYPE.
	FieldNDOptionsType Field = classEricsson<<16 | 2<<9 | 1
)

// NumRegs is how many 32-bit registers reg0.. a packet carries in OVS.
const NumRegs = 16

// FieldReg returns register n, 0..15, of 32 bits (NXM_NX_REG0..15). It panics
// for any other n.
func FieldReg(n int) Field {
	if uint(n) >= NumRegs {
		panic("openflow: no such register")
	}
	return Field(classNXM1<<16 | n<<9 | 4)
}

// FieldXReg returns the 64-bit register xxn, 0..7, that overlays reg(2n) in its
// upper and reg(2n+1) in its lower half (OXM_OF_PKT_REG0..7). It panics for any
// other n.
func FieldXReg(n int) Field {
	if uint(n) >= NumRegs/2 {
		panic("openflow: no such register")
	}
	return Field(classPacketReg<<16 | n<<9 | 8)
}

// maskBit is HM, the bit of an OXM header that says that a mask follows.
const maskBit = 1 << 8

// Len returns the length in bytes of the field's value, without a mask.
func (f Field) Len() int { return int(f & 0xff) }

func (f Field) class() int { return int(f >> 16) }

// masked returns the header of the same field with a mask: the HM bit set and
// the length doubled.
func (f Field) masked() Field { return f | maskBit + f&0xff }

// nxm returns the field's header in NXM (nicira-ext.h) for those fields that
// Nicira's actions are used with here and that OXM numbers differently; others
// as they are.
func (f Field) nxm() Field {
	switch f {
	case FieldEthDst:
		return classNXM0<<16 | 1<<9 | 6 // NXM_OF_ETH_DST
	case FieldEthSrc:
		return classNXM0<<16 | 2<<9 | 6 // NXM_OF_ETH_SRC
	case FieldEthType:
		return classNXM0<<16 | 3<<9 | 2 // NXM_OF_ETH_TYPE
	case FieldIPProto:
		return classNXM0<<16 | 6<<9 | 1 // NXM_OF_IP_PROTO
	case FieldTCPDst:
		return classNXM0<<16 | 10<<9 | 2 // NXM_OF_TCP_DST
	case FieldUDPDst:
		return classNXM0<<16 | 12<<9 | 2 // NXM_OF_UDP_DST
	case FieldICMPType:
		return classNXM0<<16 | 13<<9 | 1 // NXM_OF_ICMP_TYPE
	case FieldICMPv6Type:
		return classNXM1<<16 | 21<<9 | 1 // NXM_NX_ICMPV6_TYPE
	case FieldIPv4Src:
		return classNXM0<<16 | 7<<9 | 4 // NXM_OF_IP_SRC
	case FieldIPv4Dst:
		return classNXM0<<16 | 8<<9 | 4 // NXM_OF_IP_DST
	case FieldIPv6Src:
		return classNXM1<<16 | 19<<9 | 16 // NXM_NX_IPV6_SRC
	case FieldNDTarget:
		return classNXM1<<16 | 23<<9 | 16 // NXM_NX_ND_TARGET
	case FieldIPv6Dst:
		return classNXM1<<16 | 20<<9 | 16 // NXM_NX_IPV6_DST
	case FieldARPSpa:
		return classNXM0<<16 | 16<<9 | 4 // NXM_OF_ARP_SPA
	case FieldARPTpa:
		return classNXM0<<16 | 17<<9 | 4 // NXM_OF_ARP_TPA
	case FieldARPSha:
		return classNXM1<<16 | 17<<9 | 6 // NXM_NX_ARP_SHA
	case FieldARPTha:
		return classNXM1<<16 | 18<<9 | 6 // NXM_NX_ARP_THA
	case FieldTunnelID:
		return classNXM1<<16 | 16<<9 | 8 // NXM_NX_TUN_ID
	}
	return f
}
