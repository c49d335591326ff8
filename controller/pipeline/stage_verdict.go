package pipeline

import (
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TableVerdict carries out the decision of policies: it records in the connection's record
// which rules allow it, or that it is denied, and delivers or drops the packet.
const TableVerdict openflow.TableID = 89

// Priorities in verdict.
const (
	prioCutRejected = 205
	prioCut         = 200
	// prioMidstream is the priority of segments from the middle of a connection whose
	// beginning was not seen.
	prioMidstream = 195
	prioReject    = 192
	prioDrop      = 190
	prioAdmit     = 150
	prioAsBefore  = 120
	prioKept      = 118
	prioUnruled   = 110
	prioAnew      = 105
)

func verdictStage() stage {
	return stage{
		Table:  Table{TableVerdict, "verdict", "notes the decision with the connection; delivers or drops", "decision, ct_state, ct_mark, ct_label", "output to the port"},
		node:   (*Compiler).verdictNode,
		policy: (*Compiler).verdictPolicy,
	}
}

func (c *Compiler) verdictNode() {
	if !c.view.PolicedNode(c.node) {
		return
	}
	for _, f := range c.view.familiesAt(c.node) {
		c.match = c.match[:0].EthType(ethTypes[f]).RegMasked(regFlags, flagDenied, flagDenied).CTState(established, established).CTMarkMasked(0, markDenied)
		c.actions = c.actions[:0].CT(c.record(openflow.Actions(nil).Load(openflow.FieldCTMark, 0, 1, 1)))
		c.instr = c.instr[:0].ApplyActions(c.actions)
		c.emit(prioCut, rules{"drops packets that are denied, and their replies from now on", "drops IPv6 packets that are denied, and their replies from now on"}[f])
		c.match = c.match[:0].EthType(ethTypes[f]).IPProto(protoTCP).TCPSrcMasked(0, clientPorts).TCPDstMasked(clientPorts, clientPorts).
			TCPFlags(openflow.TCPFlagACK, openflow.TCPFlagSYN|openflow.TCPFlagACK).RegMasked(regFlags, flagDenied, flagDenied).CTState(begun, begun)
		c.deliver(prioMidstream, rules{"delivers a likely answer to a client, from the middle of a connection that is not known", "delivers a likely answer to a client by IPv6, from the middle of a connection that is not known"}[f])
		for _, p := range append([]protocol{{protoTCP, rules{"TCP", "TCP over IPv6"}[f]}}, trackedWithout[f]...) {
			c.match = c.match[:0].EthType(ethTypes[f]).IPProto(p.number).CTState(begun, begun)
			c.admit()
			c.emit(prioAdmit, c.delivered("notes which rules allow a new connection, and delivers: "+p.name))
		}
		c.match = c.match[:0].EthType(ethTypes[f]).CTState(established, established)
		c.admit()
		c.emit(prioAnew, c.delivered(rules{"notes that other rules than before allow the connection, and delivers", "notes that other rules than before allow the IPv6 connection, and delivers"}[f]))
	}
	c.match = c.match[:0].RegMasked(regFlags, flagDenied, flagDenied)
	c.instr = c.instr[:0]
	c.emit(prioDrop, "drops packets that are denied")
	c.match = c.match[:0].RegMasked(regFlags, 0, flagNote).Reg(regIngressRule, 0).CTState(established, established).CTMarkMasked(0, markDenied)
	c.deliver(prioUnruled, "delivers to a port for which no rule has to allow the connection")
	c.match = c.match[:0]
	c.deliver(prioDefault, "delivers packets that are allowed")
	c.verdictOutside()
	c.verdictHost()
}

// admit makes the instructions of a flow that records which rules allow a connection, and
// delivers the packet.
func (c *Compiler) admit() {
	c.deliverAfter(c.actions[:0].CT(c.recordRules()))
}

// recordRules records which rules allow a connection, and that none denies it.
func (c *Compiler) recordRules() openflow.CT {
	return c.record(openflow.Actions(nil).
		Load(openflow.FieldCTMark, 0, 1, 0).
		Move(openflow.FieldReg(regIngressRule), openflow.FieldCTLabel, 0, labelIngressRule, 32).
		Move(openflow.FieldReg(regEgressRule), openflow.FieldCTLabel, 0, labelEgressRule, 32))
}

// record writes to the record of the packet's connection.
func (c *Compiler) record(exec openflow.Actions) openflow.CT {
	return openflow.CT{Commit: true, ZoneField: openflow.FieldReg(regZone), Exec: exec}
}

// verdictPolicy: a connection that the same rule allows as before, or that its policy keeps,
// needs no new note.
func (c *Compiler) verdictPolicy(p *policies) {
	if p.reject() {
		c.verdictReject(p)
	}
	c.verdictKept(p)
	for _, t := range model.PolicyTiers() {
		for _, r := range p.rules[policyTable{model.Ingress, t, false}] {
			if !r.admits() {
				continue
			}
			c.match = c.match[:0].RegMasked(regFlags, 0, flagNote).Reg(regIngressRule, r.noted()).CTState(established, established).CTMarkMasked(0, markDenied)
			c.match = ctLabel(c.match, r.noted(), wholeNumber, labelIngressRule)
			c.deliver(prioAsBefore, "delivers packets of a connection that the rule still allows")
		}
	}
}

// verdictReject has rejected packets answered.
func (c *Compiler) verdictReject(p *policies) {
	const rejected = flagDenied | flagRejected
	for _, f := range p.families {
		c.match = c.match[:0].EthType(ethTypes[f]).RegMasked(regFlags, rejected, rejected).CTState(established, established).CTMarkMasked(0, markDenied)
		c.actions = c.actions[:0].CT(c.record(openflow.Actions(nil).Load(openflow.FieldCTMark, 0, 1, 1)))
		c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(c.next(TableReject))
		c.emit(prioCutRejected, rules{"has packets that are rejected answered, and drops their replies from now on", "has IPv6 packets that are rejected answered, and drops their replies from now on"}[f])
	}
	c.match = c.match[:0].RegMasked(regFlags, rejected, rejected)
	c.instr = c.instr[:0].GotoTable(c.next(TableReject))
	c.emit(prioReject, "has packets that are rejected answered")
	if c.uplinkedNode() {
		c.match = c.match[:0].RegMasked(regFlags, flagOutside|rejected, flagOutside|rejected)
		c.emit(prioRejectOnward, "has packets that may not leave answered, where they are rejected")
	}
	if c.view.HostNode(c.node) {
		c.match = c.match[:0].RegMasked(regFlags, flagHost|rejected, flagHost|rejected)
		c.emit(prioRejectOnward, "has packets to a node itself answered, where they are rejected")
	}
}
