package pipeline

import (
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

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
		Table: Table{TableDelivered, "delivered", "translated: to the port", "ct_state, ct_mark, tcp_flags", "output to the port"},
		entry: (*Compiler).servedNode,
		node:  (*Compiler).deliveredNode,
	}
}

// Priorities of segments that are not part of a connection.
const (
	prioNoPart      = 105
	prioOutOfWindow = 90
)

// deliveredNode delivers what has been translated back, and what the connection tracker does not
// know. An invalid reset of a connection that it knows goes on as long as it is translated: the
// client checks its number, and the tracker, which is stricter, would hide the resets of a backend
// that has restarted. SYN-ACKs are also invalid if the tracker does not know their connection, as it
// does not know most of those that are by no service.
func (c *Compiler) deliveredNode() {
	if !c.servedNode() {
		return
	}
	for _, f := range c.view.familiesAt(c.node) {
		c.invalid(f, 0, openflow.TCPFlagRST)
		c.match = c.match.CTMarkMasked(markService, markService)
		c.emit(prioNoPart, rules{"drops segments that are no valid part of the connection to a backend that they are of", "drops segments of TCP over IPv6 that are no valid part of the connection to a backend that they are of"}[f])
	}
	c.dropInvalid()
	c.match = c.match[:0]
	c.output()
	c.emit(prioDefault, "delivers packets after they were translated back")
}

// dropInvalid drops segments that no connection tracker accepts as part of their connection, or as
// one of a connection that it does not know. A tracker does not translate them, unless it is Open
// vSwitch's own, so the client would answer with a reset, which ends the backend's connection
// (P-SVC-08). Resets pass: nothing answers them.
func (c *Compiler) dropInvalid() {
	for _, f := range c.view.familiesAt(c.node) {
		c.invalid(f, 0, openflow.TCPFlagSYN|openflow.TCPFlagRST)
		c.emit(prioOutOfWindow, rules{"drops segments outside of their connection's window", "drops segments of TCP over IPv6 outside of their connection's window"}[f])
		c.invalid(f, openflow.TCPFlagSYN, openflow.TCPFlagSYN|openflow.TCPFlagACK)
		c.emit(prioOutOfWindow, rules{"drops segments that begin no valid connection", "drops segments of TCP over IPv6 that begin no valid connection"}[f])
	}
}

// invalid begins a flow that drops invalid segments of a family with some flags.
func (c *Compiler) invalid(f topology.Family, flags, mask uint16) {
	c.match = c.match[:0].EthType(ethTypes[f]).IPProto(protoTCP).TCPFlags(flags, mask).CTState(invalid, invalid)
	c.instr = c.instr[:0]
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
