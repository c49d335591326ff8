package pipeline

import (
	"encoding/binary"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// TableReject sends to the controller what policies reject, so that it is answered.
const TableReject openflow.TableID = 103

// Rates at which packets for one port are sent to the controller. What is beyond is
// dropped unanswered.
const (
	rejectsPerSecond = 100
	rejectsAtOnce    = 200
)

// rejectMeters are behind those of what ports ask, whose numbers are the ports'.
const rejectMeters = 1 << 16

// RejectBytes is how much of a rejected packet the controller asks for: all headers, and what
// an ICMP error quotes. Open vSwitch sends all of a packet that its datapath hands over.
const RejectBytes = 256

func rejectStage() stage {
	return stage{
		Table:  Table{TableReject, "reject", "what policies reject is answered by the controller", "port that it is for, or comes from", "controller, at a bounded rate"},
		port:   (*Compiler).rejectPort,
		groups: true,
	}
}

// rejectPort has a meter for each port, so that who is flooded
// takes no answers from others.
func (c *Compiler) rejectPort(p *topology.Port) {
	if c.place.number == 0 || !c.place.rejected {
		return
	}
	id := uint32(c.place.number)
	meter := rejectMeters + id
	c.emitMeter(openflow.Meter{
		ID: meter, Flags: openflow.MeterPktps | openflow.MeterBurst,
		Bands: openflow.Bands(nil).Drop(rejectsPerSecond, rejectsAtOnce),
	}, "limits how many packets that are rejected for the port are answered")
	c.match = c.match[:0].Reg(regOutPort, id)
	c.actions = c.actions[:0].Controller(RejectBytes)
	c.instr = c.instr[:0].Meter(meter).ApplyActions(c.actions)
	c.emit(prioNormal, "sends packets that are rejected for the port to the controller, to be answered")
	if c.view.sentIn(c.view.domainOf(p.Spec.Network)).rejects {
		c.match = c.match[:0].InPort(c.place.number).Reg(regOutPort, 0)
		c.emit(prioNormal, "sends what is rejected of the port that leaves by an uplink, or is for a node, to the controller, to be answered")
	}
}

// AnswerFrom returns the actions that route an answer from a router to outside.
func AnswerFrom(r *topology.Router) openflow.Actions {
	return openflow.Actions(nil).SetReg(regFlags, flagAnswer).SetReg(regRouter, r.ID).Resubmit(openflow.PortInPort, TableRoute)
}

// AnswerTo returns the actions that take an answer to a packet, which flows sent to the
// controller, the way of what the packet's destination sends, from behind the checks of
// what ports may send.
func AnswerTo(m *openflow.PacketIn) openflow.Actions {
	var network uint64
	var source uint32
	for o := range m.Match.All() {
		switch o.Field {
		case openflow.FieldMetadata:
			network = binary.BigEndian.Uint64(o.Value)
		case openflow.FieldReg(regDestination):
			source = binary.BigEndian.Uint32(o.Value)
		}
	}
	return openflow.Actions(nil).
		SetReg(regFlags, flagAnswer).
		SetReg(regSource, source).
		SetMetadata(network).
		Resubmit(openflow.PortInPort, TableBridge)
}
