package openflow

// Types of Nicira's messages by which packet-ins bring more than those of OpenFlow 1.3
// (OVS, NXT_SET_PACKET_IN_FORMAT and NXT_PACKET_IN2).
const (
	NiciraSetPacketInFormat = 16
	NiciraPacketIn2         = 30
)

// Formats of packet-ins (OVS, enum ofputil_packet_in_format).
const (
	PacketInStandard uint32 = 0 // PacketIn
	PacketInNicira2  uint32 = 2 // PacketIn2
)

// SetPacketInFormat chooses the message by which the switch sends packet-ins on this
// connection. It has no reply.
type SetPacketInFormat struct {
	Header
	Format uint32
}

// Type returns TypeExperimenter.
func (m *SetPacketInFormat) Type() MessageType { return TypeExperimenter }

// AppendBinary appends the whole message.
func (m *SetPacketInFormat) AppendBinary(b []byte) ([]byte, error) {
	b, at := beginExperimenter(b, m.ID, ExperimenterNicira, NiciraSetPacketInFormat)
	return end(be.AppendUint32(b, m.Format), at)
}

func (m *SetPacketInFormat) decode(r *reader) {
	m.Format = r.u32("format")
	r.finish()
}

// PacketIn2 is a PacketIn that also has the flow's Userdata (OVS, NXT_PACKET_IN2; Open
// vSwitch 2.6). It is a list of properties, each of which may be absent; properties that
// this package does not know are passed over.
type PacketIn2 struct{ PacketIn }

// Properties of a PacketIn2 (OVS, enum nx_packet_in2_prop_type).
const (
	propPacket   = 0
	propFullLen  = 1
	propBufferID = 2
	propTableID  = 3
	propCookie   = 4
	propReason   = 5
	propMetadata = 6
	propUserdata = 7
)

// Type returns TypeExperimenter.
func (m *PacketIn2) Type() MessageType { return TypeExperimenter }

// AppendBinary appends the whole message, without properties that are zero.
func (m *PacketIn2) AppendBinary(b []byte) ([]byte, error) {
	b, at := beginExperimenter(b, m.ID, ExperimenterNicira, NiciraPacketIn2)
	add := func(typ uint16, value []byte, is bool) {
		if is {
			b = appendProperty(b, typ, value)
		}
	}
	add(propPacket, m.Data, len(m.Data) > 0)
	add(propFullLen, be.AppendUint32(nil, uint32(m.TotalLen)), int(m.TotalLen) != len(m.Data))
	add(propBufferID, be.AppendUint32(nil, m.BufferID), m.BufferID != NoBuffer)
	add(propTableID, []byte{byte(m.Table)}, m.Table != 0)
	add(propCookie, be.AppendUint64(make([]byte, 4), uint64(m.Cookie)), m.Cookie != 0)
	add(propReason, []byte{byte(m.Reason)}, m.Reason != 0)
	add(propMetadata, m.Match, len(m.Match) > 0)
	add(propUserdata, m.Userdata, len(m.Userdata) > 0)
	return end(b, at)
}

// appendProperty appends a property: type, length, value and padding to a multiple of 8
// bytes (OpenFlow 1.4.1, 7.2.2).
func appendProperty(b []byte, typ uint16, value []byte) []byte {
	n := 4 + len(value)
	b = be.AppendUint16(be.AppendUint16(b, typ), uint16(n)) // end bounds it
	return appendZeros(append(b, value...), pad8(n)-n)
}

func (m *PacketIn2) decode(r *reader) {
	m.BufferID = NoBuffer
	whole := true // without propFullLen
	properties(r, func(typ uint16, p *reader) {
		switch typ {
		case propPacket:
			m.Data = p.rest()
		case propFullLen:
			m.TotalLen, whole = uint16(min(p.u32("full_len"), 0xffff)), false
		case propBufferID:
			m.BufferID = p.u32("buffer_id")
		case propTableID:
			m.Table = TableID(p.u8("table_id"))
		case propCookie:
			p.skip(4, "padding")
			m.Cookie = Cookie(p.u64("cookie"))
		case propReason:
			m.Reason = PacketInReason(p.u8("reason"))
		case propMetadata:
			if m.Match = Match(p.rest()); len(m.Match) == 0 {
				m.Match = nil
			}
			p.fail("metadata", m.Match.check())
		case propUserdata:
			m.Userdata = p.rest()
		}
	})
	if whole {
		m.TotalLen = uint16(min(len(m.Data), 0xffff))
	}
}

// properties reads a list of properties to the end: it calls read with the type and the
// value of each.
func properties(r *reader, read func(typ uint16, p *reader)) {
	for r.err == nil && len(r.b) > 0 {
		typ, n := r.u16("property"), int(r.u16("property length"))
		p := reader{b: r.take(n-4, "property"), err: r.err}
		r.skip(pad8(n)-n, "padding")
		read(typ, &p)
		r.fail("property", p.err)
	}
}
