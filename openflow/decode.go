package openflow

import "fmt"

// decoder is a message that can read its own body.
type decoder interface {
	Message
	decode(r *reader)
}

// DecodeMessage decodes one whole message, header included. The byte slices in
// the message that it returns alias b, and its Xid is the header's.
//
// A type that is not known gives *Unknown, which keeps the bytes. HELLO and
// ERROR are decoded whatever their version, as they are how the version is
// negotiated; any other message not of OpenFlow 1.3 gives ErrVersion. The error
// names the field: "flow_mod: match: field 1: value: message is cut short".
func DecodeMessage(b []byte) (Message, error) {
	h, err := ParseHeader(b)
	if err != nil {
		return nil, err
	}
	if n := int(h.Length); n > len(b) {
		return nil, fmt.Errorf("%v: %d of %d bytes: %w", h.Type, len(b), n, ErrTruncated)
	} else if n < len(b) {
		return nil, fmt.Errorf("%v: %d bytes after the message: %w", h.Type, len(b)-n, ErrBadLength)
	}
	m := newMessage(h.Type)
	if h.Version == 0 {
		return nil, fmt.Errorf("%v: version 0: %w", h.Type, ErrVersion)
	}
	switch v := m.(type) {
	case *Hello:
		v.Version = h.Version
	case *ErrorMsg:
		v.Version = h.Version
	default:
		if h.Version != Version {
			return nil, fmt.Errorf("%v: version 0x%02x: %w", h.Type, h.Version, ErrVersion)
		}
	}
	r := reader{b: b[HeaderLen:]}
	m.decode(&r)
	if r.err != nil {
		return nil, fmt.Errorf("%v: %w", h.Type, r.err)
	}
	if x, ok := m.(*Experimenter); ok {
		if m, err = x.known(); err != nil {
			return nil, fmt.Errorf("%v: %w", h.Type, err)
		}
	}
	m.SetXid(h.Xid)
	return m, nil
}

// decodeAs is DecodeMessage for a message that must be of one type.
func decodeAs[T Message](b []byte) (T, error) {
	var zero T
	m, err := DecodeMessage(b)
	if err != nil {
		return zero, err
	}
	as, ok := m.(T)
	if !ok {
		return zero, fmt.Errorf("%v where %v was expected: %w", m.Type(), zero.Type(), ErrBadValue)
	}
	return as, nil
}

func newMessage(t MessageType) decoder {
	switch t {
	case TypeHello:
		return &Hello{}
	case TypeError:
		return &ErrorMsg{}
	case TypeEchoRequest:
		return &EchoRequest{}
	case TypeEchoReply:
		return &EchoReply{}
	case TypeExperimenter:
		return &Experimenter{}
	case TypeFeaturesRequest:
		return &FeaturesRequest{}
	case TypeFeaturesReply:
		return &FeaturesReply{}
	case TypeGetConfigRequest:
		return &GetConfigRequest{}
	case TypeGetConfigReply:
		return &GetConfigReply{}
	case TypeSetConfig:
		return &SetConfig{}
	case TypePacketIn:
		return &PacketIn{}
	case TypeFlowRemoved:
		return &FlowRemoved{}
	case TypePortStatus:
		return &PortStatus{}
	case TypePacketOut:
		return &PacketOut{}
	case TypeFlowMod:
		return &FlowMod{}
	case TypeGroupMod:
		return &GroupMod{}
	case TypePortMod:
		return &PortMod{}
	case TypeMultipartRequest:
		return &MultipartRequest{}
	case TypeMultipartReply:
		return &MultipartReply{}
	case TypeBarrierRequest:
		return &BarrierRequest{}
	case TypeBarrierReply:
		return &BarrierReply{}
	case TypeRoleRequest:
		return &RoleRequest{}
	case TypeRoleReply:
		return &RoleReply{}
	case TypeGetAsyncRequest:
		return &GetAsyncRequest{}
	case TypeGetAsyncReply:
		return &GetAsyncReply{}
	case TypeSetAsync:
		return &SetAsync{}
	case TypeMeterMod:
		return &MeterMod{}
	}
	return &Unknown{Kind: t}
}

// Unknown is a message of a type that this package does not know.
type Unknown struct {
	Header
	Kind MessageType
	Body []byte // all after the header
}

// Type returns the message's type on the wire.
func (m *Unknown) Type() MessageType { return m.Kind }

// AppendBinary appends the whole message.
func (m *Unknown) AppendBinary(b []byte) ([]byte, error) {
	b, at := begin(b, m.Kind, m.ID)
	return end(append(b, m.Body...), at)
}

func (m *Unknown) decode(r *reader) { m.Body = r.rest() }
