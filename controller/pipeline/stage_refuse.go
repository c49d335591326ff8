package pipeline

import (
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// TableRefuse is where packets end that are for a service without backends, or for a port that it
// does not offer: sdnd answers the port that sends them.
const TableRefuse openflow.TableID = 27

func refuseStage() stage {
	return stage{
		Table:  Table{TableRefuse, "refuse", "to a service without backends or at a port that it does not offer, or from outside to none: refused by the controller", "in_port", "controller, at a bounded rate"},
		node:   (*Compiler).refuseNode,
		port:   (*Compiler).refusePort,
		groups: true,
	}
}

func (c *Compiler) refuseNode() {
	if !c.servedNode() {
		return
	}
	c.match = c.match[:0]
	c.instr = c.instr[:0]
	c.emit(prioDefault, "drops and counts packets that services refuse, from ports that get no answer")
	c.refuseEntered()
}

// refuseMeters are behind those of what policies reject; Open vSwitch has room for 200,000
// meters or more.
const refuseMeters = 2 << 16

// Ended returns the zone of the connection tracker that has the entry of a packet whose
// connection to a service is to be reset; ok is false for a packet that is refused because
// its service has no backends.
func Ended(m *openflow.PacketIn) (zone uint16, ok bool) {
	return ServiceZone(m), register(m.Match, openflow.FieldReg(regFlags))&flagEnded != 0
}

// refusePort has a meter for each port, so that who floods takes no answers from others.
func (c *Compiler) refusePort(*topology.Port) {
	if c.place.number == 0 || c.serves == 0 {
		return
	}
	c.refuseFrom(c.place.number, "limits how often packets of the port are refused by services",
		"has sdnd refuse packets of the port to a service without backends, or at a port that it does not offer")
}

// refuseFrom has sdnd refuse packets from a port of the switch.
func (c *Compiler) refuseFrom(in openflow.PortNo, limits, refuses Rule) {
	meter := refuseMeters + uint32(in)
	c.emitMeter(openflow.Meter{
		ID: meter, Flags: openflow.MeterPktps | openflow.MeterBurst,
		Bands: openflow.Bands(nil).Drop(rejectsPerSecond, rejectsAtOnce),
	}, limits)
	c.match = c.match[:0].InPort(in)
	c.actions = c.actions[:0].Controller(RejectBytes)
	c.instr = c.instr[:0].Meter(meter).ApplyActions(c.actions)
	c.emit(prioNormal, refuses)
}
