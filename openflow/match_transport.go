package openflow

// TCPSrc matches the source port. Needs IPProto 6.
func (m Match) TCPSrc(v uint16) Match { return m.u16(FieldTCPSrc, v) }

// TCPSrcMasked matches the bits of the source port that are 1 in mask. Needs
// IPProto 6.
func (m Match) TCPSrcMasked(v, mask uint16) Match { return m.u16m(FieldTCPSrc, v, mask) }

// TCPDst matches the destination port. Needs IPProto 6.
func (m Match) TCPDst(v uint16) Match { return m.u16(FieldTCPDst, v) }

// TCPDstMasked matches the bits of the destination port that are 1 in mask. Needs
// IPProto 6.
func (m Match) TCPDstMasked(v, mask uint16) Match { return m.u16m(FieldTCPDst, v, mask) }

// UDPSrc matches the source port. Needs IPProto 17.
func (m Match) UDPSrc(v uint16) Match { return m.u16(FieldUDPSrc, v) }

// UDPSrcMasked matches the bits of the source port that are 1 in mask. Needs
// IPProto 17.
func (m Match) UDPSrcMasked(v, mask uint16) Match { return m.u16m(FieldUDPSrc, v, mask) }

// UDPDst matches the destination port. Needs IPProto 17.
func (m Match) UDPDst(v uint16) Match { return m.u16(FieldUDPDst, v) }

// UDPDstMasked matches the bits of the destination port that are 1 in mask. Needs
// IPProto 17.
func (m Match) UDPDstMasked(v, mask uint16) Match { return m.u16m(FieldUDPDst, v, mask) }

// SCTPSrc matches the source port. Needs IPProto 132.
func (m Match) SCTPSrc(v uint16) Match { return m.u16(FieldSCTPSrc, v) }

// SCTPSrcMasked matches the bits of the source port that are 1 in mask. Needs
// IPProto 132.
func (m Match) SCTPSrcMasked(v, mask uint16) Match { return m.u16m(FieldSCTPSrc, v, mask) }

// SCTPDst matches the destination port. Needs IPProto 132.
func (m Match) SCTPDst(v uint16) Match { return m.u16(FieldSCTPDst, v) }

// SCTPDstMasked matches the bits of the destination port that are 1 in mask. Needs
// IPProto 132.
func (m Match) SCTPDstMasked(v, mask uint16) Match { return m.u16m(FieldSCTPDst, v, mask) }

// TCPFlags matches the flags of TCP that are 1 in mask; see the TCPFlag constants.
// Needs IPProto 6.
//
// OpenFlow 1.3 has the field as an extension (ONF extension 109), and that is how
// Open vSwitch shows it.
func (m Match) TCPFlags(v, mask uint16) Match {
	switch mask {
	case 0:
		return m
	case ^uint16(0):
		return be.AppendUint16(be.AppendUint32(m.header(onfTCPFlags|6), ExperimenterONF), v)
	}
	m = be.AppendUint32(m.header(onfTCPFlags|maskBit|8), ExperimenterONF)
	return be.AppendUint16(be.AppendUint16(m, v&mask), mask)
}

// onfTCPFlags is the header of ONF's field tcp_flags but for the length, of which
// 4 bytes are the experimenter's.
const onfTCPFlags Field = classExperimenter<<16 | 42<<9

// Flags of TCP (RFC 9293, 3.1).
const (
	TCPFlagFIN = 1 << 0
	TCPFlagSYN = 1 << 1
	TCPFlagRST = 1 << 2
	TCPFlagPSH = 1 << 3
	TCPFlagACK = 1 << 4
	TCPFlagURG = 1 << 5
	TCPFlagECE = 1 << 6
	TCPFlagCWR = 1 << 7
)
