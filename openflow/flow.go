package openflow

// Flow is one entry of a flow table as a value: what FLOW_MOD adds and what
// flow statistics show (OpenFlow 1.3.5, 5.2).
//
// A Flow is not modified once it was made; copies share Match and Instructions.
type Flow struct {
	Table    TableID
	Priority uint16 // among the flows that match, the highest wins
	Cookie   Cookie
	// IdleTimeout and HardTimeout are the seconds without a packet and since
	// installation after which the switch removes the flow; 0 means never.
	IdleTimeout uint16
	HardTimeout uint16
	Flags       uint16 // FlowSendRemoved and its like
	Match       Match
	// Instructions of the flow; none drops the packet.
	Instructions Instructions
}

// Flow flags (OpenFlow 1.3.5, 7.3.4.1, ofp_flow_mod_flags).
const (
	FlowSendRemoved  uint16 = 1 << 0 // send FLOW_REMOVED when it expires or is deleted
	FlowCheckOverlap uint16 = 1 << 1 // refuse to add over an overlapping flow
	FlowResetCounts  uint16 = 1 << 2 // reset the counters
	FlowNoPacketCnt  uint16 = 1 << 3 // do not count packets
	FlowNoByteCnt    uint16 = 1 << 4 // do not count bytes
)

// flowModLen is the length of ofp_flow_mod up to its match.
const flowModLen = 48

// Size returns the length of the flow's FLOW_MOD in bytes. It must not exceed
// MaxMessageLen.
func (f *Flow) Size() int {
	return flowModLen + pad8(4+len(f.Match)) + len(f.Instructions)
}

// AppendAdd appends a whole FLOW_MOD message that adds the flow, or replaces
// the one with the same Key. It does not allocate when b has room, and panics
// if the message would be longer than MaxMessageLen; see Size.
func (f *Flow) AppendAdd(b []byte, xid Xid) []byte {
	return f.appendMod(b, xid, FlowAdd, 0)
}

// AppendDeleteStrict appends a whole FLOW_MOD message that deletes the one flow
// with the same Key, whatever its cookie and instructions.
func (f *Flow) AppendDeleteStrict(b []byte, xid Xid) []byte {
	key := Flow{Table: f.Table, Priority: f.Priority, Match: f.Match}
	return key.appendMod(b, xid, FlowDeleteStrict, 0)
}

// AppendFlowDeleteByCookie appends a whole FLOW_MOD message that deletes the
// flows of a table (or of TableAll) that have exactly that cookie.
//
// Open vSwitch refuses cookie 0 in TableAll, with OFPBRC_EPERM: its own flows in
// its internal table 254 have that cookie. Name the table then.
func AppendFlowDeleteByCookie(b []byte, xid Xid, table TableID, c Cookie) []byte {
	f := Flow{Table: table, Cookie: c}
	return f.appendMod(b, xid, FlowDelete, ^uint64(0))
}

// appendMod appends ofp_flow_mod (OpenFlow 1.3.5, 7.3.4.1).
func (f *Flow) appendMod(b []byte, xid Xid, cmd FlowCommand, cookieMask uint64) []byte {
	n := f.Size()
	if n > MaxMessageLen {
		panic("openflow: flow is longer than a message can be")
	}
	b = append(b, Version, byte(TypeFlowMod), byte(n>>8), byte(n))
	b = be.AppendUint32(b, xid)
	b = be.AppendUint64(b, uint64(f.Cookie))
	b = be.AppendUint64(b, cookieMask)
	b = append(b, byte(f.Table), byte(cmd))
	b = be.AppendUint16(b, f.IdleTimeout)
	b = be.AppendUint16(b, f.HardTimeout)
	b = be.AppendUint16(b, f.Priority)
	b = be.AppendUint32(b, NoBuffer)
	b = be.AppendUint32(b, uint32(PortAny))
	b = be.AppendUint32(b, GroupAny)
	b = be.AppendUint16(b, f.Flags)
	b = append(b, 0, 0)
	b = appendMatch(b, f.Match)
	return append(b, f.Instructions...)
}

// appendMatch appends ofp_match: type OXM, the length without padding, the
// fields, and padding to 8 bytes (OpenFlow 1.3.5, 7.2.3.1).
func appendMatch(b []byte, m Match) []byte {
	n := 4 + len(m)
	b = append(b, 0, matchTypeOXM, byte(n>>8), byte(n))
	b = append(b, m...)
	return appendZeros(b, pad8(n)-n)
}

// matchTypeOXM is OFPMT_OXM (OpenFlow 1.3.5, 7.2.3.1).
const matchTypeOXM = 1

// FlowKey is what identifies a flow in a switch: adding another with the same
// key replaces it. It compares the bytes of matches, so the same fields in
// another order make another key.
type FlowKey struct {
	Table    TableID
	Priority uint16
	Match    string
}

// Key returns the flow's key.
func (f *Flow) Key() FlowKey { return FlowKey{f.Table, f.Priority, string(f.Match)} }
