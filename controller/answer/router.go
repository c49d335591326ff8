package answer

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/reject"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// Expired answers packets whose TTL or hop limit does not reach beyond the router (RFC 1812,
// 5.3.1): a port from its gateway, and a machine outside from the address that it sent to, as no other
// of the router's is known there.
func Expired(v *pipeline.View, p packetin.Port, m *openflow.PacketIn) packetin.Reply {
	const what = "the TTL ends on the way to "
	if pipeline.Sent(m) {
		return routerError(v, p, m, reject.Expired, what)
	}
	_, to, err := ends(m.Data)
	if err != nil {
		return packetin.Reply{What: "cannot be read: " + err.Error()}
	}
	n, ok := v.Topo.NetworkByVNI(topology.VNI(metadataOf(m)))
	if !ok {
		return packetin.Reply{What: "its network is gone"}
	}
	port, frame, ok := fromOutside(v, p, m, n, to)
	if !ok {
		return packetin.Reply{What: what + to.String() + ", which no port has"}
	}
	r := packetin.Reply{Port: port.Name, What: what + to.String()}
	answer, ok := reject.Answer(frame, reject.Expired, netip.Addr{})
	if !ok {
		r.What += "; it is not one to be answered"
		return r
	}
	r.Out = openflow.NewPacketOut(answer, answerTo(v, m, n, to))
	return r
}

// NoRoute answers packets to what is in none of the router's networks, where the router has no
// egress.
func NoRoute(v *pipeline.View, p packetin.Port, m *openflow.PacketIn) packetin.Reply {
	return routerError(v, p, m, reject.NoRoute, "no route leads to ")
}

// NoNeighbour answers packets to an address of one of the router's networks that no port has.
func NoNeighbour(v *pipeline.View, p packetin.Port, m *openflow.PacketIn) packetin.Reply {
	return routerError(v, p, m, reject.NoHost, "no port has the address ")
}

// routerError answers what a router cannot forward with an ICMP error from the gateway of
// the port that sent it. What is for a gateway itself, and is no ping, gets the answer of
// a host on which nothing listens.
func routerError(v *pipeline.View, p packetin.Port, m *openflow.PacketIn, why reject.Reason, what string) packetin.Reply {
	src, to, err := ends(m.Data)
	if err != nil {
		return packetin.Reply{What: "cannot be read: " + err.Error()}
	}
	network, port, ok := portAt(v, p, src)
	if !ok {
		return packetin.Reply{What: "no port has the MAC " + src.String() + " there"}
	}
	l := v.LinkOf(port, p.Node, model.FamilyOf(to))
	if !l.Gateway.IsValid() {
		return packetin.Reply{Port: port.Name, What: "the port has no gateway of that family"}
	}
	from := l.Gateway
	if isGateway(v, network, p.Node, to) {
		why, what, from = reject.NoPort, "nothing but ping is answered by the gateway ", to
	}
	what += to.String()
	data := slices.Clone(m.Data)
	copy(data, l.MAC[:]) // it may be addressed to a next hop already
	frame, ok := reject.Answer(data, why, from)
	if !ok {
		return packetin.Reply{Port: port.Name, What: what + "; it is not one to be answered"}
	}
	return packetin.Reply{Out: openflow.NewPacketOut(frame, openflow.Actions(nil).Output(p.No)), Port: port.Name, What: what}
}

// ends returns the Ethernet address from which a frame was sent, and the IP address to
// which it was sent.
func ends(data []byte) (src topology.MAC, to netip.Addr, err error) {
	p := gopacket.NewPacket(data, layers.LayerTypeEthernet, gopacket.DecodeOptions{NoCopy: true})
	eth, ok := p.LinkLayer().(*layers.Ethernet)
	if !ok {
		return src, to, fmt.Errorf("it is no Ethernet frame")
	}
	copy(src[:], eth.SrcMAC)
	switch ip := p.NetworkLayer().(type) {
	case *layers.IPv4:
		to, _ = netip.AddrFromSlice(ip.DstIP)
	case *layers.IPv6:
		to, _ = netip.AddrFromSlice(ip.DstIP)
	}
	if !to.IsValid() {
		return src, to, fmt.Errorf("it is no IP packet")
	}
	return src, to, nil
}

// portAt returns the port of a switch's port that has a MAC, and its network.
func portAt(v *pipeline.View, p packetin.Port, mac topology.MAC) (*topology.Network, *topology.Port, bool) {
	for name := range v.NetworksOn(p.Node) {
		port, ok := v.Topo.PortByMAC(name, mac)
		if !ok {
			continue
		}
		if at := v.Place(port.Name); at.Node == p.Node && at.OFPort == p.No {
			n, ok := v.Topo.Network(name)
			return n, port, ok
		}
	}
	return nil, nil, false
}

// isGateway reports whether an address is one of a router's that joins a network, as a
// node knows it.
func isGateway(v *pipeline.View, n *topology.Network, node string, a netip.Addr) bool {
	joined := []string{n.Name}
	if r, ok := v.Topo.RouterOf(n.Name); ok {
		joined = r.Spec.Networks
	}
	for _, name := range joined {
		n, ok := v.Topo.Network(name)
		if !ok {
			continue
		}
		if n.Spec.Mode == topology.Segmented {
			if b, ok := v.Topo.Block(name, node); ok {
				r, has := b.Of(model.FamilyOf(a))
				if has && (r.Gateway == a || a == model.LinkLocal(b.GatewayMAC)) {
					return true
				}
			}
			continue
		}
		if n.Spec.Has(topology.IPv6) && a == model.LinkLocal(n.GatewayMAC) {
			return true
		}
		for _, s := range n.Spec.Subnets {
			if s.Gateway.Addr == a {
				return true
			}
		}
	}
	return false
}
