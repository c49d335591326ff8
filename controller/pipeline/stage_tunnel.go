package pipeline

import (
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// TableTunnel sends packets into the VXLAN tunnel (RFC 7348).
const TableTunnel openflow.TableID = 90

func tunnelStage() stage {
	return stage{
		Table:   Table{TableTunnel, "tunnel", "network → tunnel key; send", "source identity, network; for this node", "output to the tunnel port; for this node: to-host"},
		node:    (*Compiler).tunnelNode,
		network: (*Compiler).tunnelNetwork,
		host:    (*Compiler).tunnelHost,
	}
}

func (c *Compiler) tunnelNode() {
	if tun := c.view.Tunnel(c.node); tun != 0 {
		c.tunnelOutput(tun)
		c.tunnelEntered(tun)
	}
	c.tunnelToHost()
}

// tunnelOutput adds the one flow that has the number of the tunnel port: when the number
// changes, no other flow does.
func (c *Compiler) tunnelOutput(tun openflow.PortNo) {
	c.match = c.match[:0]
	c.actions = c.actions[:0].
		Move(openflow.FieldMetadata, openflow.FieldTunnelID, 0, 0, vniBits).
		Output(tun)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioDefault, "sends with the network's VNI as tunnel key")
}

func (c *Compiler) tunnelNetwork(n *topology.Network) {
	labels, zone, ok := c.view.labels(n)
	if tun := c.view.Tunnel(c.node); ok && tun != 0 {
		c.tunnelLabel(n, labels, zone, tun)
	}
}

// tunnelLabel sends packets whose source has an identity with a tunnel key that holds it.
func (c *Compiler) tunnelLabel(n *topology.Network, labels topology.LabelRange, zone topology.Zone, tun openflow.PortNo) {
	c.match = c.match[:0].RegMasked(regSource, identityNumber(zone, 0), zoneOfIdentity).Metadata(metadata(n))
	c.actions = c.actions[:0].
		SetTunnelID(uint64(labels.Base)).
		Move(openflow.FieldReg(regSource), openflow.FieldTunnelID, 0, 0, labelBits(labels)).
		Output(tun)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioNormal, "sends with the identity of the source, and the network, as tunnel key")
}
