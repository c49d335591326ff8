package openflow

import "fmt"

// Port describes a port of a switch (OpenFlow 1.3.5, 7.2.1, ofp_port). Features
// are bits of ofp_port_features; speeds are in kbit/s.
type Port struct {
	No     PortNo
	HWAddr MAC
	Name   string // of the interface, at most 15 bytes
	Config uint32 // PortDown and its like
	State  uint32 // StateLinkDown and its like

	Curr, Advertised, Supported, Peer uint32
	CurrSpeed, MaxSpeed               uint32
}

// Bits of a port's configuration and state (OpenFlow 1.3.5, 7.2.1,
// ofp_port_config and ofp_port_state).
const (
	PortDown       uint32 = 1 << 0 // config: administratively down
	PortNoRecv     uint32 = 1 << 2 // config: drop what it receives
	PortNoFwd      uint32 = 1 << 5 // config: drop what is sent to it
	PortNoPacketIn uint32 = 1 << 6 // config: no packet-ins for it

	StateLinkDown uint32 = 1 << 0 // no carrier
	StateBlocked  uint32 = 1 << 1 // blocked, by spanning tree for example
	StateLive     uint32 = 1 << 2 // live for fast failover
)

const (
	portLen     = 64 // sizeof(struct ofp_port)
	portNameLen = 16 // OFP_MAX_PORT_NAME_LEN, with the NUL
)

// LinkUp says whether the port can carry packets: it is not administratively
// down and has a carrier.
func (p *Port) LinkUp() bool { return p.Config&PortDown == 0 && p.State&StateLinkDown == 0 }

// AppendBinary appends the description as it stands in messages. It fails if
// the name is too long.
func (p *Port) AppendBinary(b []byte) ([]byte, error) {
	if len(p.Name) > portNameLen {
		return b, fmt.Errorf("port %v: name %q: %w", p.No, p.Name, ErrBadLength)
	}
	b = be.AppendUint32(b, uint32(p.No))
	b = appendZeros(b, 4)
	b = append(b, p.HWAddr[:]...)
	b = appendZeros(b, 2)
	b = appendName(b, p.Name, portNameLen)
	for _, v := range [...]uint32{p.Config, p.State, p.Curr, p.Advertised,
		p.Supported, p.Peer, p.CurrSpeed, p.MaxSpeed} {
		b = be.AppendUint32(b, v)
	}
	return b, nil
}

// appendName appends s and NULs up to n bytes.
func appendName(b []byte, s string, n int) []byte {
	b = append(b, s...)
	for i := len(s); i < n; i++ {
		b = append(b, 0)
	}
	return b
}

func (p *Port) decode(r *reader) {
	p.No = PortNo(r.u32("port_no"))
	r.skip(4, "padding")
	p.HWAddr = r.mac("hw_addr")
	r.skip(2, "padding")
	p.Name = r.name(portNameLen, "name")
	p.Config = r.u32("config")
	p.State = r.u32("state")
	p.Curr = r.u32("curr")
	p.Advertised = r.u32("advertised")
	p.Supported = r.u32("supported")
	p.Peer = r.u32("peer")
	p.CurrSpeed = r.u32("curr_speed")
	p.MaxSpeed = r.u32("max_speed")
}

// PortStatus says that a port came, went or changed (OpenFlow 1.3.5, 7.4.3).
type PortStatus struct {
	Header
	Reason PortReason
	Port   Port
}

// PortReason is what happened to a port (OpenFlow 1.3.5, 7.4.3,
// ofp_port_reason).
type PortReason uint8

// Reasons of a PortStatus.
const (
	PortAdded    PortReason = 0
	PortDeleted  PortReason = 1
	PortModified PortReason = 2
)

// String returns the reason as ovs-ofctl shows it.
func (r PortReason) String() string {
	switch r {
	case PortAdded:
		return "ADD"
	case PortDeleted:
		return "DEL"
	case PortModified:
		return "MOD"
	}
	return fmt.Sprintf("reason_%d", uint8(r))
}

// Type returns TypePortStatus.
func (m *PortStatus) Type() MessageType { return TypePortStatus }

// AppendBinary appends the whole message.
func (m *PortStatus) AppendBinary(b []byte) ([]byte, error) {
	b, at := begin(b, TypePortStatus, m.ID)
	b, err := m.Port.AppendBinary(appendZeros(append(b, byte(m.Reason)), 7))
	if err != nil {
		return b[:at], fmt.Errorf("port_status: %w", err)
	}
	return end(b, at)
}

func (m *PortStatus) decode(r *reader) {
	m.Reason = PortReason(r.u8("reason"))
	r.skip(7, "padding")
	m.Port.decode(r)
	r.finish()
}

// PortMod changes a port's configuration (OpenFlow 1.3.5, 7.3.4.5).
type PortMod struct {
	Header
	No        PortNo
	HWAddr    MAC    // must be the port's
	Config    uint32 // new values of the bits that are 1 in Mask
	Mask      uint32
	Advertise uint32 // features to advertise; 0 leaves them
}

// Type returns TypePortMod.
func (m *PortMod) Type() MessageType { return TypePortMod }

// AppendBinary appends the whole message.
func (m *PortMod) AppendBinary(b []byte) ([]byte, error) {
	b, at := begin(b, TypePortMod, m.ID)
	b = be.AppendUint32(b, uint32(m.No))
	b = append(appendZeros(b, 4), m.HWAddr[:]...)
	b = appendZeros(b, 2)
	b = be.AppendUint32(b, m.Config)
	b = be.AppendUint32(b, m.Mask)
	b = be.AppendUint32(b, m.Advertise)
	return end(appendZeros(b, 4), at)
}

func (m *PortMod) decode(r *reader) {
	m.No = PortNo(r.u32("port_no"))
	r.skip(4, "padding")
	m.HWAddr = r.mac("hw_addr")
	r.skip(2, "padding")
	m.Config = r.u32("config")
	m.Mask = r.u32("mask")
	m.Advertise = r.u32("advertise")
	r.skip(4, "padding")
	r.finish()
}
