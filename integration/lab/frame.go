package lab

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"
)

// EtherTypes that the lab decodes.
const (
	etherIPv4 = 0x0800
	etherARP  = 0x0806
	etherIPv6 = 0x86dd
	// etherMarker is the type of the sniffer's own frames, which have no source MAC. It is
	// IPv6's, so that a switch does not count them as packets that the port may not send.
	etherMarker = 0x86dd
)

// Types of ICMP messages (RFC 792).
const (
	icmpEchoReply = 0

	icmp6EchoRequest = 128
	icmp6EchoReply   = 129
	icmpEchoRequest  = 8
)

// Operations of ARP (RFC 826).
const (
	ARPRequest = 1
	ARPReply   = 2
)

// Frame is one Ethernet frame that a container sent or received.
type Frame struct {
	// Sent is true for a frame that the container sent itself.
	Sent bool
	// At is when the sniffer read it; zero of others.
	At time.Time
	// Data is the frame from its destination address on, without checksum.
	Data []byte
}

// EtherType is the frame's type field; 0 when the frame is too short for one.
func (f Frame) EtherType() uint16 {
	if len(f.Data) < 14 {
		return 0
	}
	return binary.BigEndian.Uint16(f.Data[12:])
}

// ARP is the content of an ARP packet for IPv4 over Ethernet (RFC 826).
type ARP struct {
	Op                  uint16
	SenderMAC           net.HardwareAddr
	SenderIP            netip.Addr
	TargetMAC           net.HardwareAddr
	TargetIP            netip.Addr
	EtherSrc, EtherDest net.HardwareAddr
}

// ARP returns the ARP packet in the frame, if there is one.
func (f Frame) ARP() (ARP, bool) {
	if f.EtherType() != etherARP || len(f.Data) < 42 {
		return ARP{}, false
	}
	b := f.Data[14:]
	return ARP{
		Op:        binary.BigEndian.Uint16(b[6:]),
		SenderMAC: b[8:14], SenderIP: netip.AddrFrom4([4]byte(b[14:18])),
		TargetMAC: b[18:24], TargetIP: netip.AddrFrom4([4]byte(b[24:28])),
		EtherDest: f.Data[0:6], EtherSrc: f.Data[6:12],
	}, true
}

// Frame encodes the packet; EtherSrc and EtherDest default to the sender's MAC
// and to broadcast.
func (a ARP) Frame() []byte {
	src, dst := a.EtherSrc, a.EtherDest
	if src == nil {
		src = a.SenderMAC
	}
	if dst == nil {
		dst = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	}
	target := a.TargetMAC
	if target == nil {
		target = make(net.HardwareAddr, 6)
	}
	b := ethernet(dst, src, etherARP)
	b = append(b, 0, 1, 8, 0, 6, 4) // Ethernet, IPv4, their lengths
	b = binary.BigEndian.AppendUint16(b, a.Op)
	b = append(append(b, a.SenderMAC...), a.SenderIP.AsSlice()...)
	return append(append(b, target...), a.TargetIP.AsSlice()...)
}

// Echo is an ICMP echo request (RFC 792) over IPv4.
type Echo struct {
	EtherSrc, EtherDest net.HardwareAddr
	From, To            netip.Addr
	TTL                 uint8
	ID                  uint16
}

// Frame encodes the packet with right checksums.
func (e Echo) Frame() []byte {
	icmp := icmpEcho(e.ID, 1)
	ip := []byte{0x45, 0, 0, byte(20 + len(icmp)), 0, 0, 0, 0, e.TTL, 1, 0, 0}
	ip = append(append(ip, e.From.AsSlice()...), e.To.AsSlice()...)
	binary.BigEndian.PutUint16(ip[10:], Checksum(ip))
	return append(append(ethernet(e.EtherDest, e.EtherSrc, etherIPv4), ip...), icmp...)
}

// icmpEcho encodes an echo request without IP and Ethernet headers.
func icmpEcho(id, seq uint16) []byte {
	b := []byte{icmpEchoRequest, 0, 0, 0, byte(id >> 8), byte(id), byte(seq >> 8), byte(seq), 's', 'd', 'n', 'l', 'a', 'b', 0, 0}
	binary.BigEndian.PutUint16(b[2:], Checksum(b))
	return b
}

