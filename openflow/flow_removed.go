package openflow

import "fmt"

// FlowRemoved says that a flow with FlowSendRemoved is gone
// (OpenFlow 1.3.5, 7.4.2).
type FlowRemoved struct {
	Header
	Cookie       Cookie
	Priority     uint16
	Reason       FlowRemovedReason
	Table        TableID
	DurationSec  uint32 // how long the flow lived: seconds
	DurationNsec uint32 // and nanoseconds beyond them
	IdleTimeout  uint16
	HardTimeout  uint16
	Packets      uint64
	Bytes        uint64
	Match        Match
}

// FlowRemovedReason is why a flow was removed (OpenFlow 1.3.5, 7.4.2,
// ofp_flow_removed_reason).
type FlowRemovedReason uint8

// Reasons of a FlowRemoved.
const (
	RemovedIdleTimeout FlowRemovedReason = 0
	RemovedHardTimeout FlowRemovedReason = 1
	RemovedDelete      FlowRemovedReason = 2
	RemovedGroupDelete FlowRemovedReason = 3
)

// String returns the reason as ovs-ofctl shows it.
func (r FlowRemovedReason) String() string {
	switch r {
	case RemovedIdleTimeout:
		return "idle"
	case RemovedHardTimeout:
		return "hard"
	case RemovedDelete:
		return "delete"
	case RemovedGroupDelete:
		return "group_delete"
	}
	return fmt.Sprintf("reason_%d", uint8(r))
}

// Type returns TypeFlowRemoved.
func (m *FlowRemoved) Type() MessageType { return TypeFlowRemoved }

// AppendBinary appends the whole message.
func (m *FlowRemoved) AppendBinary(b []byte) ([]byte, error) {
	b, at := begin(b, TypeFlowRemoved, m.ID)
	b = be.AppendUint64(b, uint64(m.Cookie))
	b = be.AppendUint16(b, m.Priority)
	b = append(b, byte(m.Reason), byte(m.Table))
	b = be.AppendUint32(b, m.DurationSec)
	b = be.AppendUint32(b, m.DurationNsec)
	b = be.AppendUint16(b, m.IdleTimeout)
	b = be.AppendUint16(b, m.HardTimeout)
	b = be.AppendUint64(b, m.Packets)
	b = be.AppendUint64(b, m.Bytes)
	return end(appendMatch(b, m.Match), at)
}

func (m *FlowRemoved) decode(r *reader) {
	m.Cookie = Cookie(r.u64("cookie"))
	m.Priority = r.u16("priority")
	m.Reason = FlowRemovedReason(r.u8("reason"))
	m.Table = TableID(r.u8("table_id"))
	m.DurationSec = r.u32("duration_sec")
	m.DurationNsec = r.u32("duration_nsec")
	m.IdleTimeout = r.u16("idle_timeout")
	m.HardTimeout = r.u16("hard_timeout")
	m.Packets = r.u64("packet_count")
	m.Bytes = r.u64("byte_count")
	m.Match = r.match()
	r.finish()
}
