package pipeline

import (
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TableConnection looks up the connection of packets from ports that may use services, and
// translates those that belong to a connection to a service.
const TableConnection openflow.TableID = 15

// Priorities in connection.
const (
	prioFromInside   = 170
	prioHairpinReply = 160
	prioServiceReply = 150
	prioDraining     = 146
	prioTranslateUDP = 145
	prioTranslate    = 140
)

func connectionStage() stage {
	return stage{
		Table: Table{TableConnection, "connection", "state of the connection of what a port sends that may use services", "ct_state, ct_mark", "to a service: chosen, or serving for UDP, translated; reply: chosen; else service; from outside with an address of the router's own networks: refuse"},
		entry: (*Compiler).servedNode,
		node:  (*Compiler).connectionNode,

		router:  (*Compiler).connectionRouted,
		service: (*Compiler).connectionDraining,
	}
}

func (c *Compiler) connectionNode() {
	if !c.servedNode() {
		return
	}
	for _, f := range c.view.familiesAt(c.node) {
		c.match = c.match[:0].EthType(ethTypes[f]).CTState(replied, replied).CTMarkMasked(markHairpin, markHairpin)
		c.translate(TableHairpinReply)
		c.emit(prioHairpinReply, rules{"begins to translate the answer of a backend to itself back", "begins to translate the answer of a backend to itself back by IPv6"}[f])
		c.match = c.match[:0].EthType(ethTypes[f]).CTState(openflow.CTStateTracked, replied).CTMarkMasked(markService, markService)
		c.translate(TableChosen)
		c.emit(prioTranslate, rules{"translates packets of a connection to a service", "translates packets of an IPv6 connection to a service"}[f])
		c.match = c.match[:0].EthType(ethTypes[f]).IPProto(protoUDP).CTState(openflow.CTStateTracked, replied).CTMarkMasked(markService, markService)
		c.actions = moveTarget(c.actions[:0], openflow.FieldUDPDst, f)
		c.translated(TableServing)
		c.emit(prioTranslateUDP, rules{"translates packets of UDP to a service", "translates packets of UDP over IPv6 to a service"}[f])
	}
	c.match = c.match[:0].CTState(replied, replied)
	c.instr = c.instr[:0].GotoTable(TableChosen)
	c.emit(prioServiceReply, "passes replies as they are: they are translated where the client is")
	c.match = c.match[:0]
	c.instr = c.instr[:0].GotoTable(TableService)
	c.emit(prioDefault, "looks up the service of packets that begin a connection")
}

// connectionDraining has the packets of TCP pass TableServing whose connections a service may
// have to end.
func (c *Compiler) connectionDraining(o *topology.Service) {
	if !drains(o) {
		return
	}
	known := func(m openflow.Match) openflow.Match {
		return m.CTState(openflow.CTStateTracked, replied).CTMarkMasked(markService, markService)
	}
	for _, s := range c.scopes(o) {
		for a, w := range c.calls(o, s) {
			p := w.port
			if p.Protocol != model.ProtocolTCP {
				continue
			}
			f := model.FamilyOf(a)
			c.match = s.match(c.view.Topo, toPort(toPrefix(c.match[:0], host(a)), endpoint{p.Protocol, p.Port}), known)
			c.actions = moveTarget(c.actions[:0], openflow.FieldTCPDst, f)
			c.translated(TableServing)
			c.emit(s.priority(prioDraining), s.rule(rules{"translates packets of TCP to a service with a draining time", "translates packets of TCP over IPv6 to a service with a draining time"}[f]))
		}
	}
}

// translate makes the instructions of a flow that translates as the connection's record
// says and goes on to another table.
func (c *Compiler) translate(to openflow.TableID) {
	c.actions = c.actions[:0]
	c.translated(to)
}

// translated is translate, after other actions.
func (c *Compiler) translated(to openflow.TableID) {
	c.actions = c.actions.CT(openflow.CT{ZoneField: openflow.FieldReg(regServiceZone), NAT: &openflow.NAT{}, Table: to})
	c.instr = c.instr[:0].ApplyActions(c.actions)
}
