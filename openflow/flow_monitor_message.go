package openflow

// FlowMonitorCancel ends a monitor. It has no reply.
type FlowMonitorCancel struct {
	Header
	MonitorID uint32 // of the FlowMonitorRequest
}

// FlowMonitorPaused says that the switch has more to report than it may keep
// for a connection that does not take it. Until FlowMonitorResumed it reports
// but deletions of flows that are older than the pause, and makes no difference
// between this connection's own and others (OVS, nicira-ext.h, "Buffer
// Management").
type FlowMonitorPaused struct{ Header }

// FlowMonitorResumed ends a pause. Before it the switch has reported, as added
// or modified, the flows that it has now and that changed during the pause.
type FlowMonitorResumed struct{ Header }

// Type returns TypeExperimenter.
func (m *FlowMonitorCancel) Type() MessageType { return TypeExperimenter }

// AppendBinary appends the whole message.
func (m *FlowMonitorCancel) AppendBinary(b []byte) ([]byte, error) {
	b, at := beginExperimenter(b, m.ID, ExperimenterONF, ONFFlowMonitorCancel)
	return end(be.AppendUint32(b, m.MonitorID), at)
}

func (m *FlowMonitorCancel) decode(r *reader) {
	m.MonitorID = r.u32("id")
	r.finish()
}

// Type returns TypeExperimenter.
func (m *FlowMonitorPaused) Type() MessageType { return TypeExperimenter }

// AppendBinary appends the whole message.
func (m *FlowMonitorPaused) AppendBinary(b []byte) ([]byte, error) {
	return end(beginExperimenter(b, m.ID, ExperimenterONF, ONFFlowMonitorPaused))
}

func (m *FlowMonitorPaused) decode(r *reader) { r.finish() }

// Type returns TypeExperimenter.
func (m *FlowMonitorResumed) Type() MessageType { return TypeExperimenter }

// AppendBinary appends the whole message.
func (m *FlowMonitorResumed) AppendBinary(b []byte) ([]byte, error) {
	return end(beginExperimenter(b, m.ID, ExperimenterONF, ONFFlowMonitorResumed))
}

func (m *FlowMonitorResumed) decode(r *reader) { r.finish() }
