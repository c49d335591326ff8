package answer

import (
	"net/netip"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology/model"
)

// NextHop asks by ARP for the MAC of a neighbour on an uplink, to which a packet could not be
// sent. The switch learns it from the answer. The packet is lost; who sent it sends it again.
func NextHop(_ *pipeline.View, _ packetin.Port, m *openflow.PacketIn) packetin.Reply {
	ask := pipeline.AskOf(m)
	p := gopacket.NewPacket(m.Data, layers.LayerTypeEthernet, gopacket.DecodeOptions{NoCopy: true})
	ip, ok := p.NetworkLayer().(*layers.IPv4)
	var from netip.Addr
	if ok {
		from, ok = netip.AddrFromSlice(ip.SrcIP.To4())
	}
	if !ok || ask.Port == 0 {
		return packetin.Reply{What: "for a neighbour on an uplink; it cannot be read"}
	}
	return packetin.Reply{
		Out:  openflow.NewPacketOut(pipeline.ARPRequest(model.OutsideMAC(from), from, ask.NextHop), openflow.Actions(nil).Output(ask.Port)),
		What: "for " + ask.NextHop.String() + " on an uplink: asked for its MAC",
	}
}
