package answer

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/sdnctl/sdnctl/topology"
)

// frame is what a port sent: an Ethernet frame with an IP packet.
type frame struct {
	src      topology.MAC
	from, to netip.Addr
	// proto is what the packet has. The ports and the payload are of UDP; in ICMPv6 the
	// payload is the whole message. Of TCP nothing is read.
	proto            layers.IPProtocol
	srcPort, dstPort uint16
	payload          []byte
}

// read reads a frame with UDP, ICMPv6 or TCP. The frame's payload aliases data.
func read(data []byte) (f frame, err error) {
	var (
		eth  layers.Ethernet
		tag  layers.Dot1Q
		ip4  layers.IPv4
		ip6  layers.IPv6
		ext  layers.IPv6ExtensionSkipper
		udp  layers.UDP
		tcp  layers.TCP
		icmp layers.ICMPv6
		rest gopacket.Payload
		seen []gopacket.LayerType
	)
	p := gopacket.NewDecodingLayerParser(layers.LayerTypeEthernet, &eth, &tag, &ip4, &ip6, &ext, &udp, &tcp, &icmp, &rest)
	p.IgnoreUnsupported = true
	p.IgnorePanic = false
	if err := p.DecodeLayers(data, &seen); err != nil {
		return f, err
	}
	copy(f.src[:], eth.SrcMAC)
	for _, l := range seen {
		switch l {
		case layers.LayerTypeIPv4:
			if ip4.FragOffset != 0 || ip4.Flags&layers.IPv4MoreFragments != 0 {
				return f, fmt.Errorf("it is a fragment")
			}
			f.from, _ = netip.AddrFromSlice(ip4.SrcIP)
			f.to, _ = netip.AddrFromSlice(ip4.DstIP)
		case layers.LayerTypeIPv6:
			f.from, _ = netip.AddrFromSlice(ip6.SrcIP)
			f.to, _ = netip.AddrFromSlice(ip6.DstIP)
		case layers.LayerTypeUDP:
			f.proto, f.srcPort, f.dstPort, f.payload = protoUDP, uint16(udp.SrcPort), uint16(udp.DstPort), udp.Payload
			return f, nil
		case layers.LayerTypeTCP:
			f.proto = layers.IPProtocolTCP
			return f, nil
		case layers.LayerTypeICMPv6:
			f.proto = layers.IPProtocolICMPv6
			f.payload = append(udp.Contents[:0:0], icmp.Contents...)
			f.payload = append(f.payload, icmp.Payload...)
			return f, nil
		}
	}
	return f, fmt.Errorf("it is neither UDP, TCP nor ICMPv6")
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
	b := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, eth, ip, l, gopacket.Payload(payload))
	return b.Bytes(), err
}
