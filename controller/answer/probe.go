package answer

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/sdnctl/sdnctl/controller/pipeline"
)

// pingFrame returns the frame of a ping with an identifier and a number.
func pingFrame(p pipeline.Probe, id, number uint16) ([]byte, error) {
	e := envelopeOf(p)
	if p.Gateway.Is4() {
		icmp := &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeEchoRequest, 0), Id: id, Seq: number}
		return e.frame(layers.IPProtocolICMPv4, ttl, icmp, unsummed{}, nil)
	}
	message := binary.BigEndian.AppendUint16([]byte{layers.ICMPv6TypeEchoRequest, 0, 0, 0}, id)
	return e.icmpv6(binary.BigEndian.AppendUint16(message, number))
}

// segmentFrame returns the frame of a segment from a port of the gateway to the port that is
// probed.
func segmentFrame(p pipeline.Probe, port uint16, s segment) ([]byte, error) {
	return envelopeOf(p).tcp(s.layer(port, p.TCP), s.payload)
}

func (e envelope) tcp(header *layers.TCP, payload []byte) ([]byte, error) {
	return e.frame(layers.IPProtocolTCP, ttl, header, header, payload)
}

func envelopeOf(p pipeline.Probe) envelope {
	return envelope{srcMAC: p.GatewayMAC, dstMAC: p.BackendMAC, src: p.Gateway, dst: p.Backend}
}

// backTo returns the addresses of an answer to a packet, without ports.
func backTo(p gopacket.Packet) (e envelope) {
	if eth, ok := p.LinkLayer().(*layers.Ethernet); ok {
		copy(e.srcMAC[:], eth.DstMAC)
		copy(e.dstMAC[:], eth.SrcMAC)
	}
	if n := p.NetworkLayer(); n != nil {
		src, dst := n.NetworkFlow().Endpoints()
		e.dst, _ = netip.AddrFromSlice(net.IP(src.Raw()))
		e.src, _ = netip.AddrFromSlice(net.IP(dst.Raw()))
	}
	return e
}

// unsummed is a layer whose checksum covers no addresses: ICMP of IPv4.
type unsummed struct{}

// SetNetworkLayerForChecksum does nothing.
func (unsummed) SetNetworkLayerForChecksum(gopacket.NetworkLayer) error { return nil }

// probeAnswer is what a backend answered to a probe.
type probeAnswer struct {
	// back leads to the backend.
	back envelope
	// tcp is the backend's port, 0 for a ping; port is that of the probe, or its identifier.
	tcp, port uint16
	// segment is of TCP, and number that of the ping.
	segment segment
	number  uint16
}

// readProbeAnswer reads a frame with TCP or with an answer to a ping.
func readProbeAnswer(data []byte) (a probeAnswer, err error) {
	p := gopacket.NewPacket(data, layers.LayerTypeEthernet, gopacket.DecodeOptions{NoCopy: true})
	a.back = backTo(p)
	if tcp, ok := p.Layer(layers.LayerTypeTCP).(*layers.TCP); ok {
		a.tcp, a.port, a.segment = uint16(tcp.SrcPort), uint16(tcp.DstPort), segmentOf(tcp)
		return a, nil
	}
	if icmp, ok := p.Layer(layers.LayerTypeICMPv4).(*layers.ICMPv4); ok && icmp.TypeCode.Type() == layers.ICMPv4TypeEchoReply {
		a.port, a.number = icmp.Id, icmp.Seq
		return a, nil
	}
	if echo, ok := p.Layer(layers.LayerTypeICMPv6Echo).(*layers.ICMPv6Echo); ok {
		a.port, a.number = echo.Identifier, echo.SeqNumber
		return a, nil
	}
	return a, fmt.Errorf("it is neither TCP nor an answer to a ping")
}

// unknown returns the frame that resets a connection of which nothing is known (any more), so
// that the backend's server need not wait for its end (RFC 9293, 3.10.7.1); nil if what came
// gets no reset.
func (a probeAnswer) unknown() ([]byte, error) {
	if s := a.segment; a.tcp == 0 || s.rst || !s.acks {
		return nil, nil
	}
	return a.back.tcp(segment{seq: a.segment.ack, rst: true}.layer(a.port, a.tcp), nil)
}
