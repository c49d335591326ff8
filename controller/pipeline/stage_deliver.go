package pipeline

import "github.com/sdnctl/sdnctl/openflow"

// The tables through which packets reach ports on nodes with services.
const (
	// TableDeliver translates the answers of services' backends back.
	TableDeliver openflow.TableID = 101
	// TableDelivered sends the packet to its port.
	TableDelivered openflow.TableID = 102
)

func deliverStage() stage {
	return stage{
		Table: Table{TableDeliver, "deliver", "for a port that may use services: answer of a service?", "–", "delivered; of other ports: output"},
		node:  (*Compiler).deliverNode,
	}
}

func (c *Compiler) deliverNode() {
	if !c.servedNode() {
		return
	}
	for _, f := range c.view.familiesAt(c.node) {
		c.match = c.match[:0].EthType(ethTypes[f]).RegMasked(regFlags, flagClient, flagClient)
		c.translate(TableDelivered)
		c.emit(prioNormal, rules{"translates back what backends answer", "translates back what backends answer by IPv6"}[f])
	}
	c.match = c.match[:0]
	c.output()
	c.emit(prioDefault, "delivers to a port that uses no services")
}

func deliveredStage() stage {
	return stage{
		Table: Table{TableDelivered, "delivered", "translated: to the port", "ct_state, tcp_flags", "output to the port"},
		entry: (*Compiler).servedNode,
		node:  (*Compiler).deliveredNode,
	}
}

// deliveredNode drops segments that the connection tracker does not accept as part of their
// connection. It has not translated them, so the client would answer with a reset, which
// ends the backend's connection (P-SVC-08). For connections that the tracker does not know,
// only segments that begin or reset one are invalid.
func (c *Compiler) deliveredNode() {
	if !c.servedNode() {
		return
	}
	for _, f := range c.view.familiesAt(c.node) {
		c.match = c.match[:0].EthType(ethTypes[f]).IPProto(protoTCP).TCPFlags(0, openflow.TCPFlagSYN|openflow.TCPFlagRST).CTState(invalid, invalid)
		c.instr = c.instr[:0]
		c.emit(prioNormal, rules{"drops segments outside of their connection's window", "drops segments of TCP over IPv6 outside of their connection's window"}[f])
	}
	c.match = c.match[:0]
	c.output()
	c.emit(prioDefault, "delivers packets after they were translated back")
}

// output makes the instructions of a flow that delivers the packet.
func (c *Compiler) output() {
	c.actions = c.actions[:0].OutputReg(openflow.FieldReg(regOutPort), 0, 16)
	c.instr = c.instr[:0].ApplyActions(c.actions)
}

// deliverAfter appends the last instruction of a flow that delivers, after the actions in
// c.actions. On nodes with services a delivered packet may have to be translated back.
func (c *Compiler) deliverAfter(actions openflow.Actions) {
	c.actions = actions
	if c.servedNode() {
		if c.instr = c.instr[:0]; len(actions) > 0 {
			c.instr = c.instr.ApplyActions(actions)
		}
		c.instr = c.instr.GotoTable(TableDeliver)
		return
	}
	c.actions = c.actions.OutputReg(openflow.FieldReg(regOutPort), 0, 16)
	c.instr = c.instr[:0].ApplyActions(c.actions)
}

// delivered completes the rule of a flow that deliverAfter made.
func (c *Compiler) delivered(why Rule) Rule {
	if c.servedNode() {
		return why + ", translated back where the port uses a service"
	}
	return why
}

// servedNode reports whether the node that is compiled has ports that may use services.
func (c *Compiler) servedNode() bool {
	if s := &c.servedAt; s.view != c.view || s.node != c.node {
		*s = servedAt{c.view, c.node, c.view != nil && c.view.ServedNode(c.node)}
	}
	return c.servedAt.is
}

// servedAt caches the result of servedNode.
type servedAt struct {
	view *View
	node string
	is   bool
}
