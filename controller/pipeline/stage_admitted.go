package pipeline

// admittedRouted leads what another node has routed past this node's router.
func (c *Compiler) admittedRouted() {
	c.match = c.match[:0].RegMasked(regFlags, flagRouted, flagRouted)
	c.instr = c.instr[:0].GotoTable(TableNeighbour)
	c.emit(TableAdmitted, prioNormal, "packets that another node has routed only need their neighbour")
}

// admittedBridged leads what another node has switched to the port that it is for.
func (c *Compiler) admittedBridged() {
	c.match = c.match[:0]
	c.instr = c.instr[:0].GotoTable(TableForward)
	c.emit(TableAdmitted, prioDefault, "packets that another node has switched only need their port")
}
