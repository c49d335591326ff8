package openflow

import "fmt"

// FlowCommand is what a FLOW_MOD does (OpenFlow 1.3.5, 7.3.4.1,
// ofp_flow_mod_command).
type FlowCommand uint8

// Commands of FLOW_MOD.
const (
	FlowAdd          FlowCommand = 0 // add, or replace the flow with the same key
	FlowModify       FlowCommand = 1 // change the instructions of all that match
	FlowModifyStrict FlowCommand = 2 // change those of the flow with the same key
	FlowDelete       FlowCommand = 3 // delete all that match
	FlowDeleteStrict FlowCommand = 4 // delete the flow with the same key
)

// String returns the command as ovs-ofctl shows it.
func (c FlowCommand) String() string {
	switch c {
	case FlowAdd:
		return "ADD"
	case FlowModify:
		return "MOD"
	case FlowModifyStrict:
		return "MOD_STRICT"
	case FlowDelete:
		return "DEL"
	case FlowDeleteStrict:
		return "DEL_STRICT"
	}
	return fmt.Sprintf("command_%d", uint8(c))
}

// FlowMod is a FLOW_MOD message (OpenFlow 1.3.5, 7.3.4.1). Use NewFlowMod: the
// zero values of BufferID, OutPort and OutGroup are no wildcards.
type FlowMod struct {
	Header
	Command FlowCommand
	Flow
	// CookieMask restricts changes and deletions to flows whose cookie equals
	// Cookie in the bits that are 1; 0 restricts nothing.
	CookieMask uint64
	BufferID   uint32 // a buffered packet to send through the flow, or NoBuffer
	// OutPort and OutGroup restrict deletions to flows that output there, unless
	// they are PortAny and GroupAny.
	OutPort  PortNo
	OutGroup uint32
}

// NewFlowMod returns the FlowMod that applies a command to a flow, restricted
// to no port, group or cookie.
func NewFlowMod(cmd FlowCommand, f Flow) *FlowMod {
	return &FlowMod{Command: cmd, Flow: f, BufferID: NoBuffer, OutPort: PortAny, OutGroup: GroupAny}
}

// Type returns TypeFlowMod.
func (m *FlowMod) Type() MessageType { return TypeFlowMod }

// AppendBinary appends the whole message.
func (m *FlowMod) AppendBinary(b []byte) ([]byte, error) {
	if n := m.Size(); n > MaxMessageLen {
		return b, fmt.Errorf("flow_mod: %d bytes: %w", n, ErrTooLong)
	}
	at := len(b)
	b = m.appendMod(b, m.ID, m.Command, m.CookieMask)
	be.PutUint32(b[at+32:], m.BufferID)
	be.PutUint32(b[at+36:], uint32(m.OutPort))
	be.PutUint32(b[at+40:], m.OutGroup)
	return b, nil
}

func (m *FlowMod) decode(r *reader) {
	m.Cookie = Cookie(r.u64("cookie"))
	m.CookieMask = r.u64("cookie_mask")
	m.Table = TableID(r.u8("table_id"))
	m.Command = FlowCommand(r.u8("command"))
	m.IdleTimeout = r.u16("idle_timeout")
	m.HardTimeout = r.u16("hard_timeout")
	m.Priority = r.u16("priority")
	m.BufferID = r.u32("buffer_id")
	m.OutPort = PortNo(r.u32("out_port"))
	m.OutGroup = r.u32("out_group")
	m.Flags = r.u16("flags")
	r.skip(2, "padding")
	m.Match = r.match()
	m.Instructions = r.instructions()
}

// DecodeFlowMod decodes one whole FLOW_MOD message, header included. The match
// and instructions alias b.
func DecodeFlowMod(b []byte) (*FlowMod, error) { return decodeAs[*FlowMod](b) }
