package answer

import (
	"slices"

	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/reject"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TooLarge tells who sends packets from outside that are larger than the MTU of a port's network. The
// answer passes the flow tables like a packet of the port, and is translated like one.
func TooLarge(v *pipeline.View, p packetin.Port, m *openflow.PacketIn) packetin.Reply {
	_, to, err := ends(m.Data)
	if err != nil {
		return packetin.Reply{What: "cannot be read: " + err.Error()}
	}
	n, ok := v.Topo.NetworkByVNI(topology.VNI(metadataOf(m)))
	if !ok {
		return packetin.Reply{What: "its network is gone"}
	}
	port, ok := v.Topo.PortByAddress(n.Name, to)
	if !ok {
		return packetin.Reply{What: "too large, and no port has the address " + to.String()}
	}
	gateway := v.LinkOf(port, p.Node, model.FamilyOf(to)).MAC
	frame := slices.Clone(m.Data)
	copy(frame[len(gateway):], gateway[:]) // the answer goes to who sends this
	frame, ok = reject.AnswerTooLarge(frame, n.Spec.PortMTU())
	if !ok {
		return packetin.Reply{Port: port.Name, What: "too large for the network's MTU; packets of this kind get no answer"}
	}
	return packetin.Reply{Out: openflow.NewPacketOut(frame, pipeline.AnswerTo(m)), Port: port.Name, What: "too large for the network's MTU"}
}
