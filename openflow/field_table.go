package openflow

import "strconv"

// fieldFormat is how a field's value reads.
type fieldFormat uint8

const (
	fmtHex     fieldFormat = iota // 0x2a
	fmtDecimal                    // 42
	fmtMAC                        // 02:00:00:00:00:01
	fmtIPv4                       // 10.0.0.1
	fmtIPv6                       // fe80::1
	fmtPort                       // 3 or LOCAL
	fmtLabel                      // 0x00123: the IPv6 flow label
	fmtCTState                    // +trk-new
	fmtTCP                        // +syn-ack
	fmtTunnel                     // +oam
	fmtFrag                       // later
	fmtVLAN                       // dl_vlan=10, or vlan_tci=0x0000/0x1fff
	fmtTCI                        // 0x100a: hexadecimal with leading zeros
	fmtTOS                        // 4 * the value: a DSCP shown as the TOS byte
)

// fieldInfo is what is known of a field.
type fieldInfo struct {
	field Field
	// twin is another header with the same meaning, or the same again.
	twin Field
	// match is the name in matches, as ovs-ofctl dumps them.
	match string
	// name is the name in set_field: the first one in ovs-fields(7).
	name string
	// nxm is the name in move and load.
	nxm    string
	format fieldFormat
	bits   int
	// rank orders fields in matches: its place in fields.
	rank int
}

