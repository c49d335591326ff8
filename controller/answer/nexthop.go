package answer

import (
	"net/netip"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/mdlayher/ndp"

	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// NextHop asks by ARP, or by neighbour discovery, for the MAC of a neighbour on an uplink, to which a
// packet could not be sent. The switch learns it from the answer. The packet is lost; who sent it sends it
// again.
func NextHop(v *pipeline.View, p packetin.Port, m *openflow.PacketIn) packetin.Reply {
	ask := pipeline.AskOf(m)
	var from netip.Addr
	switch ip := gopacket.NewPacket(m.Data, layers.LayerTypeEthernet, gopacket.DecodeOptions{NoCopy: true}).NetworkLayer().(type) {
	case *layers.IPv4:
		from, _ = netip.AddrFromSlice(ip.SrcIP.To4())
	case *layers.IPv6:
		from, _ = netip.AddrFromSlice(ip.SrcIP)
	}
	if !from.IsValid() || ask.Port == 0 || from.Is4() != ask.NextHop.Is4() {
		return packetin.Reply{What: "for a neighbour on an uplink; it cannot be read"}
	}
	question, err := askFor(ask.NextHop, askerOn(v, p.Node, ask.Port, from))
	if err != nil {
		return packetin.Reply{What: "for " + ask.NextHop.String() + " on an uplink: " + err.Error()}
	}
	return packetin.Reply{
		Out:  openflow.NewPacketOut(question, openflow.Actions(nil).Output(ask.Port)),
		What: "for " + ask.NextHop.String() + " on an uplink: asked for its MAC",
	}
}

// askerOn returns the address from which a node asks on an uplink for the next hop of a packet: the packet's
// own, unless IPv6 is routed and that is a port's; then the node's there.
func askerOn(v *pipeline.View, node string, out openflow.PortNo, from netip.Addr) netip.Addr {
	n, ok := v.Topo.Node(node)
	if !ok {
		return from
	}
	for u := range v.Topo.Uplinks() {
		if v.UplinkPortOf(node, u) != out || u.Spec.Lends(from) {
			continue
		}
		if a, ok := n.Spec.UplinkAddressOf(u.Spec, model.FamilyOf(from)); ok {
			return a
		}
	}
	return from
}

// askFor returns the frame by which a node asks for the MAC of a neighbour on an uplink, from an address that
// it has there: an ARP request, or a neighbour solicitation to the group of those that may have the address
// (RFC 4861, 7.2.2).
func askFor(neighbour, from netip.Addr) ([]byte, error) {
	mac := model.OutsideMAC(from)
	if from.Is4() {
		return pipeline.ARPRequest(mac, from, neighbour), nil
	}
	message, err := ndp.MarshalMessage(&ndp.NeighborSolicitation{
		TargetAddress: neighbour, Options: []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Source, Addr: mac[:]}},
	})
	if err != nil {
		return nil, err
	}
	group, err := ndp.SolicitedNodeMulticast(neighbour)
	if err != nil {
		return nil, err
	}
	to := group.As16()
	return envelope{srcMAC: mac, dstMAC: topology.MAC{0x33, 0x33, to[12], to[13], to[14], to[15]}, src: from, dst: group}.icmpv6(message)
}
