package answer

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/sdnctl/sdnctl/topology"
)

// frame is what a port sent: an Ethernet frame with an IP packet.
type frame struct {
	src      topology.MAC
	from, to netip.Addr
	// proto is what the packet has. The ports and the payload are of UDP; in ICMPv6 the
	// payload is the whole message, as it is of IGMP. Of TCP nothing is read.
	proto            layers.IPProtocol
	srcPort, dstPort uint16
	payload          []byte
	// hops is its TTL or hop limit.
	hops uint8
}

// read reads a frame with UDP, ICMPv6, IGMP or TCP. The frame's payload aliases data. It reads the
// layers one by one, which takes no memory; the library's parsers take some for each packet.
func read(data []byte) (f frame, err error) {
	var (
		eth layers.Ethernet
		tag layers.Dot1Q
		ip4 layers.IPv4
		ip6 layers.IPv6
		ext layers.IPv6ExtensionSkipper
		no  = gopacket.NilDecodeFeedback
	)
	for next := layers.LayerTypeEthernet; ; {
		switch next {
		case layers.LayerTypeEthernet:
			if err := eth.DecodeFromBytes(data, no); err != nil {
				return f, err
			}
			copy(f.src[:], eth.SrcMAC)
			next, data = eth.NextLayerType(), eth.Payload
		case layers.LayerTypeDot1Q:
			if err := tag.DecodeFromBytes(data, no); err != nil {
				return f, err
			}
			next, data = tag.NextLayerType(), tag.Payload
		case layers.LayerTypeIPv4:
			if err := ip4.DecodeFromBytes(data, no); err != nil {
				return f, err
			}
			if ip4.FragOffset != 0 || ip4.Flags&layers.IPv4MoreFragments != 0 {
				return f, errors.New("it is a fragment")
			}
			f.from, _ = netip.AddrFromSlice(ip4.SrcIP)
			f.to, _ = netip.AddrFromSlice(ip4.DstIP)
			f.hops = ip4.TTL
			next, data = ip4.NextLayerType(), ip4.Payload
		case layers.LayerTypeIPv6:
			if err := ip6.DecodeFromBytes(data, no); err != nil {
				return f, err
			}
			f.from, _ = netip.AddrFromSlice(ip6.SrcIP)
			f.to, _ = netip.AddrFromSlice(ip6.DstIP)
			f.hops = ip6.HopLimit
			next, data = ip6.NextLayerType(), ip6.Payload
		case layers.LayerTypeIPv6HopByHop, layers.LayerTypeIPv6Routing, layers.LayerTypeIPv6Fragment, layers.LayerTypeIPv6Destination:
			if err := ext.DecodeFromBytes(data, no); err != nil {
				return f, err
			}
			next, data = ext.NextLayerType(), ext.Payload
		default:
			return f, f.readTransport(next, data)
		}
	}
}

// readTransport reads what an IP packet has.
func (f *frame) readTransport(kind gopacket.LayerType, data []byte) error {
	switch kind {
	case layers.LayerTypeUDP:
		var udp layers.UDP
		if err := udp.DecodeFromBytes(data, gopacket.NilDecodeFeedback); err != nil {
			return err
		}
		f.proto, f.srcPort, f.dstPort, f.payload = protoUDP, uint16(udp.SrcPort), uint16(udp.DstPort), udp.Payload
	case layers.LayerTypeTCP:
		var tcp layers.TCP
		if err := tcp.DecodeFromBytes(data, gopacket.NilDecodeFeedback); err != nil {
			return err
		}
		f.proto = layers.IPProtocolTCP
	case layers.LayerTypeICMPv6:
		var icmp layers.ICMPv6
		if err := icmp.DecodeFromBytes(data, gopacket.NilDecodeFeedback); err != nil {
			return err
		}
		f.proto = layers.IPProtocolICMPv6
		f.payload = slices.Concat(icmp.Contents, icmp.Payload)
	case layers.LayerTypeIGMP:
		f.proto, f.payload = layers.IPProtocolIGMP, data
	default:
		return errors.New("it is neither UDP, TCP, ICMPv6 nor IGMP")
	}
	return nil
}

// Hop limits of what sdnd sends: that of neighbour discovery shows that no router passed
// it on (RFC 4861, 6.1.2).
const (
	ttl      = 64
	maxTTL   = 255
	protoUDP = layers.IPProtocolUDP
)

// envelope says from whom an answer is and to whom it goes.
type envelope struct {
	srcMAC, dstMAC   topology.MAC
	src, dst         netip.Addr
	srcPort, dstPort uint16
}

// udp returns a frame that carries a payload by UDP.
func (e envelope) udp(payload []byte) ([]byte, error) {
	udp := &layers.UDP{SrcPort: layers.UDPPort(e.srcPort), DstPort: layers.UDPPort(e.dstPort)}
	return e.frame(protoUDP, ttl, udp, udp, payload)
}

// icmpv6 returns a frame that carries a message of ICMPv6, given without its checksum.
func (e envelope) icmpv6(message []byte) ([]byte, error) {
	if len(message) < 4 {
		return nil, fmt.Errorf("a message of ICMPv6 has %d bytes", len(message))
	}
	icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(message[0], message[1])}
	return e.frame(layers.IPProtocolICMPv6, maxTTL, icmp, icmp, message[4:])
}

// maxHeaders is how many bytes are at most in front of a payload: Ethernet, IPv6 and UDP.
const maxHeaders = 14 + 40 + 8

// checksummed is a layer whose checksum covers addresses.
type checksummed interface {
	SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
}

func (e envelope) frame(proto layers.IPProtocol, hops uint8, l gopacket.SerializableLayer, sum checksummed, payload []byte) ([]byte, error) {
	eth := &layers.Ethernet{SrcMAC: e.srcMAC[:], DstMAC: e.dstMAC[:], EthernetType: layers.EthernetTypeIPv4}
	var ip gopacket.SerializableLayer
	var network gopacket.NetworkLayer
	if e.src.Is4() {
		h := &layers.IPv4{Version: 4, IHL: 5, TTL: hops, Protocol: proto, SrcIP: net.IP(e.src.AsSlice()), DstIP: net.IP(e.dst.AsSlice())}
		ip, network = h, h
	} else {
		eth.EthernetType = layers.EthernetTypeIPv6
		h := &layers.IPv6{Version: 6, HopLimit: hops, NextHeader: proto, SrcIP: net.IP(e.src.AsSlice()), DstIP: net.IP(e.dst.AsSlice())}
		ip, network = h, h
	}
	if err := sum.SetNetworkLayerForChecksum(network); err != nil {
		return nil, err
	}
	b := gopacket.NewSerializeBufferExpectedSize(maxHeaders+len(payload), 0)
	err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, eth, ip, l, gopacket.Payload(payload))
	return b.Bytes(), err
}
