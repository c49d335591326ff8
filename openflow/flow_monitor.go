package openflow

import (
	"fmt"
	"iter"
)

// Flow monitoring has the switch report changes of its flows as they happen. It
// is part of OpenFlow 1.4 (7.4.6) and came to 1.3 as ONF extension 187, which
// Open vSwitch has since 3.0 (OVS, include/openflow/openflow-1.3.h,
// onf_flow_monitor_request and what follows).
const (
	// ONFFlowMonitor is the experimenter's type of multipart requests that begin
	// monitoring, and of replies that report changes.
	ONFFlowMonitor = 1870
	// ONFFlowMonitorCancel and its like are types of experimenter messages.
	ONFFlowMonitorCancel  = 1870
	ONFFlowMonitorPaused  = 1871
	ONFFlowMonitorResumed = 1872
)

// MonitorFlags are the changes that a monitor reports, and how (OVS,
// openflow-1.3.h, onf_flow_monitor_flags).
type MonitorFlags uint16

// Flags of a monitor, of which Open vSwitch demands one of MonitorAdd,
// MonitorDelete and MonitorModify.
const (
	MonitorInitial MonitorFlags = 1 << 0 // flows that are there, in the reply to the request
	MonitorAdd     MonitorFlags = 1 << 1 // flows added, also in place of one with the same key
	MonitorDelete  MonitorFlags = 1 << 2 // flows deleted, for whatever reason
	MonitorModify  MonitorFlags = 1 << 3 // flows whose instructions changed
	MonitorActions MonitorFlags = 1 << 4 // with the flows' instructions
	MonitorOwn     MonitorFlags = 1 << 5 // this connection's own changes in full
)

// FlowMonitorRequest asks for reports of changes of the flows that it selects.
// Start from AllFlowChanges: the zero values of Table and OutPort are no
// wildcards.
type FlowMonitorRequest struct {
	ID      uint32 // chosen by the controller, unique on its connection
	Flags   MonitorFlags
	OutPort PortNo  // only flows that output there; PortAny for all
	Table   TableID // TableAll for all
	Match   Match   // only flows that match at least this
}

// AllFlowChanges returns the request for all that others than this connection
// do to any flow, with instructions.
func AllFlowChanges() FlowMonitorRequest {
	return FlowMonitorRequest{
		Flags:   MonitorAdd | MonitorDelete | MonitorModify | MonitorActions,
		OutPort: PortAny, Table: TableAll,
	}
}

// flowMonitorLen is the length of onf_flow_monitor_request up to its match.
const flowMonitorLen = 16

// AppendBinary appends the request as it stands in a multipart request. It
// never fails.
func (q *FlowMonitorRequest) AppendBinary(b []byte) ([]byte, error) {
	b = be.AppendUint32(b, q.ID)
	b = be.AppendUint16(b, uint16(q.Flags))
	b = be.AppendUint16(b, uint16(4+len(q.Match)))
	b = be.AppendUint32(b, uint32(q.OutPort))
	b = append(b, byte(q.Table), 0, 0, 0)
	return appendMatch(b, q.Match), nil
}

func (q *FlowMonitorRequest) decode(r *reader) {
	q.ID = r.u32("id")
	q.Flags = MonitorFlags(r.u16("flags"))
	r.skip(2, "match_len") // which the match itself says
	q.OutPort = PortNo(r.u32("out_port"))
	q.Table = TableID(r.u8("table_id"))
	r.skip(3, "padding")
	q.Match = r.match()
}

// Message returns the request as a message.
func (q FlowMonitorRequest) Message() *MultipartRequest {
	b := make([]byte, 0, ExperimenterBodyLen+flowMonitorLen+pad8(4+len(q.Match)))
	b, _ = q.AppendBinary(appendExperimenterBody(b, ExperimenterONF, ONFFlowMonitor)) // never fails
	return &MultipartRequest{Kind: MultipartExperimenter, Body: b}
}

// FlowMonitors decodes the requests in a message as FlowMonitorRequest.Message
// returns it. An error ends the sequence.
func (m *MultipartRequest) FlowMonitors() iter.Seq2[FlowMonitorRequest, error] {
	return func(yield func(FlowMonitorRequest, error) bool) {
		r := flowMonitorBody(m.Kind, m.Body)
		for i := 0; r.err != nil || len(r.b) > 0; i++ {
			var q FlowMonitorRequest
			if q.decode(&r); r.err != nil {
				yield(FlowMonitorRequest{}, fmt.Errorf("multipart_request: flow_monitor: entry %d: %w", i, r.err))
				return
			}
			if !yield(q, nil) {
				return
			}
		}
	}
}

// ExperimenterBodyLen is the length of ofp_experimenter_multipart_header
// (OpenFlow 1.3.5, 7.3.5.15).
const ExperimenterBodyLen = 8

func appendExperimenterBody(b []byte, experimenter, typ uint32) []byte {
	return be.AppendUint32(be.AppendUint32(b, experimenter), typ)
}

// flowMonitorBody returns a reader of what follows the experimenter's header in
// the body of a multipart message that must be about monitoring flows.
func flowMonitorBody(kind MultipartType, body []byte) reader {
	r := reader{b: body}
	if kind != MultipartExperimenter {
		r.fail("type", fmt.Errorf("%v: %w", kind, ErrBadValue))
	}
	experimenter, typ := r.u32("experimenter"), r.u32("exp_type")
	if r.err == nil && (experimenter != ExperimenterONF || typ != ONFFlowMonitor) {
		r.fail("exp_type", fmt.Errorf("%d of experimenter 0x%08x: %w", typ, experimenter, ErrBadValue))
	}
	return r
}
