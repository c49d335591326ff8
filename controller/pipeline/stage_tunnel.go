package pipeline

import "github.com/sdnctl/sdnctl/openflow"

// TableTunnel sends into the VXLAN tunnel (RFC 7348).
const TableTunnel openflow.TableID = 90

func tunnelStage() stage {
	return stage{
		Table: Table{TableTunnel, "tunnel", "network → tunnel key; send", "–", "output to the tunnel port"},
		node:  (*Compiler).tunnelNode,
	}
}

func (c *Compiler) tunnelNode() {
	if tun := c.view.Tunnel(c.node); tun != 0 {
		c.tunnelOutput(tun)
	}
}

// tunnelOutput is the one flow that knows the tunnel port: when its number
// changes, nothing else does.
func (c *Compiler) tunnelOutput(tun openflow.PortNo) {
	c.match = c.match[:0]
	c.actions = c.actions[:0].
		Move(openflow.FieldMetadata, openflow.FieldTunnelID, 0, 0, vniBits).
		Output(tun)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioDefault, "sends with the network's VNI as tunnel key")
}