// newFields lists the fields in the order in which ovs-ofctl prints a match
// (OVS, lib/match.c, match_format). Names are those of ovs-fields(7).
func newFields() []fieldInfo {
	nxm0 := func(field, n Field) Field { return classNXM0<<16 | field<<9 | n }
	nxm1 := func(field, n Field) Field { return classNXM1<<16 | field<<9 | n }
	fields := []fieldInfo{
		{FieldPktMark, 0, "pkt_mark", "pkt_mark", "NXM_NX_PKT_MARK", fmtHex, 32, 0},
		{FieldConjID, 0, "conj_id", "conj_id", "NXM_NX_CONJ_ID", fmtDecimal, 32, 0},
		{FieldCTState, 0, "ct_state", "ct_state", "NXM_NX_CT_STATE", fmtCTState, 32, 0},
		{FieldCTZone, 0, "ct_zone", "ct_zone", "NXM_NX_CT_ZONE", fmtDecimal, 16, 0},
		{FieldCTMark, 0, "ct_mark", "ct_mark", "NXM_NX_CT_MARK", fmtHex, 32, 0},
		{FieldCTLabel, 0, "ct_label", "ct_label", "NXM_NX_CT_LABEL", fmtHex, 128, 0},
		{FieldCTNwSrc, 0, "ct_nw_src", "ct_nw_src", "NXM_NX_CT_NW_SRC", fmtIPv4, 32, 0},
		{FieldCTNwDst, 0, "ct_nw_dst", "ct_nw_dst", "NXM_NX_CT_NW_DST", fmtIPv4, 32, 0},
		{FieldCTNwProto, 0, "ct_nw_proto", "ct_nw_proto", "NXM_NX_CT_NW_PROTO", fmtDecimal, 8, 0},
		{FieldCTTpSrc, 0, "ct_tp_src", "ct_tp_src", "NXM_NX_CT_TP_SRC", fmtDecimal, 16, 0},
		{FieldCTTpDst, 0, "ct_tp_dst", "ct_tp_dst", "NXM_NX_CT_TP_DST", fmtDecimal, 16, 0},
	}
	for n := range NumRegs {
		s := strconv.Itoa(n)
		fields = append(fields, fieldInfo{FieldReg(n), 0, "reg" + s, "reg" + s, "NXM_NX_REG" + s, fmtHex, 32, 0})
	}
	for n := range NumRegs / 2 {
		s := strconv.Itoa(n)
		fields = append(fields, fieldInfo{FieldXReg(n), 0, "xreg" + s, "xreg" + s, "OXM_OF_PKT_REG" + s, fmtHex, 64, 0})
	}
	fields = append(fields, []fieldInfo{
		{FieldTunnelID, nxm1(16, 8), "tun_id", "tun_id", "NXM_NX_TUN_ID", fmtHex, 64, 0},
		{FieldTunIPv4Src, 0, "tun_src", "tun_src", "NXM_NX_TUN_IPV4_SRC", fmtIPv4, 32, 0},
		{FieldTunIPv4Dst, 0, "tun_dst", "tun_dst", "NXM_NX_TUN_IPV4_DST", fmtIPv4, 32, 0},
		{FieldTunIPv6Src, 0, "tun_ipv6_src", "tun_ipv6_src", "NXM_NX_TUN_IPV6_SRC", fmtIPv6, 128, 0},
		{FieldTunIPv6Dst, 0, "tun_ipv6_dst", "tun_ipv6_dst", "NXM_NX_TUN_IPV6_DST", fmtIPv6, 128, 0},
		{FieldTunFlags, 0, "tun_flags", "tun_flags", "NXM_NX_TUN_FLAGS", fmtTunnel, 1, 0},
		{FieldMetadata, 0, "metadata", "metadata", "OXM_OF_METADATA", fmtHex, 64, 0},
		{FieldOXMInPort, 0, "in_port", "in_port_oxm", "OXM_OF_IN_PORT", fmtPort, 32, 0},
		{FieldInPort, 0, "in_port", "in_port", "NXM_OF_IN_PORT", fmtPort, 16, 0},
		{FieldVLANVID, 0, "vlan_vid", "vlan_vid", "OXM_OF_VLAN_VID", fmtVLAN, 12, 0},
		{FieldVLANTCI, 0, "vlan_tci", "vlan_tci", "NXM_OF_VLAN_TCI", fmtTCI, 16, 0},
		{FieldVLANPCP, 0, "dl_vlan_pcp", "vlan_pcp", "OXM_OF_VLAN_PCP", fmtDecimal, 3, 0},
		{FieldEthSrc, nxm0(2, 6), "dl_src", "eth_src", "NXM_OF_ETH_SRC", fmtMAC, 48, 0},
		{FieldEthDst, nxm0(1, 6), "dl_dst", "eth_dst", "NXM_OF_ETH_DST", fmtMAC, 48, 0},
		{FieldEthType, nxm0(3, 2), "dl_type", "eth_type", "NXM_OF_ETH_TYPE", fmtHex, 16, 0},
		{FieldIPv4Src, nxm0(7, 4), "nw_src", "ip_src", "NXM_OF_IP_SRC", fmtIPv4, 32, 0},
		{FieldIPv4Dst, nxm0(8, 4), "nw_dst", "ip_dst", "NXM_OF_IP_DST", fmtIPv4, 32, 0},
		{FieldIPv6Src, nxm1(19, 16), "ipv6_src", "ipv6_src", "NXM_NX_IPV6_SRC", fmtIPv6, 128, 0},
		{FieldIPv6Dst, nxm1(20, 16), "ipv6_dst", "ipv6_dst", "NXM_NX_IPV6_DST", fmtIPv6, 128, 0},
		{FieldIPv6Label, nxm1(27, 4), "ipv6_label", "ipv6_label", "NXM_NX_IPV6_LABEL", fmtLabel, 20, 0},
		{FieldARPSpa, nxm0(16, 4), "arp_spa", "arp_spa", "NXM_OF_ARP_SPA", fmtIPv4, 32, 0},
		{FieldARPTpa, nxm0(17, 4), "arp_tpa", "arp_tpa", "NXM_OF_ARP_TPA", fmtIPv4, 32, 0},
		{FieldIPProto, nxm0(6, 1), "nw_proto", "nw_proto", "NXM_OF_IP_PROTO", fmtDecimal, 8, 0},
		{FieldARPOp, nxm0(15, 2), "arp_op", "arp_op", "NXM_OF_ARP_OP", fmtDecimal, 16, 0},
		{FieldARPSha, nxm1(17, 6), "arp_sha", "arp_sha", "NXM_NX_ARP_SHA", fmtMAC, 48, 0},
		{FieldARPTha, nxm1(18, 6), "arp_tha", "arp_tha", "NXM_NX_ARP_THA", fmtMAC, 48, 0},
		{FieldIPDSCP, 0, "nw_tos", "ip_dscp", "OXM_OF_IP_DSCP", fmtTOS, 6, 0},
		{FieldIPECN, nxm1(28, 1), "nw_ecn", "nw_ecn", "NXM_NX_IP_ECN", fmtDecimal, 2, 0},
		{FieldIPTTL, 0, "nw_ttl", "nw_ttl", "NXM_NX_IP_TTL", fmtDecimal, 8, 0},
		{FieldIPFrag, 0, "nw_frag", "ip_frag", "NXM_NX_IP_FRAG", fmtFrag, 2, 0},
		{FieldICMPType, nxm0(13, 1), "icmp_type", "icmp_type", "NXM_OF_ICMP_TYPE", fmtDecimal, 8, 0},
		{FieldICMPCode, nxm0(14, 1), "icmp_code", "icmp_code", "NXM_OF_ICMP_CODE", fmtDecimal, 8, 0},
		{FieldICMPv6Type, nxm1(21, 1), "icmp_type", "icmpv6_type", "NXM_NX_ICMPV6_TYPE", fmtDecimal, 8, 0},
		{FieldICMPv6Code, nxm1(22, 1), "icmp_code", "icmpv6_code", "NXM_NX_ICMPV6_CODE", fmtDecimal, 8, 0},
		{FieldNDTarget, nxm1(23, 16), "nd_target", "nd_target", "NXM_NX_ND_TARGET", fmtIPv6, 128, 0},
		{FieldNDSLL, nxm1(24, 6), "nd_sll", "nd_sll", "NXM_NX_ND_SLL", fmtMAC, 48, 0},
		{FieldNDTLL, nxm1(25, 6), "nd_tll", "nd_tll", "NXM_NX_ND_TLL", fmtMAC, 48, 0},
		{FieldNDReserved, 0, "nd_reserved", "nd_reserved", "ERICOXM_OF_ICMPV6_ND_RESERVED", fmtDecimal, 32, 0},
		{FieldNDOptionsType, 0, "nd_options_type", "nd_options_type", "ERICOXM_OF_ICMPV6_ND_OPTIONS_TYPE", fmtDecimal, 8, 0},
		{FieldTCPSrc, nxm0(9, 2), "tp_src", "tcp_src", "NXM_OF_TCP_SRC", fmtDecimal, 16, 0},
		{FieldTCPDst, nxm0(10, 2), "tp_dst", "tcp_dst", "NXM_OF_TCP_DST", fmtDecimal, 16, 0},
		{FieldUDPSrc, nxm0(11, 2), "tp_src", "udp_src", "NXM_OF_UDP_SRC", fmtDecimal, 16, 0},
		{FieldUDPDst, nxm0(12, 2), "tp_dst", "udp_dst", "NXM_OF_UDP_DST", fmtDecimal, 16, 0},
		{FieldSCTPSrc, 0, "tp_src", "sctp_src", "OXM_OF_SCTP_SRC", fmtDecimal, 16, 0},
		{FieldSCTPDst, 0, "tp_dst", "sctp_dst", "OXM_OF_SCTP_DST", fmtDecimal, 16, 0},
		{FieldTCPFlags, 0, "tcp_flags", "tcp_flags", "NXM_NX_TCP_FLAGS", fmtTCP, 12, 0},
	}...)
	for i := range fields {
		fields[i].rank = i
		if fields[i].twin == 0 {
			fields[i].twin = fields[i].field
		}
	}
	return fields
}

