package simswitch

import "github.com/sdnctl/sdnctl/openflow"

// field has the properties of a match field (ovs-fields(7)).
type field struct {
	// oxm is the header with which Open vSwitch shows the field in OpenFlow 1.3. twin is
	// another header that it accepts for the field, or 0.
	oxm, twin openflow.Field
	// onf says that the field is one of ONF's experimenter fields, with another header of
	// onfHeader bytes.
	onf bool
	// move is the header with which Open vSwitch shows the field in moves and loads; 0 for
	// oxm.
	move openflow.Field
	// rank is the field's position in a match as Open vSwitch encodes it.
	rank uint8
	// fixed says that the field's mask must be all ones or all zeros.
	fixed bool
	// whole says that a mask of all bits of the field is shown as no mask.
	whole bool
	// readOnly fields cannot be set by an action.
	readOnly bool
	needs    prerequisite
	// limit has the bits that a value may have set, for fields of up to 4 bytes;
	// 0 for all.
	limit uint32
	// bits is the width of the value in bits if it is less than that of its bytes; otherwise
	// 0.
	bits uint16
}

// prerequisite is a condition that a match must meet for a field to be allowed
// (ovs-fields(7), "Prerequisites").
type prerequisite uint8

const (
	needsNothing  prerequisite = iota
	needsEthernet              // always met
	needsVLAN
	needsIPv4
	needsIPv6
	needsIP
	needsARP
	needsTCP
	needsUDP
	needsSCTP
	needsICMPv4
	needsICMPv6
	needsND
	needsSolicitation
	needsAdvertisement
)

// Nicira's two classes of headers, for NXM_OF_* and NXM_NX_*.
const (
	nxm0 openflow.Field = 0x0000 << 16
	nxm1 openflow.Field = 0x0001 << 16
)

// packetType is OXM_OF_PACKET_TYPE (OpenFlow 1.5, 7.2.3.9): 0 for Ethernet. It is implied, and
// not shown, in a match with another field of Ethernet frames.
const packetType openflow.Field = 0x8000<<16 | 44<<9 | 4