// Echo returns the ICMP echo request in the frame, if there is one.
func (f Frame) Echo() (Echo, bool) { return f.echo(icmpEchoRequest) }

// EchoReply returns the ICMP echo reply in the frame, if there is one.
func (f Frame) EchoReply() (Echo, bool) { return f.echo(icmpEchoReply) }

func (f Frame) echo(icmpType byte) (Echo, bool) {
	if f.EtherType() != etherIPv4 || len(f.Data) < 42 || f.Data[14] != 0x45 || f.Data[23] != 1 || f.Data[34] != icmpType {
		return Echo{}, false
	}
	return Echo{
		EtherDest: f.Data[0:6], EtherSrc: f.Data[6:12],
		From: netip.AddrFrom4([4]byte(f.Data[26:30])), To: netip.AddrFrom4([4]byte(f.Data[30:34])),
		TTL: f.Data[22], ID: binary.BigEndian.Uint16(f.Data[38:]),
	}, true
}

// VXLAN returns the frame inside a VXLAN packet (RFC 7348, section 5) over IPv4
// and its VNI, if that is what the frame is.
func (f Frame) VXLAN() (vni uint32, inner Frame, ok bool) {
	const headers = 14 + 20 + 8 + 8
	if f.EtherType() != etherIPv4 || len(f.Data) < headers || f.Data[14] != 0x45 || f.Data[23] != 17 ||
		binary.BigEndian.Uint16(f.Data[36:]) != 4789 {
		return 0, Frame{}, false
	}
	vni = binary.BigEndian.Uint32(f.Data[46:]) >> 8
	return vni, Frame{Sent: f.Sent, Data: f.Data[headers:]}, true
}

// VXLANPacket encodes a VXLAN packet (RFC 7348, section 5), as the payload of a
// UDP datagram to port 4789.
func VXLANPacket(vni uint32, inner []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, 1<<27) // the VNI is valid
	return append(binary.BigEndian.AppendUint32(b, vni<<8), inner...)
}

// String describes the frame in a line, for test failures.
func (f Frame) String() string {
	if a, ok := f.ARP(); ok {
		return fmt.Sprintf("arp op %d %s %s > %s %s", a.Op, a.SenderMAC, a.SenderIP, a.TargetMAC, a.TargetIP)
	}
	if e, ok := f.Echo(); ok {
		return fmt.Sprintf("icmp echo id %d ttl %d %s %s > %s %s", e.ID, e.TTL, e.EtherSrc, e.From, e.EtherDest, e.To)
	}
	if vni, inner, ok := f.VXLAN(); ok {
		return fmt.Sprintf("vxlan %d (%v)", vni, inner)
	}
	return fmt.Sprintf("type %#04x, %d bytes: % x", f.EtherType(), len(f.Data), f.Data[:min(len(f.Data), 42)])
}

func ethernet(dst, src net.HardwareAddr, etherType uint16) []byte {
	b := make([]byte, 0, 64)
	b = append(append(b, dst...), src...)
	return binary.BigEndian.AppendUint16(b, etherType)
}

// Tag is a VLAN tag (IEEE 802.1Q, 9.6).
type Tag struct {
	TPID uint16 // 0x8100 for a customer's tag, 0x88a8 for a service provider's
	PCP  uint8  // priority, 0..7
	VID  uint16 // 0 in a priority tag, else 1..4094
}

// Tagged puts tags into an untagged frame, the outermost first.
func Tagged(frame []byte, tags ...Tag) []byte {
	b := slices.Clone(frame[:12])
	for _, t := range tags {
		b = binary.BigEndian.AppendUint16(b, t.TPID)
		b = binary.BigEndian.AppendUint16(b, uint16(t.PCP)<<13|t.VID)
	}
	return append(b, frame[12:]...)
}

// Checksum returns the Internet checksum (RFC 1071) of an even number of bytes.
func Checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
