package pipeline

import (
	"math/bits"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TableEndpoint records a new connection to a backend, and translates its destination.
const TableEndpoint openflow.TableID = 17

// prioLost is of packets for a backend that has gone.
const prioLost = 50

func endpointStage() stage {
	return stage{
		Table:   Table{TableEndpoint, "endpoint", "notes a new connection to a backend; its destination becomes the backend's", "router, protocol, address and port of the backend", "chosen"},
		node:    (*Compiler).endpointNode,
		backend: (*Compiler).endpointFlows,
	}
}

func (c *Compiler) endpointNode() {
	if !c.servedNode() {
		return
	}
	c.match = c.match[:0].RegMasked(regService, serviceMet, serviceMet)
	c.instr = c.instr[:0]
	c.emit(prioLost, "drops packets for a backend that no longer exists")
	c.match = c.match[:0]
	c.instr = c.instr[:0].GotoTable(TableChosen)
	c.emit(prioDefault, "passes packets that begin a connection to no backend")
}

// endpointFlows adds the flows of a port as a backend. They serve both connections by a
// service and direct connections to the backend. Of the latter only the source port is
// translated, and only if a connection by a service has the same.
func (c *Compiler) endpointFlows(p *topology.Port, e endpoint) {
	n, ok := c.view.Topo.Network(p.Spec.Network)
	if !ok || e == (endpoint{}) || !c.view.reaches(p, e, c.node) {
		return
	}
	domain, _ := routingDomain(c.view.Topo, n)
	for _, ip := range p.Addresses {
		f := model.FamilyOf(ip)
		c.match = c.match[:0].EthType(ethTypes[f]).IPProto(protocolNumbers[e.protocol]).Reg(regRouter, domain)
		c.match = metTarget(c.match, ip, e.port)
		c.actions = c.actions[:0].CT(openflow.CT{
			Commit: true, ZoneField: openflow.FieldReg(regServiceZone), Table: TableChosen,
			NAT:  &openflow.NAT{Direction: openflow.NATDestination, First: ip, FirstPort: e.port},
			Exec: openflow.Actions(nil).Load(openflow.FieldCTMark, bits.TrailingZeros32(markService), 1, 1),
		})
		c.instr = c.instr[:0].ApplyActions(c.actions)
		c.emit(prioNormal, rules{"notes a connection to the backend, and sends it there: ", "notes an IPv6 connection to the backend, and sends it there: "}[f]+Rule(e.protocol))
	}
}
