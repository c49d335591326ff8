// Package reject answers packets that go no further: as their destination would, TCP with a
// reset and all else with an ICMP error, or as a router would, with an ICMP error. The sender
// learns at once what it would otherwise wait for.
package reject

import (
	"encoding/binary"
	"net/netip"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// ttl is the TTL, or hop limit, of answers (RFC 1700).
const ttl = 64

// Reason is why a packet goes no further.
type Reason uint8

const (
	// Prohibited says that an administrator prohibits it (RFC 1812, 5.2.7.1; RFC 4443, 3.1).
	Prohibited Reason = iota
	// NoPort says that nothing listens at the port (RFC 792; RFC 4443, 3.1).
	NoPort
	// NoRoute says that no route leads to the destination (RFC 1812, 5.2.7.1; RFC 4443, 3.1).
	NoRoute
	// NoHost says that no host has the destination address (the same).
	NoHost
	// Expired says that the TTL or hop limit is used up (RFC 1812, 5.2.7.3; RFC 4443, 3.3).
	Expired
)

// icmpError is a type and code of ICMP in each version. resets says that TCP is reset
// instead: the destination itself would do that.
type icmpError struct {
	ipv4   layers.ICMPv4TypeCode
	ipv6   layers.ICMPv6TypeCode
	resets bool
	// mtu is that of the next link, in bytes, if the packet is too large for it; else 0.
	mtu int
}

// icmp returns the error that tells of a reason.
func (r Reason) icmp() icmpError {
	unreachable := func(code4, code6 uint8, resets bool) icmpError {
		return icmpError{
			ipv4:   layers.CreateICMPv4TypeCode(layers.ICMPv4TypeDestinationUnreachable, code4),
			ipv6:   layers.CreateICMPv6TypeCode(layers.ICMPv6TypeDestinationUnreachable, code6),
			resets: resets,
		}
	}
	switch r {
	case NoPort:
		return unreachable(layers.ICMPv4CodePort, layers.ICMPv6CodePortUnreachable, true)
	case NoRoute:
		return unreachable(layers.ICMPv4CodeNet, layers.ICMPv6CodeNoRouteToDst, false)
	case NoHost:
		return unreachable(layers.ICMPv4CodeHost, layers.ICMPv6CodeAddressUnreachable, false)
	case Expired:
		return icmpError{
			ipv4: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeTimeExceeded, layers.ICMPv4CodeTTLExceeded),
			ipv6: layers.CreateICMPv6TypeCode(layers.ICMPv6TypeTimeExceeded, layers.ICMPv6CodeHopLimitExceeded),
		}
	}
	return unreachable(layers.ICMPv4CodeCommAdminProhibited, layers.ICMPv6CodeAdminProhibited, true)
}

// Answer returns the Ethernet frame that answers a rejected one, of which it may have the
// headers and a part of the rest only. It comes from the address of whoever answers: that to
// which the rejected one was sent, if from is the zero Addr, or a router's. ok is false for
// what must not be answered: resets, ICMP errors, fragments other than the first, and what is
// not between two unicast addresses (RFC 1122, 3.2.2; RFC 4443, 2.4; RFC 9293, 3.10.7).
func Answer(frame []byte, why Reason, from netip.Addr) (answer []byte, ok bool) {
	return answerWith(frame, why.icmp(), why == NoPort, from)
}

// AnswerTooLarge does what Answer does for a packet that is larger than the MTU of the next link, in
// bytes (RFC 1191, 4; RFC 4443, 3.2). ok is false, too, for packets of IPv4 that may be
// fragmented: who sends them gets no answer.
func AnswerTooLarge(frame []byte, mtu int, from netip.Addr) (answer []byte, ok bool) {
	p := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.DecodeOptions{NoCopy: true})
	if ip, is4 := p.NetworkLayer().(*layers.IPv4); is4 && ip.Flags&layers.IPv4DontFragment == 0 {
		return nil, false
	}
	return answerWith(frame, icmpError{
		ipv4: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeDestinationUnreachable, layers.ICMPv4CodeFragmentationNeeded),
		ipv6: layers.CreateICMPv6TypeCode(layers.ICMPv6TypePacketTooBig, 0),
		mtu:  mtu,
	}, false, from)
}

func answerWith(frame []byte, why icmpError, noPort bool, from netip.Addr) (answer []byte, ok bool) {
	p := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.DecodeOptions{NoCopy: true})
	eth, ok := p.LinkLayer().(*layers.Ethernet)
	if !ok {
		return nil, false
	}
	// A layer that could not be decoded is there without its content.
	back := &layers.Ethernet{SrcMAC: eth.DstMAC, DstMAC: eth.SrcMAC, EthernetType: eth.EthernetType}
	if isICMP := p.Layer(layers.LayerTypeICMPv4) != nil || p.Layer(layers.LayerTypeICMPv6) != nil; isICMP && noPort {
		return nil, false // it has no ports; a host discards types that it does not know (RFC 1122, 3.2.2)
	}
	var parts []gopacket.SerializableLayer
	switch ip := p.NetworkLayer().(type) {
	case *layers.IPv4:
		if len(ip.Contents) == 0 || ip.FragOffset != 0 || !unicast(ip.SrcIP) || !unicast(ip.DstIP) {
			return nil, false
		}
		parts = answerIPv4(p, ip, why, from)
	case *layers.IPv6:
		if fragment, ok := p.Layer(layers.LayerTypeIPv6Fragment).(*layers.IPv6Fragment); ok && fragment.FragmentOffset != 0 {
			return nil, false
		}
		if len(ip.Contents) == 0 || !unicast(ip.SrcIP) || !unicast(ip.DstIP) {
			return nil, false
		}
		parts = answerIPv6(p, ip, why, from)
	}
	if parts == nil {
		return nil, false
	}
	b := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, append([]gopacket.SerializableLayer{back}, parts...)...)
	return b.Bytes(), err == nil
}

