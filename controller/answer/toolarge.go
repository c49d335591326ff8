package answer

import (
	"net/netip"
	"slices"

	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/reject"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TooLarge tells who sends packets that are larger than the MTU of the network that they are for: a
// machine outside as the port would, and a port of another network as its gateway.
func TooLarge(v *pipeline.View, p packetin.Port, m *openflow.PacketIn) packetin.Reply {
	src, to, err := ends(m.Data)
	if err != nil {
		return packetin.Reply{What: "cannot be read: " + err.Error()}
	}
	n, ok := v.Topo.NetworkByVNI(topology.VNI(metadataOf(m)))
	if !ok {
		return packetin.Reply{What: "its network is gone"}
	}
	if pipeline.Sent(m) {
		return sentTooLarge(v, p, m, n, src, to)
	}
	port, frame, ok := fromOutside(v, p, m, n, to)
	if !ok {
		return packetin.Reply{What: "too large, and no port has the address " + to.String()}
	}
	return tooLarge(port, n, frame, netip.Addr{}, answerTo(v, m, n, to))
}

// answerTo returns the actions by which an answer to outside leaves. If IPv6 is routed, the port may be on
// another node, and this one has no gateway of its network. About what is for a service it leaves as the
// service answers.
func answerTo(v *pipeline.View, m *openflow.PacketIn, n *topology.Network, to netip.Addr) openflow.Actions {
	if r, ok := v.Topo.RouterOf(n.Name); ok && to.Is6() && r.Spec.RoutesIPv6() && !pipeline.Entered(m) {
		return pipeline.AnswerFrom(r)
	}
	return pipeline.AnswerTo(m)
}

// fromOutside returns the port that has the address to which a machine outside has sent a packet, and
// the packet as the gateway of the port sends it, to which the port would answer. The answer passes the
// flow tables like a packet of the port (pipeline.AnswerTo), and is translated like one.
func fromOutside(v *pipeline.View, p packetin.Port, m *openflow.PacketIn, n *topology.Network, to netip.Addr) (*topology.Port, []byte, bool) {
	port, ok := v.Topo.PortByAddress(n.Name, to)
	if !ok {
		return nil, nil, false
	}
	gateway := v.LinkOf(port, p.Node, model.FamilyOf(to)).MAC
	frame := slices.Clone(m.Data)
	copy(frame[len(gateway):], gateway[:])
	return port, frame, true
}

// sentTooLarge answers what a port has sent to an address in a network.
func sentTooLarge(v *pipeline.View, p packetin.Port, m *openflow.PacketIn, n *topology.Network, src topology.MAC, to netip.Addr) packetin.Reply {
	_, port, ok := portAt(v, p, src)
	if !ok {
		return packetin.Reply{What: "no port has the MAC " + src.String() + " there"}
	}
	l := v.LinkOf(port, p.Node, model.FamilyOf(to))
	if !l.Gateway.IsValid() {
		return packetin.Reply{Port: port.Name, What: "the port has no gateway of that family"}
	}
	frame := slices.Clone(m.Data)
	copy(frame, l.MAC[:]) // it may be addressed to a next hop already
	return tooLarge(port, n, frame, l.Gateway, openflow.Actions(nil).Output(p.No))
}

func tooLarge(port *topology.Port, n *topology.Network, frame []byte, from netip.Addr, out openflow.Actions) packetin.Reply {
	r := packetin.Reply{Port: port.Name, What: "too large for the MTU of the network " + n.Name}
	frame, ok := reject.AnswerTooLarge(frame, n.Spec.PortMTU(), from)
	if !ok {
		r.What += "; packets of this kind get no answer"
		return r
	}
	r.Out = openflow.NewPacketOut(frame, out)
	return r
}
