package openflow

// AsyncMasks says which unasked-for messages the switch sends: bit n of each
// mask allows those with reason n. Index 0 holds while the controller is master
// or equal, 1 while it is slave (OpenFlow 1.3.5, 7.3.10, ofp_async_config).
type AsyncMasks struct {
	PacketIn    [2]uint32
	PortStatus  [2]uint32
	FlowRemoved [2]uint32
}

// GetAsyncRequest asks for a GetAsyncReply.
type GetAsyncRequest struct{ Header }

// GetAsyncReply shows which unasked-for messages the switch sends.
type GetAsyncReply struct {
	Header
	AsyncMasks
}

// SetAsync sets which unasked-for messages the switch sends. It has no reply.
type SetAsync struct {
	Header
	AsyncMasks
}

// Type returns TypeGetAsyncRequest.
func (m *GetAsyncRequest) Type() MessageType { return TypeGetAsyncRequest }

// AppendBinary appends the whole message.
func (m *GetAsyncRequest) AppendBinary(b []byte) ([]byte, error) {
	return end(begin(b, TypeGetAsyncRequest, m.ID))
}

func (m *GetAsyncRequest) decode(r *reader) { r.finish() }

// Type returns TypeGetAsyncReply.
func (m *GetAsyncReply) Type() MessageType { return TypeGetAsyncReply }

// AppendBinary appends the whole message.
func (m *GetAsyncReply) AppendBinary(b []byte) ([]byte, error) {
	b, at := begin(b, TypeGetAsyncReply, m.ID)
	return end(m.append(b), at)
}

// Type returns TypeSetAsync.
func (m *SetAsync) Type() MessageType { return TypeSetAsync }

// AppendBinary appends the whole message.
func (m *SetAsync) AppendBinary(b []byte) ([]byte, error) {
	b, at := begin(b, TypeSetAsync, m.ID)
	return end(m.append(b), at)
}

func (c *AsyncMasks) append(b []byte) []byte {
	for _, pair := range [...][2]uint32{c.PacketIn, c.PortStatus, c.FlowRemoved} {
		b = be.AppendUint32(be.AppendUint32(b, pair[0]), pair[1])
	}
	return b
}

func (c *AsyncMasks) decode(r *reader) {
	for i := range c.PacketIn {
		c.PacketIn[i] = r.u32("packet_in_mask")
	}
	for i := range c.PortStatus {
		c.PortStatus[i] = r.u32("port_status_mask")
	}
	for i := range c.FlowRemoved {
		c.FlowRemoved[i] = r.u32("flow_removed_mask")
	}
	r.finish()
}
