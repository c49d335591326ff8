package answer

import (
	"encoding/binary"
	"net/netip"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
)

// Stale handles a UDP packet whose backend no longer serves the service. It deletes the
// connection tracker's entry, and sends the packet through the flow tables again, so that it
// begins a new connection.
func Stale(_ *pipeline.View, p packetin.Port, m *openflow.PacketIn) packetin.Reply {
	from, to, ok := connectionEnds(m.Data, layers.LayerTypeUDP)
	zone := pipeline.ServiceZone(m)
	if !ok || p.No == 0 || zone == 0 {
		return packetin.Reply{What: "for a backend that no longer serves the service; it cannot be read"}
	}
	again := openflow.NewPacketOut(m.Data, pipeline.Again())
	again.InPort = p.No
	return packetin.Reply{
		Flush: &openflow.CTFlush{Zone: zone, Protocol: uint8(layers.IPProtocolUDP), Source: from, Destination: to},
		Out:   again,
		What:  "for a backend that no longer serves the service: sent to another one",
	}
}

// connectionEnds returns the source and the destination of a packet of a protocol, which may be the
// first fragment of one.
func connectionEnds(frame []byte, protocol gopacket.LayerType) (from, to netip.AddrPort, ok bool) {
	p := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.DecodeOptions{NoCopy: true})
	var src, dst, ports []byte
	switch ip := p.NetworkLayer().(type) {
	case *layers.IPv4:
		src, dst, ports = ip.SrcIP, ip.DstIP, ip.Payload
	case *layers.IPv6:
		src, dst = ip.SrcIP, ip.DstIP
		if l := p.Layer(protocol); l != nil {
			ports = l.LayerContents()
		}
	}
	a, okA := netip.AddrFromSlice(src)
	b, okB := netip.AddrFromSlice(dst)
	if !okA || !okB || len(ports) < 4 {
		return from, to, false
	}
	return netip.AddrPortFrom(a, binary.BigEndian.Uint16(ports)), netip.AddrPortFrom(b, binary.BigEndian.Uint16(ports[2:])), true
}
