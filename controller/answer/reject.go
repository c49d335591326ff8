package answer

import (
	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/reject"
	"github.com/sdnctl/sdnctl/openflow"
)

// Rejected answers what policies reject.
func Rejected(_ *pipeline.View, _ packetin.Port, m *openflow.PacketIn) packetin.Reply {
	frame, ok := reject.Answer(m.Data)
	if !ok {
		return packetin.Reply{What: "rejected; it is not one to be answered"}
	}
	return packetin.Reply{Out: openflow.NewPacketOut(frame, pipeline.AnswerTo(m)), What: "rejected"}
}
