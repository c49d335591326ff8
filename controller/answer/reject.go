package answer

import (
	"net/netip"

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

// Refused answers a packet for a service without backends, out of the port that sent it.
func Refused(_ *pipeline.View, p packetin.Port, m *openflow.PacketIn) packetin.Reply {
	frame, ok := reject.Answer(m.Data, reject.NoPort, netip.Addr{})
	if !ok || p.No == 0 {
		return packetin.Reply{What: "for a service without backends; packets of this kind get no answer"}
	}
	return packetin.Reply{Out: openflow.NewPacketOut(frame, openflow.Actions(nil).Output(p.No)), What: "refused, as the service has no backends"}
}
