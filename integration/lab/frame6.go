package lab

import (
	"encoding/binary"
	"net"
	"net/netip"
)

// ICMPv6 is an ICMPv6 message (RFC 4443) in an IPv6 packet without extension headers.
type ICMPv6 struct {
	EtherSrc, EtherDest net.HardwareAddr
	From, To            netip.Addr
	HopLimit            uint8
	// Type and Body are those of the message; the body comes after the checksum.
	Type uint8
	Body []byte
}

// The types of messages that tests send.
const (
	Echo6Request           = 128
	routerAdvertisement    = 134
	neighbourSolicitation  = 135
	neighbourAdvertisement = 136
	redirect               = 137
)

// Frame encodes the packet with the right checksum.
func (m ICMPv6) Frame() []byte {
	icmp := append([]byte{m.Type, 0, 0, 0}, m.Body...)
	ends := append(m.From.AsSlice(), m.To.AsSlice()...)
	pseudo := binary.BigEndian.AppendUint32(ends, uint32(len(icmp))) // RFC 8200, 8.1
	sum := Checksum(append(append(pseudo, 0, 0, 0, protoICMPv6), icmp...))
	binary.BigEndian.PutUint16(icmp[2:], sum)
	ip := binary.BigEndian.AppendUint16([]byte{0x60, 0, 0, 0}, uint16(len(icmp)))
	ip = append(append(append(ip, protoICMPv6, m.HopLimit), m.From.AsSlice()...), m.To.AsSlice()...)
	return append(append(ethernet(m.EtherDest, m.EtherSrc, etherIPv6), ip...), icmp...)
}

const protoICMPv6 = 58

// ICMPv6 returns the ICMPv6 message in the frame, if there is one.
func (f Frame) ICMPv6() (ICMPv6, bool) {
	if f.EtherType() != etherIPv6 || len(f.Data) < 58 || f.Data[20] != protoICMPv6 {
		return ICMPv6{}, false
	}
	return ICMPv6{
		EtherDest: f.Data[0:6], EtherSrc: f.Data[6:12],
		From: netip.AddrFrom16([16]byte(f.Data[22:38])), To: netip.AddrFrom16([16]byte(f.Data[38:54])),
		HopLimit: f.Data[21], Type: f.Data[54], Body: f.Data[58:],
	}, true
}

// Echo makes an echo request of the message.
func (m ICMPv6) Echo(id uint16) ICMPv6 {
	m.Type, m.HopLimit = Echo6Request, 64
	m.Body = append(binary.BigEndian.AppendUint16(nil, id), 0, 1, 's', 'd', 'n', 'l')
	return m
}

// EchoID returns the id of an echo request.
func (m ICMPv6) EchoID() (uint16, bool) {
	if m.Type != Echo6Request || len(m.Body) < 2 {
		return 0, false
	}
	return binary.BigEndian.Uint16(m.Body), true
}

// NeighbourDiscovery returns the message as each of those of RFC 4861, section 4, that
// say who has an address: that the target is at a MAC, that the sender is the router,
// and that the way to the target is by the sender.
func (m ICMPv6) NeighbourDiscovery(target netip.Addr, mac net.HardwareAddr) []ICMPv6 {
	m.HopLimit = 255
	message := func(kind uint8, parts ...[]byte) ICMPv6 {
		m.Type, m.Body = kind, nil
		for _, p := range parts {
			m.Body = append(m.Body, p...)
		}
		return m
	}
	at, link := target.AsSlice(), func(option byte) []byte { return append([]byte{option, 1}, mac...) }
	return []ICMPv6{
		message(neighbourSolicitation, make([]byte, 4), at, link(1)),
		message(neighbourAdvertisement, []byte{0x20, 0, 0, 0}, at, link(2)),
		message(routerAdvertisement, []byte{64, 0, 7, 8}, make([]byte, 8), link(1)),
		message(redirect, make([]byte, 4), m.From.AsSlice(), at, link(2)),
	}
}
