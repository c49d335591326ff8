package openflow

// EchoRequest asks the peer for a sign of life (OpenFlow 1.3.5, 7.5.2).
type EchoRequest struct {
	Header
	Data []byte // comes back in the reply
}

// EchoReply answers an EchoRequest with the same data (OpenFlow 1.3.5, 7.5.3).
type EchoReply struct {
	Header
	Data []byte
}

// Type returns TypeEchoRequest.
func (m *EchoRequest) Type() MessageType { return TypeEchoRequest }

// AppendBinary appends the whole message.
func (m *EchoRequest) AppendBinary(b []byte) ([]byte, error) {
	b, at := begin(b, TypeEchoRequest, m.ID)
	return end(append(b, m.Data...), at)
}

func (m *EchoRequest) decode(r *reader) { m.Data = r.rest() }

// Type returns TypeEchoReply.
func (m *EchoReply) Type() MessageType { return TypeEchoReply }

// AppendBinary appends the whole message.
func (m *EchoReply) AppendBinary(b []byte) ([]byte, error) {
	b, at := begin(b, TypeEchoReply, m.ID)
	return end(append(b, m.Data...), at)
}

func (m *EchoReply) decode(r *reader) { m.Data = r.rest() }
