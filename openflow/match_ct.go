package openflow

// CTState matches the bits of the connection-tracking state that are 1 in mask;
// see the CTState constants.
func (m Match) CTState(v, mask uint32) Match { return m.u32m(FieldCTState, v, mask) }

// Bits of the connection-tracking state, in the order of ovs-fields(7).
const (
	CTStateNew         = 1 << 0
	CTStateEstablished = 1 << 1
	CTStateRelated     = 1 << 2
	CTStateReply       = 1 << 3
	CTStateInvalid     = 1 << 4
	CTStateTracked     = 1 << 5
	CTStateSNAT        = 1 << 6
	CTStateDNAT        = 1 << 7
)

// CTZone matches the connection-tracking zone.
func (m Match) CTZone(v uint16) Match { return m.u16(FieldCTZone, v) }

// CTMark matches the connection's mark.
func (m Match) CTMark(v uint32) Match { return m.u32(FieldCTMark, v) }

// CTMarkMasked matches the bits of the connection's mark that are 1 in mask.
func (m Match) CTMarkMasked(v, mask uint32) Match { return m.u32m(FieldCTMark, v, mask) }

// CTLabelMasked matches the bits of the connection's label that are 1 in mask.
// Both are big-endian: bit 0 is the least significant of the last byte.
func (m Match) CTLabelMasked(v, mask [16]byte) Match { return m.bytesMasked(FieldCTLabel, v, mask) }