// unicast reports whether an address is one host's.
func unicast(ip []byte) bool {
	a, ok := netip.AddrFromSlice(ip)
	return ok && (a.IsGlobalUnicast() || a.IsLinkLocalUnicast())
}

// answerIPv4 returns the headers and the payload of an answer by IPv4; nil is none.
func answerIPv4(p gopacket.Packet, ip *layers.IPv4, why icmpError, from netip.Addr) []gopacket.SerializableLayer {
	back := &layers.IPv4{Version: 4, TTL: ttl, Flags: layers.IPv4DontFragment, SrcIP: ip.DstIP, DstIP: ip.SrcIP}
	if from.IsValid() {
		back.SrcIP = from.AsSlice()
	}
	if ip.Protocol == layers.IPProtocolTCP && why.resets {
		reset := resetOf(p, int(ip.Length)-len(ip.Contents))
		if reset == nil || reset.SetNetworkLayerForChecksum(back) != nil {
			return nil
		}
		back.Protocol = layers.IPProtocolTCP
		return []gopacket.SerializableLayer{back, reset}
	}
	if icmp, ok := p.Layer(layers.LayerTypeICMPv4).(*layers.ICMPv4); ip.Protocol == layers.IPProtocolICMPv4 && (!ok || len(icmp.Contents) == 0 || isErrorIPv4(icmp.TypeCode.Type())) {
		return nil
	}
	back.Protocol = layers.IPProtocolICMPv4
	return []gopacket.SerializableLayer{back, &layers.ICMPv4{TypeCode: why.ipv4, Seq: uint16(why.mtu)}, quoted(ip.Contents, ip.Payload, quotedIPv4)}
}

// isErrorIPv4 reports whether a type of ICMP is an error, or a redirect (RFC 792).
func isErrorIPv4(typ uint8) bool {
	switch typ {
	case layers.ICMPv4TypeDestinationUnreachable, layers.ICMPv4TypeSourceQuench, layers.ICMPv4TypeRedirect, layers.ICMPv4TypeTimeExceeded, layers.ICMPv4TypeParameterProblem:
		return true
	}
	return false
}

// answerIPv6 returns the headers and the payload of an answer by IPv6; nil is none.
func answerIPv6(p gopacket.Packet, ip *layers.IPv6, why icmpError, from netip.Addr) []gopacket.SerializableLayer {
	back := &layers.IPv6{Version: 6, HopLimit: ttl, SrcIP: ip.DstIP, DstIP: ip.SrcIP}
	if from.IsValid() {
		back.SrcIP = from.AsSlice()
	}
	if p.Layer(layers.LayerTypeTCP) != nil && why.resets {
		reset := resetOf(p, int(ip.Length))
		if reset == nil || reset.SetNetworkLayerForChecksum(back) != nil {
			return nil
		}
		back.NextHeader = layers.IPProtocolTCP
		return []gopacket.SerializableLayer{back, reset}
	}
	// Of ICMPv6 the types below 128 are errors (RFC 4443, 2.1), and 137 is the redirect.
	if icmp, ok := p.Layer(layers.LayerTypeICMPv6).(*layers.ICMPv6); ok && (len(icmp.Contents) == 0 || icmp.TypeCode.Type() < 128 || icmp.TypeCode.Type() == layers.ICMPv6TypeRedirect) {
		return nil
	}
	icmp := &layers.ICMPv6{TypeCode: why.ipv6}
	if icmp.SetNetworkLayerForChecksum(back) != nil {
		return nil
	}
	back.NextHeader = layers.IPProtocolICMPv6
	return []gopacket.SerializableLayer{back, icmp, append(gopacket.Payload(binary.BigEndian.AppendUint32(nil, uint32(why.mtu))), quoted(ip.Contents, ip.Payload, quotedIPv6)...)}
}

// The most bytes that an error quotes of a packet, so that it reaches whoever sent that: an error by
// IPv4 has 576 bytes at most (RFC 1812, 4.3.2.3), one by IPv6 1280 (RFC 4443, 2.4).
const (
	quotedIPv4 = 576 - 20 - 8
	quotedIPv6 = 1280 - 40 - 8
)

// quoted is what an error quotes of a packet.
func quoted(header, rest []byte, most int) gopacket.Payload {
	all := append(append(gopacket.Payload{}, header...), rest...)
	return all[:min(len(all), most)]
}

// resetOf returns the reset that answers a segment, or nil (RFC 9293, 3.10.7.1). length is
// that of what follows the IP header.
func resetOf(p gopacket.Packet, length int) *layers.TCP {
	tcp, ok := p.Layer(layers.LayerTypeTCP).(*layers.TCP)
	if !ok || len(tcp.Contents) == 0 || tcp.RST {
		return nil
	}
	reset := &layers.TCP{SrcPort: tcp.DstPort, DstPort: tcp.SrcPort, RST: true}
	if tcp.ACK {
		reset.Seq = tcp.Ack
		return reset
	}
	for _, l := range p.Layers() {
		switch l.LayerType() {
		case layers.LayerTypeIPv6HopByHop, layers.LayerTypeIPv6Routing, layers.LayerTypeIPv6Destination, layers.LayerTypeIPv6Fragment, layers.LayerTypeTCP:
			length -= len(l.LayerContents())
		}
	}
	for _, counted := range []bool{tcp.SYN, tcp.FIN} {
		if counted {
			length++
		}
	}
	reset.ACK, reset.Ack = true, tcp.Seq+uint32(max(length, 0))
	return reset
}
