package pipeline

import "github.com/sdnctl/sdnctl/openflow"

// TableRefuse is where connections to services without backends end.
const TableRefuse openflow.TableID = 27

func refuseStage() stage {
	return stage{
		Table: Table{TableRefuse, "refuse", "to a service without backends", "–", "drop"},
		node:  (*Compiler).refuseNode,
	}
}

func (c *Compiler) refuseNode() {
	if !c.servedNode() {
		return
	}
	c.match = c.match[:0]
	c.instr = c.instr[:0]
	c.emit(prioDefault, "drops and counts what is for a service without backends")
}
