package pipeline

import "github.com/sdnctl/sdnctl/openflow"

// TableAdmitted leads on what was admitted from the tunnel: to the neighbour
// what another node has routed, to the port what it has switched.
const TableAdmitted openflow.TableID = 3

func admittedStage() stage {
	return stage{
		Table: Table{TableAdmitted, "admitted", "from the tunnel: routed by its sender?", "routed already", "neighbour, else forward"},
		node:  (*Compiler).admittedNode,
	}
}

func (c *Compiler) admittedNode() {
	c.admittedRouted()
	c.admittedBridged()
}

// admittedRouted leads what another node has routed past this node's router.
func (c *Compiler) admittedRouted() {
	c.match = c.match[:0].RegMasked(regFlags, flagRouted, flagRouted)
	c.instr = c.instr[:0].GotoTable(c.next(TableNeighbour))
	c.emit(prioNormal, "packets that another node has routed only need their neighbour")
}

// admittedBridged leads what another node has switched to the port that it is for.
func (c *Compiler) admittedBridged() {
	c.match = c.match[:0]
	c.instr = c.instr[:0].GotoTable(c.next(TableForward))
	c.emit(prioDefault, "packets that another node has switched only need their port")
}
