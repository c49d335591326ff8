package pipeline

import (
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TableChosen sends on the packets of ports that may use services: back to the port if the
// service chose the port itself, else to policies or towards their destination.
const TableChosen openflow.TableID = 18

func chosenStage() stage {
	return stage{
		Table: Table{TableChosen, "chosen", "to itself by a service? From outside?", "in_port, nw_dst", "hairpin; from outside: route; judged: track; else bridge"},
		entry: (*Compiler).servedNode,
		node:  (*Compiler).chosenNode,
		port:  (*Compiler).chosenPort,

		service: (*Compiler).untouchedService,
	}
}

func (c *Compiler) chosenNode() {
	if !c.servedNode() {
		return
	}
	c.match = c.match[:0].RegMasked(regFlags, flagTracked, flagTracked)
	c.instr = c.instr[:0].GotoTable(c.next(TableTrack))
	c.emit(prioTracked, "sends packets that policies judge to the connection tracker")
	c.chosenEntered()
	c.match = c.match[:0]
	c.instr = c.instr[:0].GotoTable(c.next(TableBridge))
	c.emit(prioDefault, "sends all else on its way")
}

// chosenPort finds packets that a port sends to itself. No host accepts packets from its
// own address.
func (c *Compiler) chosenPort(p *topology.Port) {
	if c.serves == 0 || c.place.number == 0 {
		return
	}
	for _, ip := range p.Addresses {
		c.match = toPrefix(c.match[:0].InPort(c.place.number), host(ip))
		c.actions = c.actions[:0].CTClear().CT(openflow.CT{ZoneField: openflow.FieldReg(regServiceZone), Table: TableHairpin})
		c.instr = c.instr[:0].ApplyActions(c.actions)
		c.emit(prioNormal, rules{"finds packets that a service returns to the port that sent them", "finds packets that a service returns to the port that sent them by IPv6"}[model.FamilyOf(ip)])
	}
}
