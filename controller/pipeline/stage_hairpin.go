package pipeline

import (
	"math/bits"
	"slices"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// Tables for packets that a backend sends to itself by a service.
const (
	// TableHairpin translates the source, so that the answer passes the switch again.
	TableHairpin openflow.TableID = 24
	// TableReflect sends a packet back out of the port it came from.
	TableReflect openflow.TableID = 25
	// TableHairpinReply translates the rest of the answer back.
	TableHairpinReply openflow.TableID = 26
)

func hairpinStage() stage {
	return stage{
		Table:   Table{TableHairpin, "hairpin", "to itself by a service: the source becomes the service's address", "service, ct_state", "reflect"},
		entry:   (*Compiler).servedNode,
		node:    (*Compiler).hairpinNode,
		service: (*Compiler).hairpinService,
	}
}

func (c *Compiler) hairpinNode() {
	if !c.servedNode() {
		return
	}
	for _, f := range c.view.familiesAt(c.node) {
		c.match = c.match[:0].EthType(ethTypes[f]).CTState(openflow.CTStateTracked, openflow.CTStateTracked|openflow.CTStateNew)
		c.translate(TableReflect)
		c.emit(prioDefault, rules{"translates the source of what a backend sends itself", "translates the source of what a backend sends itself by IPv6"}[f])
	}
}

func (c *Compiler) hairpinService(o *topology.Service) {
	if !slices.ContainsFunc(c.view.scopesOf(o), func(s scope) bool { return c.view.scopeOn(s, c.node) }) {
		return
	}
	var has [2]bool
	for _, a := range o.Spec.Reached() {
		f := model.FamilyOf(a)
		if has[f] {
			continue
		}
		has[f] = true
		c.match = c.match[:0].EthType(ethTypes[f]).Reg(regService, serviceMet|o.ID).CTState(begun, begun)
		c.actions = c.actions[:0].CT(openflow.CT{
			Commit: true, ZoneField: openflow.FieldReg(regServiceZone), Table: TableReflect,
			NAT:  &openflow.NAT{Direction: openflow.NATSource, First: a},
			Exec: openflow.Actions(nil).Load(openflow.FieldCTMark, bits.TrailingZeros32(markHairpin), 1, 1),
		})
		c.instr = c.instr[:0].ApplyActions(c.actions)
		c.emit(prioNormal, rules{"notes a connection of a backend to itself by the service", "notes an IPv6 connection of a backend to itself by the service"}[f])
	}
}

func reflectStage() stage {
	return stage{
		Table: Table{TableReflect, "reflect", "back to the port that it came from", "–", "back out of the port it came from"},
		entry: (*Compiler).servedNode,
		node:  (*Compiler).reflectNode,
	}
}

func (c *Compiler) reflectNode() {
	if !c.servedNode() {
		return
	}
	c.match = c.match[:0]
	c.actions = swapMACs(c.actions[:0]).Output(openflow.PortInPort)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioDefault, "sends packets that the port has sent to itself back")
}

func hairpinReplyStage() stage {
	return stage{
		Table: Table{TableHairpinReply, "hairpin-reply", "answer to itself: its source becomes the service's address and port", "–", "reflect"},
		entry: (*Compiler).servedNode,
		node:  (*Compiler).hairpinReplyNode,
	}
}

func (c *Compiler) hairpinReplyNode() {
	if !c.servedNode() {
		return
	}
	for _, f := range c.view.familiesAt(c.node) {
		c.match = c.match[:0].EthType(ethTypes[f])
		c.actions = c.actions[:0].CTClear().CT(openflow.CT{ZoneField: openflow.FieldReg(regServiceZone), NAT: &openflow.NAT{}, Table: TableReflect})
		c.instr = c.instr[:0].ApplyActions(c.actions)
		c.emit(prioDefault, rules{"translates back what a backend answers itself", "translates back what a backend answers itself by IPv6"}[f])
	}
}
