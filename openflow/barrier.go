package openflow

// BarrierRequest makes the switch finish all messages before it, and answer
// with a BarrierReply, before it begins with those after it
// (OpenFlow 1.3.5, 7.3.8).
type BarrierRequest struct{ Header }

// BarrierReply answers a BarrierRequest.
type BarrierReply struct{ Header }

// Type returns TypeBarrierRequest.
func (m *BarrierRequest) Type() MessageType { return TypeBarrierRequest }

// AppendBinary appends the whole message.
func (m *BarrierRequest) AppendBinary(b []byte) ([]byte, error) {
	return end(begin(b, TypeBarrierRequest, m.ID))
}

func (m *BarrierRequest) decode(r *reader) { r.finish() }

// Type returns TypeBarrierReply.
func (m *BarrierReply) Type() MessageType { return TypeBarrierReply }

// AppendBinary appends the whole message.
func (m *BarrierReply) AppendBinary(b []byte) ([]byte, error) {
	return end(begin(b, TypeBarrierReply, m.ID))
}

func (m *BarrierReply) decode(r *reader) { r.finish() }
