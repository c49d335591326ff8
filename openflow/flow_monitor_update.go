package openflow

import (
	"fmt"
	"iter"
)

// FlowEvent is what happened to a flow (OVS, openflow-1.3.h,
// onf_flow_update_event).
type FlowEvent uint16

// Events of a FlowUpdate.
const (
	// FlowAdded: the flow is new, or has replaced one with the same key, which
	// may have been no different.
	FlowAdded FlowEvent = 0
	// FlowDeleted: the flow is gone.
	FlowDeleted FlowEvent = 1
	// FlowModified: the flow's instructions or cookie have changed.
	FlowModified FlowEvent = 2
	// FlowAbbrev: this connection itself has changed flows.
	FlowAbbrev FlowEvent = 3
)

// FlowUpdate is one change of a flow that a monitor reports (OVS,
// openflow-1.3.h, onf_flow_update_full and onf_flow_update_abbrev).
type FlowUpdate struct {
	Event FlowEvent
	// Reason of a FlowDeleted.
	Reason FlowRemovedReason
	// Flow as it is now or was when it was deleted, except for an Event of
	// FlowAbbrev. Its Flags are not reported, and its Instructions only if the
	// monitor has MonitorActions. (Of a FlowDeleted they need not be; Open
	// vSwitch does report them.)
	Flow
	// ModXid is the xid of the message that changed the flow, for an Event of
	// FlowAbbrev alone.
	ModXid Xid
}

const (
	// flowUpdateLen is the length of onf_flow_update_full up to its match.
	flowUpdateLen = 24
	// FlowAbbrevLen is the length of onf_flow_update_abbrev.
	FlowAbbrevLen = 8
)

// AppendBinary appends the entry as it stands in replies. It fails if the entry
// is longer than its length field allows.
func (u *FlowUpdate) AppendBinary(b []byte) ([]byte, error) {
	if u.Event == FlowAbbrev {
		return be.AppendUint32(append(b, 0, FlowAbbrevLen, 0, byte(FlowAbbrev)), u.ModXid), nil
	}
	n := flowUpdateLen + pad8(4+len(u.Match)) + len(u.Instructions)
	if n > MaxMessageLen {
		return b, fmt.Errorf("flow update: %d bytes: %w", n, ErrTooLong)
	}
	b = be.AppendUint16(b, uint16(n))
	b = be.AppendUint16(b, uint16(u.Event))
	b = be.AppendUint16(b, uint16(u.Reason))
	b = be.AppendUint16(b, u.Priority)
	b = be.AppendUint16(b, u.IdleTimeout)
	b = be.AppendUint16(b, u.HardTimeout)
	b = be.AppendUint16(b, uint16(4+len(u.Match)))
	b = append(b, byte(u.Table), 0)
	b = be.AppendUint64(b, uint64(u.Cookie))
	b = appendMatch(b, u.Match)
	return append(b, u.Instructions...), nil
}

// decode reads the entry after its length.
func (u *FlowUpdate) decode(r *reader) {
	u.Event = FlowEvent(r.u16("event"))
	switch {
	case u.Event == FlowAbbrev:
		u.ModXid = r.u32("xid")
		r.finish()
		return
	case u.Event > FlowAbbrev:
		r.fail("event", ErrBadValue)
	}
	reason := r.u16("reason")
	if reason > 0xff {
		r.fail("reason", ErrBadValue)
	}
	u.Reason = FlowRemovedReason(reason)
	u.Priority = r.u16("priority")
	u.IdleTimeout = r.u16("idle_timeout")
	u.HardTimeout = r.u16("hard_timeout")
	r.skip(2, "match_len") // which the match itself says
	u.Table = TableID(r.u8("table_id"))
	r.skip(1, "padding")
	u.Cookie = Cookie(r.u64("cookie"))
	u.Match = r.match()
	u.Instructions = r.instructions()
}

// FlowUpdates yields the changes in a reply from a flow monitor, whose slices
// alias the message. The *FlowUpdate is the same each time: what is kept must be
// copied. An error, given with a nil *FlowUpdate, ends the sequence.
func (m *MultipartReply) FlowUpdates() iter.Seq2[*FlowUpdate, error] {
	return func(yield func(*FlowUpdate, error) bool) {
		body := flowMonitorBody(m.Kind, m.Body)
		var u FlowUpdate
		for i := 0; body.err != nil || len(body.b) > 0; i++ {
			n := int(body.u16("length"))
			if body.err == nil && (n < FlowAbbrevLen || n%8 != 0) {
				body.fail("length", fmt.Errorf("%d: %w", n, ErrBadLength))
			}
			entry := reader{b: body.take(n-2, "entry"), err: body.err}
			u = FlowUpdate{}
			if u.decode(&entry); entry.err != nil {
				yield(nil, fmt.Errorf("multipart_reply: flow_monitor: entry %d: %w", i, entry.err))
				return
			}
			if !yield(&u, nil) {
				return
			}
		}
	}
}

// IsFlowUpdates says whether a message reports changes of flows.
func IsFlowUpdates(frame []byte) bool {
	const at = HeaderLen + 8
	return FrameType(frame) == TypeMultipartReply && len(frame) >= at+ExperimenterBodyLen &&
		MultipartType(be.Uint16(frame[HeaderLen:])) == MultipartExperimenter &&
		be.Uint32(frame[at:]) == ExperimenterONF && be.Uint32(frame[at+4:]) == ONFFlowMonitor
}
