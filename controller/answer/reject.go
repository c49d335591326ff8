package answer

import (
	"net/netip"

	"github.com/gopacket/gopacket/layers"

	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/reject"
	"github.com/sdnctl/sdnctl/openflow"
)

// Rejected answers a packet that policies reject. The answer passes the flow tables like a
// packet from the destination, as the sender may be on another node.
func Rejected(_ *pipeline.View, _ packetin.Port, m *openflow.PacketIn) packetin.Reply {
	frame, ok := reject.Answer(m.Data, reject.Prohibited, netip.Addr{})
	if !ok {
		return packetin.Reply{What: "rejected; packets of this kind get no answer"}
	}
	return packetin.Reply{Out: openflow.NewPacketOut(frame, pipeline.AnswerTo(m)), What: "rejected"}
}

// Refused answers a packet for a service without backends, or for a port that a service does not
// offer, out of the port that sent it. The entry of a connection that has had its draining time is
// deleted: what the backend still sends reaches the client as it is, which resets it then.
func Refused(_ *pipeline.View, p packetin.Port, m *openflow.PacketIn) packetin.Reply {
	if zone, ok := pipeline.Ended(m); ok {
		return ended(p, m, zone)
	}
	frame, ok := reject.Answer(m.Data, reject.NoPort, netip.Addr{})
	if !ok || p.No == 0 {
		return packetin.Reply{What: "refused by a service; packets of this kind get no answer"}
	}
	return packetin.Reply{Out: openflow.NewPacketOut(frame, openflow.Actions(nil).Output(p.No)), What: "refused, as the service has no backends, or not this port"}
}

// Taken answers a packet from outside for a node port that has the same ends as a connection which
// entered at another node, so that answers would go there. The answer goes back by the node that
// the packet entered by, as one of the backend.
func Taken(_ *pipeline.View, _ packetin.Port, m *openflow.PacketIn) packetin.Reply {
	frame, ok := reject.Answer(m.Data, reject.NoPort, netip.Addr{})
	back, known := pipeline.AnswerEntered(m)
	if !ok || !known {
		return packetin.Reply{What: "has the ends of a connection that entered at another node; packets of this kind get no answer"}
	}
	return packetin.Reply{Out: openflow.NewPacketOut(frame, back), What: "refused, as a connection with the same ends entered at another node"}
}

// ended resets a connection of TCP to a service.
func ended(p packetin.Port, m *openflow.PacketIn, zone uint16) packetin.Reply {
	r := packetin.Reply{What: "for a backend that has had its draining time"}
	if from, to, ok := connectionEnds(m.Data, layers.LayerTypeTCP); ok && zone != 0 {
		r.Flush = &openflow.CTFlush{Zone: zone, Protocol: uint8(layers.IPProtocolTCP), Source: from, Destination: to}
	}
	if frame, ok := reject.Answer(m.Data, reject.NoPort, netip.Addr{}); ok && p.No != 0 {
		r.Out = openflow.NewPacketOut(frame, openflow.Actions(nil).Output(p.No))
		r.What += ": the connection is reset"
	}
	return r
}
