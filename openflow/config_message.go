package openflow

// How a switch treats IP fragments, in the flags of its configuration
// (OpenFlow 1.3.5, 7.3.2; OVS, openflow-common.h, ofp_config_flags). It is the
// switch's, not the connection's: whoever sets it last decides.
const (
	// FragNormal treats them as any packet; to matches all of them, the first
	// too, have no header of TCP, UDP or ICMP.
	FragNormal uint16 = 0
	FragDrop   uint16 = 1
	FragReasm  uint16 = 2 // Open vSwitch does not do it
	// FragNXMatch lets matches see the header in the first fragment.
	FragNXMatch uint16 = 3
	// FragMask is the part of the flags that has it.
	FragMask uint16 = 3
)

// FragName returns what "ovs-ofctl set-frags" calls a treatment of fragments.
func FragName(mode uint16) string {
	return [...]string{"normal", "drop", "reassemble", "nx-match"}[mode&FragMask]
}

// GetConfigRequest asks for a GetConfigReply (OpenFlow 1.3.5, 7.3.2).
type GetConfigRequest struct{ Header }

// GetConfigReply shows how the switch treats packets (OpenFlow 1.3.5, 7.3.2,
// ofp_switch_config).
type GetConfigReply struct {
	Header
	Flags       uint16 // ofp_config_flags
	MissSendLen uint16 // as in SetConfig
}

// SetConfig sets how the switch treats packets (OpenFlow 1.3.5, 7.3.2,
// ofp_switch_config). It has no reply.
type SetConfig struct {
	Header
	Flags uint16 // ofp_config_flags: how fragments are treated
	// MissSendLen is how many bytes of a packet go to the controller when no
	// action says how many; ControllerNoBuffer means all. OVS sends no packet-in
	// nor other unasked-for message at 0, unless SetAsync asks for it.
	MissSendLen uint16
}

// Type returns TypeGetConfigRequest.
func (m *GetConfigRequest) Type() MessageType { return TypeGetConfigRequest }

// AppendBinary appends the whole message.
func (m *GetConfigRequest) AppendBinary(b []byte) ([]byte, error) {
	return end(begin(b, TypeGetConfigRequest, m.ID))
}

func (m *GetConfigRequest) decode(r *reader) { r.finish() }

// Type returns TypeGetConfigReply.
func (m *GetConfigReply) Type() MessageType { return TypeGetConfigReply }

// AppendBinary appends the whole message.
func (m *GetConfigReply) AppendBinary(b []byte) ([]byte, error) {
	b, at := begin(b, TypeGetConfigReply, m.ID)
	return end(be.AppendUint16(be.AppendUint16(b, m.Flags), m.MissSendLen), at)
}

func (m *GetConfigReply) decode(r *reader) {
	m.Flags = r.u16("flags")
	m.MissSendLen = r.u16("miss_send_len")
	r.finish()
}

// Type returns TypeSetConfig.
func (m *SetConfig) Type() MessageType { return TypeSetConfig }

// AppendBinary appends the whole message.
func (m *SetConfig) AppendBinary(b []byte) ([]byte, error) {
	b, at := begin(b, TypeSetConfig, m.ID)
	return end(be.AppendUint16(be.AppendUint16(b, m.Flags), m.MissSendLen), at)
}

func (m *SetConfig) decode(r *reader) {
	m.Flags = r.u16("flags")
	m.MissSendLen = r.u16("miss_send_len")
	r.finish()
}
