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

// probeWindow is the window of a probe by TCP. No data comes, since it is reset.
const probeWindow = 1024

// probeFrame returns the frame of a probe: a SYN from a port (RFC 9293, 3.5), or a ping with
// the port as its identifier. number is the sequence number; a ping has its lowest 16 bits.
func probeFrame(p pipeline.Probe, port uint16, number uint32) ([]byte, error) {
	e := envelopeOf(p)
	switch {
	case p.TCP != 0:
		tcp := &layers.TCP{SrcPort: layers.TCPPort(port), DstPort: layers.TCPPort(p.TCP), Seq: number, SYN: true, Window: probeWindow}
		return e.frame(layers.IPProtocolTCP, ttl, tcp, tcp, nil)
	case p.Gateway.Is4():
		icmp := &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeEchoRequest, 0), Id: port, Seq: uint16(number)}
		return e.frame(layers.IPProtocolICMPv4, ttl, icmp, unsummed{}, nil)
	}
	message := binary.BigEndian.AppendUint16([]byte{layers.ICMPv6TypeEchoRequest, 0, 0, 0}, port)
	return e.icmpv6(binary.BigEndian.AppendUint16(message, uint16(number)))
}

// resetFrame returns the frame that ends what a SYN began: its number is the one that the
// backend expects next.
func resetFrame(p pipeline.Probe, port uint16, number uint32) ([]byte, error) {
	tcp := &layers.TCP{SrcPort: layers.TCPPort(port), DstPort: layers.TCPPort(p.TCP), Seq: number, RST: true}
	return envelopeOf(p).frame(layers.IPProtocolTCP, ttl, tcp, tcp, nil)
}

func envelopeOf(p pipeline.Probe) envelope {
	return envelope{srcMAC: p.GatewayMAC, dstMAC: p.BackendMAC, src: p.Gateway, dst: p.Backend}
}

// unsummed is a layer whose checksum covers no addresses: ICMP of IPv4.
type unsummed struct{}

// SetNetworkLayerForChecksum does nothing.
func (unsummed) SetNetworkLayerForChecksum(gopacket.NetworkLayer) error { return nil }

// probeAnswer is what a backend answered to a probe.
type probeAnswer struct {
	from, to netip.Addr
	// tcp is the backend's port, 0 for a ping; port is that of the probe, or its identifier.
	tcp, port uint16
	// number is the one that the backend expects next, or that of the ping.
	number uint32
	// accepted and refused are what a port of TCP says; a ping is accepted.
	accepted, refused bool
}

// readProbeAnswer reads a frame with TCP or with an answer to a ping.
func readProbeAnswer(data []byte) (a probeAnswer, err error) {
	p := gopacket.NewPacket(data, layers.LayerTypeEthernet, gopacket.DecodeOptions{NoCopy: true})
	if n := p.NetworkLayer(); n != nil {
		src, dst := n.NetworkFlow().Endpoints()
		a.from, _ = netip.AddrFromSlice(net.IP(src.Raw()))
		a.to, _ = netip.AddrFromSlice(net.IP(dst.Raw()))
	}
	if tcp, ok := p.Layer(layers.LayerTypeTCP).(*layers.TCP); ok {
		a.tcp, a.port, a.number = uint16(tcp.SrcPort), uint16(tcp.DstPort), tcp.Ack
		a.accepted, a.refused = tcp.SYN && tcp.ACK && !tcp.RST, tcp.RST && tcp.ACK
		return a, nil
	}
	if icmp, ok := p.Layer(layers.LayerTypeICMPv4).(*layers.ICMPv4); ok && icmp.TypeCode.Type() == layers.ICMPv4TypeEchoReply {
		a.port, a.number, a.accepted = icmp.Id, uint32(icmp.Seq), true
		return a, nil
	}
	if echo, ok := p.Layer(layers.LayerTypeICMPv6Echo).(*layers.ICMPv6Echo); ok {
		a.port, a.number, a.accepted = echo.Identifier, uint32(echo.SeqNumber), true
		return a, nil
	}
	return a, fmt.Errorf("it is neither TCP nor an answer to a ping")
}
