package pipeline

import "github.com/sdnctl/sdnctl/openflow"

// tunnelOutput is the one flow that knows the tunnel port: when its number
// changes, nothing else does.
func (c *Compiler) tunnelOutput(tun openflow.PortNo) {
	c.match = c.match[:0]
	c.actions = c.actions[:0].
		Move(openflow.FieldMetadata, openflow.FieldTunnelID, 0, 0, vniBits).
		Output(tun)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(TableTunnel, prioDefault, "sends with the network's VNI as tunnel key")
}
