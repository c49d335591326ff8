package openflow

import (
	"fmt"
	"iter"
)

// FlowStatsRequest selects flows, for their statistics one by one or added up
// (OpenFlow 1.3.5, 7.3.5.2 and 7.3.5.3). Start from AllFlows: the zero values of
// Table, OutPort and OutGroup are no wildcards.
type FlowStatsRequest struct {
	Table    TableID // TableAll for all
	OutPort  PortNo  // only flows that output there; PortAny for all
	OutGroup uint32  // only flows that use that group; GroupAny for all
	// Cookie in the bits that are 1 in CookieMask; a mask of 0 allows all.
	Cookie     Cookie
	CookieMask uint64
	Match      Match // only flows that match at least this
}

// AllFlows returns the request that selects every flow of the switch.
func AllFlows() FlowStatsRequest {
	return FlowStatsRequest{Table: TableAll, OutPort: PortAny, OutGroup: GroupAny}
}

// Message returns the request as a message of kind MultipartFlow or
// MultipartAggregate.
func (q FlowStatsRequest) Message(kind MultipartType) *MultipartRequest {
	b := make([]byte, 0, 32+pad8(4+len(q.Match)))
	b = append(b, byte(q.Table), 0, 0, 0)
	b = be.AppendUint32(b, uint32(q.OutPort))
	b = be.AppendUint32(b, q.OutGroup)
	b = appendZeros(b, 4)
	b = be.AppendUint64(b, uint64(q.Cookie))
	b = be.AppendUint64(b, q.CookieMask)
	return &MultipartRequest{Kind: kind, Body: appendMatch(b, q.Match)}
}

// FlowStats decodes the body of a request of kind MultipartFlow or
// MultipartAggregate.
func (m *MultipartRequest) FlowStats() (q FlowStatsRequest, err error) {
	if m.Kind != MultipartFlow && m.Kind != MultipartAggregate {
		return q, fmt.Errorf("multipart_request: type %v is not about flows: %w", m.Kind, ErrBadValue)
	}
	r := reader{b: m.Body}
	q.Table = TableID(r.u8("table_id"))
	r.skip(3, "padding")
	q.OutPort = PortNo(r.u32("out_port"))
	q.OutGroup = r.u32("out_group")
	r.skip(4, "padding")
	q.Cookie = Cookie(r.u64("cookie"))
	q.CookieMask = r.u64("cookie_mask")
	q.Match = r.match()
	r.finish()
	if r.err != nil {
		return q, fmt.Errorf("multipart_request: %v: %w", m.Kind, r.err)
	}
	return q, nil
}

// FlowStats is a flow as a switch has it, with its counters
// (OpenFlow 1.3.5, 7.3.5.2, ofp_flow_stats).
type FlowStats struct {
	Flow
	DurationSec  uint32 // since it was installed: seconds
	DurationNsec uint32 // and nanoseconds beyond them
	Packets      uint64 // all ones if not counted
	Bytes        uint64 // all ones if not counted
}

// flowStatsLen is the length of ofp_flow_stats up to its match.
const flowStatsLen = 48

// AppendBinary appends the entry as it stands in replies. It fails if the entry
// is longer than its length field allows.
func (s *FlowStats) AppendBinary(b []byte) ([]byte, error) {
	n := flowStatsLen + pad8(4+len(s.Match)) + len(s.Instructions)
	if n > MaxMessageLen {
		return b, fmt.Errorf("flow statistics: %d bytes: %w", n, ErrTooLong)
	}
	b = append(b, byte(n>>8), byte(n), byte(s.Table), 0)
	b = be.AppendUint32(b, s.DurationSec)
	b = be.AppendUint32(b, s.DurationNsec)
	b = be.AppendUint16(b, s.Priority)
	b = be.AppendUint16(b, s.IdleTimeout)
	b = be.AppendUint16(b, s.HardTimeout)
	b = be.AppendUint16(b, s.Flags)
	b = appendZeros(b, 4)
	b = be.AppendUint64(b, uint64(s.Cookie))
	b = be.AppendUint64(b, s.Packets)
	b = be.AppendUint64(b, s.Bytes)
	b = appendMatch(b, s.Match)
	return append(b, s.Instructions...), nil
}

func (s *FlowStats) decode(r *reader) {
	p := r.take(flowStatsLen-2, "fields before the match") // the length was read
	if p == nil {
		return
	}
	s.Table = TableID(p[0])
	s.DurationSec, s.DurationNsec = be.Uint32(p[2:]), be.Uint32(p[6:])
	s.Priority = be.Uint16(p[10:])
	s.IdleTimeout, s.HardTimeout = be.Uint16(p[12:]), be.Uint16(p[14:])
	s.Flags = be.Uint16(p[16:])
	s.Cookie = Cookie(be.Uint64(p[22:]))
	s.Packets, s.Bytes = be.Uint64(p[30:]), be.Uint64(p[38:])
	s.Match = r.match()
	s.Instructions = r.instructions()
}

// Flows yields the flows of a reply of kind MultipartFlow, whose slices alias
// the message. The *FlowStats is the same each time: what is kept must be
// copied. An error, given with a nil *FlowStats, ends the sequence.
func (m *MultipartReply) Flows() iter.Seq2[*FlowStats, error] {
	return entries(m, MultipartFlow, flowStatsLen, func(r *reader, s *FlowStats) { s.decode(r) })
}

// AggregateStats are the sums over the flows that a request selected
// (OpenFlow 1.3.5, 7.3.5.3).
type AggregateStats struct {
	Packets, Bytes uint64
	Flows          uint32
}

// AppendBinary appends the body of the reply. It never fails.
func (s *AggregateStats) AppendBinary(b []byte) ([]byte, error) {
	b = be.AppendUint64(be.AppendUint64(b, s.Packets), s.Bytes)
	return appendZeros(be.AppendUint32(b, s.Flows), 4), nil
}

// Aggregate decodes a reply of kind MultipartAggregate.
func (m *MultipartReply) Aggregate() (s AggregateStats, err error) {
	r, err := m.body(MultipartAggregate)
	if err != nil {
		return s, err
	}
	s.Packets = r.u64("packet_count")
	s.Bytes = r.u64("byte_count")
	s.Flows = r.u32("flow_count")
	r.skip(4, "padding")
	r.finish()
	return s, replyError(m.Kind, -1, r.err)
}