// newFields lists the fields in the order in which Open vSwitch encodes them.
// A field that is not here is refused with OFPBMC_BAD_FIELD.
func newFields() []field {
	fields := []field{
		{oxm: packetType, fixed: true, readOnly: true},
		{oxm: openflow.FieldConjID, fixed: true, readOnly: true},
		{oxm: openflow.FieldOXMInPort, twin: openflow.FieldInPort, move: openflow.FieldInPort, fixed: true},
		{oxm: openflow.FieldEthSrc, twin: nxm0 | 2<<9 | 6, needs: needsEthernet},
		{oxm: openflow.FieldEthDst, twin: nxm0 | 1<<9 | 6, needs: needsEthernet},
		{oxm: openflow.FieldEthType, twin: nxm0 | 3<<9 | 2, fixed: true, readOnly: true, needs: needsEthernet},
		{oxm: openflow.FieldVLANVID, whole: true, needs: needsEthernet, limit: 0x1fff, bits: 12},
		{oxm: openflow.FieldVLANPCP, fixed: true, needs: needsVLAN, limit: 7, bits: 3},
		{oxm: openflow.FieldIPv4Src, twin: nxm0 | 7<<9 | 4, needs: needsIPv4},
		{oxm: openflow.FieldIPv4Dst, twin: nxm0 | 8<<9 | 4, needs: needsIPv4},
		{oxm: openflow.FieldIPv6Src, twin: nxm1 | 19<<9 | 16, needs: needsIPv6},
		{oxm: openflow.FieldIPv6Dst, twin: nxm1 | 20<<9 | 16, needs: needsIPv6},
		{oxm: openflow.FieldIPFrag, whole: true, readOnly: true, needs: needsIP, limit: 3, bits: 2},
		{oxm: openflow.FieldIPDSCP, fixed: true, needs: needsIP, limit: 0x3f, bits: 6},
		{oxm: openflow.FieldIPECN, twin: nxm1 | 28<<9 | 1, fixed: true, needs: needsIP, limit: 3, bits: 2},
		{oxm: openflow.FieldIPTTL, fixed: true, needs: needsIP},
		{oxm: openflow.FieldIPv6Label, twin: nxm1 | 27<<9 | 4, needs: needsIPv6, limit: 0xfffff, bits: 20},
		{oxm: openflow.FieldIPProto, twin: nxm0 | 6<<9 | 1, fixed: true, readOnly: true, needs: needsIP},
		{oxm: openflow.FieldTCPSrc, twin: nxm0 | 9<<9 | 2, needs: needsTCP},
		{oxm: openflow.FieldTCPDst, twin: nxm0 | 10<<9 | 2, needs: needsTCP},
		{oxm: openflow.FieldTCPFlags, onf: true, readOnly: true, needs: needsTCP, limit: 0xfff, bits: 12},
		{oxm: openflow.FieldUDPSrc, twin: nxm0 | 11<<9 | 2, needs: needsUDP},
		{oxm: openflow.FieldUDPDst, twin: nxm0 | 12<<9 | 2, needs: needsUDP},
		{oxm: openflow.FieldSCTPSrc, needs: needsSCTP},
		{oxm: openflow.FieldSCTPDst, needs: needsSCTP},
		{oxm: openflow.FieldICMPType, twin: nxm0 | 13<<9 | 1, fixed: true, needs: needsICMPv4},
		{oxm: openflow.FieldICMPCode, twin: nxm0 | 14<<9 | 1, fixed: true, needs: needsICMPv4},
		{oxm: openflow.FieldICMPv6Type, twin: nxm1 | 21<<9 | 1, fixed: true, needs: needsICMPv6},
		{oxm: openflow.FieldICMPv6Code, twin: nxm1 | 22<<9 | 1, fixed: true, needs: needsICMPv6},
		{oxm: openflow.FieldNDTarget, twin: nxm1 | 23<<9 | 16, needs: needsND},
		{oxm: openflow.FieldNDReserved, needs: needsND},
		{oxm: openflow.FieldNDSLL, twin: nxm1 | 24<<9 | 6, needs: needsSolicitation},
		{oxm: openflow.FieldNDTLL, twin: nxm1 | 25<<9 | 6, needs: needsAdvertisement},
		{oxm: openflow.FieldNDOptionsType, fixed: true, needs: needsND},
		{oxm: openflow.FieldARPOp, twin: nxm0 | 15<<9 | 2, fixed: true, needs: needsARP, limit: 0xff},
		{oxm: openflow.FieldARPSpa, twin: nxm0 | 16<<9 | 4, needs: needsARP},
		{oxm: openflow.FieldARPTpa, twin: nxm0 | 17<<9 | 4, needs: needsARP},
		{oxm: openflow.FieldARPSha, twin: nxm1 | 17<<9 | 6, needs: needsARP},
		{oxm: openflow.FieldARPTha, twin: nxm1 | 18<<9 | 6, needs: needsARP},
		{oxm: openflow.FieldTunnelID, twin: nxm1 | 16<<9 | 8},
		{oxm: openflow.FieldTunFlags, limit: 1, bits: 1},
		{oxm: openflow.FieldTunIPv4Src},
		{oxm: openflow.FieldTunIPv4Dst},
		{oxm: openflow.FieldTunIPv6Src},
		{oxm: openflow.FieldTunIPv6Dst},
	}
	for n := range openflow.NumRegs {
		fields = append(fields, field{oxm: openflow.FieldReg(n)})
	}
	fields = append(fields, []field{
		{oxm: openflow.FieldPktMark},
		{oxm: openflow.FieldCTState, readOnly: true, limit: 0xff},
		{oxm: openflow.FieldCTZone, readOnly: true},
		{oxm: openflow.FieldCTMark},
		{oxm: openflow.FieldCTLabel},
		{oxm: openflow.FieldMetadata},
	}...)
	for i := range fields {
		fields[i].rank = uint8(i)
		if fields[i].move == 0 {
			fields[i].move = fields[i].oxm
			if t := fields[i].twin; t != 0 {
				fields[i].move = t
			}
		}
		if fields[i].bits == 0 {
			fields[i].bits = uint16(8 * fields[i].oxm.Len())
		}
	}
	return fields
}

// fieldsByHeader has the fields by each of their headers.
var fieldsByHeader = func() map[openflow.Field]*field {
	m := make(map[openflow.Field]*field)
	for _, f := range newFields() {
		m[f.oxm] = &f
		if f.twin != 0 {
			m[f.twin] = &f
		}
	}
	return m
}()

// knownNumber reports whether a field has the header's class and number, and whether one has
// its length, too.
func knownNumber(h openflow.Field) (number, length bool) {
	size := h & 0xff
	if h&hasMask != 0 {
		size /= 2
	}
	h &^= hasMask | 0xff
	for f := range fieldsByHeader {
		if f&^0xff == h {
			number = true
			length = length || f&0xff == size
		}
	}
	return number, length
}

// onfTCPFlags is the header, without its length, of ONF's field tcp_flags (ONF extension 109).
// The first 4 bytes of the value are the experimenter id.
const onfTCPFlags openflow.Field = 0xffff<<16 | 42<<9

// onfHeader is the length in bytes of an experimenter field's own header, which follows that
// of OXM.
const onfHeader = 4

// valid reports whether a value has no bits outside of the field's width and limit.
func (f *field) valid(value []byte) bool {
	if f.oxm == openflow.FieldOXMInPort && len(value) == 4 {
		return knownPort(openflow.PortNo(be.Uint32(value)))
	}
	if f.limit == 0 {
		return true
	}
	return number(value)&^f.limit == 0
}

// number returns a value of up to 4 bytes as a number.
func number(value []byte) (v uint32) {
	for _, c := range value {
		v = v<<8 | uint32(c)
	}
	return v
}

// ofpMax is the first number that Open vSwitch does not give to ports. It has 16 bits for port
// numbers (OFPP_MAX of OpenFlow 1.0).
const ofpMax openflow.PortNo = 0xff00

// knownPort reports whether a number is in the range of ports, or is a reserved port.
func knownPort(p openflow.PortNo) bool { return p < ofpMax || p >= openflow.PortMax }
