package pipeline

import "github.com/sdnctl/sdnctl/openflow"

// TableInbound looks up the connection of packets for a port that policies judge. Packets
// of a connection that the port began pass; policies judge the others.
const TableInbound openflow.TableID = 82

func inboundStage() stage {
	return stage{
		Table:  Table{TableInbound, "inbound", "state of the connection of what is for a port", "ct_state, ct_mark", "output; what is no reply: egress-admin"},
		entry:  (*Compiler).policedNode,
		node:   (*Compiler).inboundNode,
		policy: (*Compiler).inboundPolicy,
	}
}

func (c *Compiler) inboundNode() {
	if !c.view.PolicedNode(c.node) {
		return
	}
	c.match = c.match[:0].CTState(replied, replied).CTMarkMasked(0, markDenied)
	c.deliver(prioReply, "delivers replies to packets that the port has sent")
	c.match = c.match[:0].CTState(related, related).CTMarkMasked(0, markDenied)
	c.deliver(prioRelated, "delivers errors about connections that are not denied")
	c.match = c.match[:0].CTState(replied, replied)
	c.instr = c.instr[:0]
	c.emit(prioDenied, "drops replies of connections that a policy denies")
	c.match = c.match[:0]
	c.instr = c.instr[:0].GotoTable(TablePolicies)
	c.emit(prioDefault, "has policies judge packets that are no replies")
	c.inboundOutside()
	c.inboundFloating()
	c.inboundHost()
}

// inboundPolicy delivers answers to rejected packets without judging them: a connection
// that has been cut would have them dropped.
func (c *Compiler) inboundPolicy(p *policies) {
	c.inboundShadow(p)
	if p.reject() {
		c.match = c.match[:0].RegMasked(regFlags, flagAnswer, flagAnswer)
		c.deliver(prioAnswer, "delivers the controller's answers to rejected packets")
		if c.uplinkedNode() {
			c.match = c.match[:0].RegMasked(regFlags, flagAnswer|flagOutside, flagAnswer|flagOutside)
			c.instr = c.instr[:0].GotoTable(TableEgress)
			c.emit(prioAnswerOutside, "lets the controller's answers leave to what came from outside")
		}
	}
}

// deliver completes a flow that delivers packets.
func (c *Compiler) deliver(priority uint16, why Rule) {
	c.deliverAfter(c.actions[:0])
	c.emit(priority, c.delivered(why))
}
