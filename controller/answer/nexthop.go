package answer

import (
	"net/netip"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// NextHop asks by ARP for the MAC of a neighbour on an uplink, to which a packet could not be
// sent. The switch learns it from the answer. The packet is lost; who sent it sends it again.
func NextHop(_ *pipeline.View, _ packetin.Port, m *openflow.PacketIn) packetin.Reply {
	ask := pipeline.AskOf(m)
	p := gopacket.NewPacket(m.Data, layers.LayerTypeEthernet, gopacket.DecodeOptions{NoCopy: true})
	ip, ok := p.NetworkLayer().(*layers.IPv4)
	if !ok || ask.Port == 0 {
		return packetin.Reply{What: "for a neighbour on an uplink; it cannot be read"}
	}
	from, _ := netip.AddrFromSlice(ip.SrcIP)
	frame, err := arpRequest(from, ask.NextHop)
	if err != nil {
		return packetin.Reply{What: "for a neighbour on an uplink: the question cannot be built: " + err.Error()}
	}
	return packetin.Reply{
		Out:  openflow.NewPacketOut(frame, openflow.Actions(nil).Output(ask.Port)),
		What: "for " + ask.NextHop.String() + " on an uplink: asked for its MAC",
	}
}

// arpRequest returns a frame that asks for the MAC of an address, from an address on an uplink of
// the type bridge. Everybody who gets it learns the MAC of that one.
func arpRequest(from, to netip.Addr) ([]byte, error) {
	src, dst := model.OutsideMAC(from), broadcast()
	a, b := from.As4(), to.As4()
	out := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(out, gopacket.SerializeOptions{},
		&layers.Ethernet{SrcMAC: src[:], DstMAC: dst[:], EthernetType: layers.EthernetTypeARP},
		&layers.ARP{
			AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4, Operation: layers.ARPRequest,
			SourceHwAddress: src[:], SourceProtAddress: a[:], DstHwAddress: make([]byte, len(topology.MAC{})), DstProtAddress: b[:],
		})
	return out.Bytes(), err
}
