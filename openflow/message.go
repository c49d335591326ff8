package openflow

import (
	"fmt"
	"strconv"
)

// HeaderLen is the length of ofp_header, which every message starts with
// (OpenFlow 1.3.5, 7.1.1).
const HeaderLen = 8

// MaxMessageLen is the longest message that its 16-bit length field allows.
const MaxMessageLen = 0xffff

// MessageType is the type of a message (OpenFlow 1.3.5, 7.1.1, ofp_type).
type MessageType uint8

// Message types (OpenFlow 1.3.5, 7.1.1, ofp_type).
const (
	TypeHello            MessageType = 0
	TypeError            MessageType = 1
	TypeEchoRequest      MessageType = 2
	TypeEchoReply        MessageType = 3
	TypeExperimenter     MessageType = 4
	TypeFeaturesRequest  MessageType = 5
	TypeFeaturesReply    MessageType = 6
	TypeGetConfigRequest MessageType = 7
	TypeGetConfigReply   MessageType = 8
	TypeSetConfig        MessageType = 9
	TypePacketIn         MessageType = 10
	TypeFlowRemoved      MessageType = 11
	TypePortStatus       MessageType = 12
	TypePacketOut        MessageType = 13
	TypeFlowMod          MessageType = 14
	TypeGroupMod         MessageType = 15
	TypePortMod          MessageType = 16
	TypeTableMod         MessageType = 17
	TypeMultipartRequest MessageType = 18
	TypeMultipartReply   MessageType = 19
	TypeBarrierRequest   MessageType = 20
	TypeBarrierReply     MessageType = 21
	TypeRoleRequest      MessageType = 24
	TypeRoleReply        MessageType = 25
	TypeGetAsyncRequest  MessageType = 26
	TypeGetAsyncReply    MessageType = 27
	TypeSetAsync         MessageType = 28
	TypeMeterMod         MessageType = 29
)

// String returns the specification's name in lower case without OFPT_, for
// example flow_mod.
func (t MessageType) String() string {
	if name := messageTypeNames[t]; name != "" {
		return name
	}
	return "type_" + strconv.Itoa(int(t))
}

var messageTypeNames = [256]string{
	"hello", "error", "echo_request", "echo_reply", "experimenter",
	"features_request", "features_reply", "get_config_request",
	"get_config_reply", "set_config", "packet_in", "flow_removed",
	"port_status", "packet_out", "flow_mod", "group_mod", "port_mod",
	"table_mod", "multipart_request", "multipart_reply", "barrier_request",
	"barrier_reply", "queue_get_config_request", "queue_get_config_reply",
	"role_request", "role_reply", "get_async_request", "get_async_reply",
	"set_async", "meter_mod",
}

// Message is one OpenFlow message.
type Message interface {
	// Type returns the message's type on the wire.
	Type() MessageType
	// Xid returns the transaction id; SetXid sets it.
	Xid() Xid
	SetXid(Xid)
	// AppendBinary appends the whole message, header included. It fails if the
	// message would be longer than MaxMessageLen.
	AppendBinary(b []byte) ([]byte, error)
}

// Header holds what all messages have; it is embedded in them.
type Header struct {
	ID Xid
}

// Xid returns the transaction id.
func (h *Header) Xid() Xid { return h.ID }

// SetXid sets the transaction id.
func (h *Header) SetXid(x Xid) { h.ID = x }

// RawHeader is ofp_header as it is on the wire.
type RawHeader struct {
	Version uint8
	Type    MessageType
	Length  uint16 // of the whole message in bytes, HeaderLen or more
	Xid     Xid
}

// ParseHeader reads the header at the start of b. It fails if b is shorter than
// HeaderLen or the length in the header is; it does not judge the version, nor
// whether b holds the whole message.
func ParseHeader(b []byte) (RawHeader, error) {
	if len(b) < HeaderLen {
		return RawHeader{}, fmt.Errorf("header: %w", ErrTruncated)
	}
	h := RawHeader{b[0], MessageType(b[1]), be.Uint16(b[2:]), be.Uint32(b[4:])}
	if h.Length < HeaderLen {
		return h, fmt.Errorf("header: length %d: %w", h.Length, ErrBadLength)
	}
	return h, nil
}

// begin appends a header whose length end writes.
func begin(b []byte, t MessageType, xid Xid) ([]byte, int) {
	return be.AppendUint32(append(b, Version, byte(t), 0, 0), xid), len(b)
}

// end writes the length of the message that starts at offset at.
func end(b []byte, at int) ([]byte, error) {
	n := len(b) - at
	if n > MaxMessageLen {
		return b[:at], fmt.Errorf("%v: %d bytes: %w", MessageType(b[at+1]), n, ErrTooLong)
	}
	be.PutUint16(b[at+2:], uint16(n))
	return b, nil
}

// FrameType returns the type of a message that is still encoded, which must have a
// whole header.
func FrameType(frame []byte) MessageType { return MessageType(frame[1]) }
