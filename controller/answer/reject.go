package answer

import (
	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/reject"
	"github.com/sdnctl/sdnctl/openflow"
)

// Rejected answers what policies reject: the answer goes the way of what the destination
// sends, which may be to another node.
func Rejected(_ *pipeline.View, _ packetin.Port, m *openflow.PacketIn) packetin.Reply {
	frame, ok := reject.Answer(m.Data, reject.Prohibited)
	if !ok {
		return packetin.Reply{What: "rejected; it is not one to be answered"}
	}
	return packetin.Reply{Out: openflow.NewPacketOut(frame, pipeline.AnswerTo(m)), What: "rejected"}
}

// Refused answers what is for a service without backends, out of the port that asked.
func Refused(_ *pipeline.View, p packetin.Port, m *openflow.PacketIn) packetin.Reply {
	frame, ok := reject.Answer(m.Data, reject.NoPort)
	if !ok || p.No == 0 {
		return packetin.Reply{What: "for a service without backends; it is not one to be answered"}
	}
	return packetin.Reply{Out: openflow.NewPacketOut(frame, openflow.Actions(nil).Output(p.No)), What: "refused, as the service has no backends"}
}
