package openflow

import "net/netip"

// NiciraCTFlush is the type of Nicira's message that deletes entries of the connection
// tracker (OVS, NXT_CT_FLUSH; Open vSwitch 3.1).
const NiciraCTFlush = 32

// CTFlush deletes the entry of one connection from a zone of the switch's connection
// tracker. Open vSwitch finds the entry by its key: what that takes does not depend on how
// many entries there are. It has no reply, and no error if there is no such entry.
type CTFlush struct {
	Header
	Zone uint16
	// Protocol is the IP protocol: TCP or UDP.
	Protocol uint8
	// Source and Destination are those of the packet that began the connection, before any
	// translation. Both are of one family. An unspecified IPv6 address stands for any address, and
	// 0 for any port: then Open vSwitch looks at all entries of the zone.
	Source, Destination netip.AddrPort
}

// Properties of a CTFlush, and of the tuple in it (OVS, enum nx_ct_flush_tlv_type and enum
// nx_ct_flush_tuple_tlv_type).
const (
	ctFlushOriginal = 0
	ctFlushZone     = 2

	ctTupleSource          = 0
	ctTupleDestination     = 1
	ctTupleSourcePort      = 2
	ctTupleDestinationPort = 3
)

// Type returns TypeExperimenter.
func (m *CTFlush) Type() MessageType { return TypeExperimenter }

// AppendBinary appends the whole message.
func (m *CTFlush) AppendBinary(b []byte) ([]byte, error) {
	b, at := beginExperimenter(b, m.ID, ExperimenterNicira, NiciraCTFlush)
	b = append(b, m.Protocol, 0, 0, 0, 0, 0, 0, 0) // Open vSwitch ignores the family
	tuple := make([]byte, 4, 72)                   // a property with properties begins with padding
	source, destination := m.Source.Addr().As16(), m.Destination.Addr().As16()
	tuple = appendProperty(tuple, ctTupleSource, source[:])
	tuple = appendProperty(tuple, ctTupleDestination, destination[:])
	tuple = appendProperty(tuple, ctTupleSourcePort, be.AppendUint16(nil, m.Source.Port()))
	tuple = appendProperty(tuple, ctTupleDestinationPort, be.AppendUint16(nil, m.Destination.Port()))
	b = appendProperty(b, ctFlushOriginal, tuple)
	b = appendProperty(b, ctFlushZone, be.AppendUint16(nil, m.Zone))
	return end(b, at)
}

func (m *CTFlush) decode(r *reader) {
	m.Protocol = r.u8("ip_proto")
	r.skip(7, "padding")
	none := netip.AddrPortFrom(netip.IPv6Unspecified(), 0)
	m.Source, m.Destination = none, none
	properties(r, func(typ uint16, p *reader) {
		switch typ {
		case ctFlushOriginal:
			p.skip(4, "padding")
			m.decodeTuple(p)
		case ctFlushZone:
			m.Zone = p.u16("zone")
		}
	})
}

func (m *CTFlush) decodeTuple(r *reader) {
	ips := [2]netip.Addr{netip.IPv6Unspecified(), netip.IPv6Unspecified()}
	var ports [2]uint16
	properties(r, func(typ uint16, p *reader) {
		switch typ {
		case ctTupleSource, ctTupleDestination:
			ip, _ := netip.AddrFromSlice(p.take(16, "address"))
			ips[typ-ctTupleSource] = ip.Unmap()
		case ctTupleSourcePort, ctTupleDestinationPort:
			ports[typ-ctTupleSourcePort] = p.u16("port")
		}
	})
	m.Source, m.Destination = netip.AddrPortFrom(ips[0], ports[0]), netip.AddrPortFrom(ips[1], ports[1])
}
