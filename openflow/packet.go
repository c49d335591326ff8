package openflow

import "fmt"

// PacketIn brings a packet to the controller (OpenFlow 1.3.5, 7.4.1).
type PacketIn struct {
	Header
	BufferID uint32 // NoBuffer if Data is the whole packet
	TotalLen uint16 // of the packet in bytes; Data may be shorter
	Reason   PacketInReason
	Table    TableID // that sent it
	Cookie   Cookie  // of the flow that sent it; all ones if there is none
	Match    Match   // the packet's metadata: in_port and others
	Data     []byte  // the Ethernet frame
	// Userdata is what ControllerUserdata carried; only PacketIn2 brings it.
	Userdata []byte
}

// PacketInReason is why a packet was sent to the controller
// (OpenFlow 1.3.5, 7.4.1, ofp_packet_in_reason).
type PacketInReason uint8

// Reasons of a PacketIn.
const (
	ReasonNoMatch    PacketInReason = 0 // no flow matched, or the table-miss flow did
	ReasonAction     PacketInReason = 1 // an action output to the controller
	ReasonInvalidTTL PacketInReason = 2 // the packet's TTL ran out
)

// String returns the reason as ovs-ofctl shows it.
func (r PacketInReason) String() string {
	switch r {
	case ReasonNoMatch:
		return "no_match"
	case ReasonAction:
		return "action"
	case ReasonInvalidTTL:
		return "invalid_ttl"
	}
	return fmt.Sprintf("reason_%d", uint8(r))
}

// InPort returns the port at which the packet came in, or 0 if the message does
// not say.
func (m *PacketIn) InPort() PortNo {
	for o := range m.Match.All() {
		if o.Field == FieldOXMInPort {
			return PortNo(be.Uint32(o.Value))
		}
	}
	return 0
}

// Type returns TypePacketIn.
func (m *PacketIn) Type() MessageType { return TypePacketIn }

// AppendBinary appends the whole message.
func (m *PacketIn) AppendBinary(b []byte) ([]byte, error) {
	b, at := begin(b, TypePacketIn, m.ID)
	b = be.AppendUint32(b, m.BufferID)
	b = be.AppendUint16(b, m.TotalLen)
	b = append(b, byte(m.Reason), byte(m.Table))
	b = be.AppendUint64(b, uint64(m.Cookie))
	b = appendMatch(b, m.Match)
	return end(append(append(b, 0, 0), m.Data...), at)
}

func (m *PacketIn) decode(r *reader) {
	m.BufferID = r.u32("buffer_id")
	m.TotalLen = r.u16("total_len")
	m.Reason = PacketInReason(r.u8("reason"))
	m.Table = TableID(r.u8("table_id"))
	m.Cookie = Cookie(r.u64("cookie"))
	m.Match = r.match()
	r.skip(2, "padding")
	m.Data = r.rest()
}

// PacketOut makes the switch process a packet (OpenFlow 1.3.5, 7.3.7). Use
// NewPacketOut: the zero values of BufferID and InPort name a buffer and a port.
type PacketOut struct {
	Header
	BufferID uint32 // NoBuffer if Data is the packet
	InPort   PortNo // the packet's ingress port, or PortController
	Actions  Actions
	Data     []byte // the Ethernet frame
}

// NewPacketOut returns the PacketOut that applies actions to a packet as if the
// controller's own port had received it.
func NewPacketOut(packet []byte, a Actions) *PacketOut {
	return &PacketOut{BufferID: NoBuffer, InPort: PortController, Actions: a, Data: packet}
}

// Type returns TypePacketOut.
func (m *PacketOut) Type() MessageType { return TypePacketOut }

// AppendBinary appends the whole message.
func (m *PacketOut) AppendBinary(b []byte) ([]byte, error) {
	b, at := begin(b, TypePacketOut, m.ID)
	b = be.AppendUint32(b, m.BufferID)
	b = be.AppendUint32(b, uint32(m.InPort))
	b = be.AppendUint16(b, uint16(len(m.Actions))) // end bounds it
	b = append(appendZeros(b, 6), m.Actions...)
	return end(append(b, m.Data...), at)
}

func (m *PacketOut) decode(r *reader) {
	m.BufferID = r.u32("buffer_id")
	m.InPort = PortNo(r.u32("in_port"))
	n := int(r.u16("actions_len"))
	r.skip(6, "padding")
	m.Actions = r.actions(n)
	m.Data = r.rest()
}
