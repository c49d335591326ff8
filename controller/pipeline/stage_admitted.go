package pipeline

import "github.com/sdnctl/sdnctl/openflow"

// TableAdmitted sends on what was admitted from the tunnel: packets that another node
// routed to the neighbour, and packets that it switched to the port.
const TableAdmitted openflow.TableID = 3

func admittedStage() stage {
	return stage{
		Table: Table{TableAdmitted, "admitted", "from the tunnel: routed by its sender?", "dl_src, dl_dst; routed already; network, nw_dst", "entered, out, at-gateway; neighbour, to-host, else forward"},
		node:  (*Compiler).admittedNode,
		host:  (*Compiler).admittedHost,

		egressIP: (*Compiler).admittedEgress,
	}
}

func (c *Compiler) admittedNode() {
	c.admittedRouted()
	c.admittedBridged()
	c.admittedEntered()
}

// admittedRouted sends on what another node has routed, past this node's router.
func (c *Compiler) admittedRouted() {
	c.match = c.match[:0].RegMasked(regFlags, flagRouted, flagRouted)
	c.instr = c.instr[:0].GotoTable(c.next(TableNeighbour))
	c.emit(prioNormal, "passes on to their neighbour packets that another node has routed")
}

// admittedBridged sends what another node has switched to the port that has its destination
// address.
func (c *Compiler) admittedBridged() {
	c.match = c.match[:0]
	c.instr = c.instr[:0].GotoTable(c.next(TableForward))
	c.emit(prioDefault, "passes on to their port packets that another node has switched")
}
