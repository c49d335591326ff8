package pipeline

import "github.com/sdnctl/sdnctl/topology"

// bridgeToGateway hands to the router what is addressed to the gateway.
func (c *Compiler) bridgeToGateway(n *topology.Network, mac topology.MAC, domain uint32) {
	c.match = c.match[:0].EthDst(mac).EthType(ethTypeIPv4).Metadata(metadata(n))
	c.actions = c.actions[:0].SetReg(regRouter, domain)
	c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(TableRoute)
	c.emit(TableBridge, prioNormal, "hands what is addressed to the gateway to the router")
}

// bridgeToForward keeps everything else within the layer-2 domain.
func (c *Compiler) bridgeToForward() {
	c.match = c.match[:0]
	c.instr = c.instr[:0].GotoTable(TableForward)
	c.emit(TableBridge, prioDefault, "keeps what is not for the gateway within its network")
}