// fieldsByHeader finds fields by their header and their twin's. It is never
// written to.
var fieldsByHeader = func() map[Field]*fieldInfo {
	byHeader := make(map[Field]*fieldInfo)
	for _, f := range newFields() {
		byHeader[f.field] = &f
		byHeader[f.twin] = &f
	}
	return byHeader
}()

// shorthandRank is where in a match short forms of protocols stand.
var shorthandRank = fieldsByHeader[FieldReg(0)].rank

// Bits returns the width of the field's value in bits, which can be less than
// its length on the wire; for a field that is not known it is that length.
func (f Field) Bits() int {
	if info := fieldsByHeader[f]; info != nil {
		return info.bits
	}
	return 8 * f.Len()
}

// String returns the name that ovs-fields(7) gives the field and set_field
// takes, for example eth_src, or class and number of one that is not known.
func (f Field) String() string {
	if info := fieldsByHeader[f]; info != nil {
		return info.name
	}
	return "oxm_" + strconv.FormatUint(uint64(f.class()), 16) + "_" +
		strconv.Itoa(int(f>>9&0x7f))
}

// nxmName returns the name in move and load, for example NXM_OF_ETH_SRC.
func (f Field) nxmName() string {
	if info := fieldsByHeader[f]; info != nil {
		return info.nxm
	}
	return f.String()
}
