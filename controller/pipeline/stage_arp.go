package pipeline

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// arpReply turns a request for the address into its reply, back out of the port
// it came from: nothing is flooded, and the owner is not asked (RFC 826,
// "Packet Reception", done on its behalf).
func (c *Compiler) arpReply(n *topology.Network, ip netip.Addr, mac topology.MAC, why Rule) {
	c.match = c.match[:0].EthType(ethTypeARP).ARPOp(arpRequest).ARPTpa(ip).Metadata(metadata(n))
	c.actions = c.actions[:0].
		Move(openflow.FieldEthSrc, openflow.FieldEthDst, 0, 0, 48).
		SetEthSrc(mac).
		SetARPOp(arpReply).
		Move(openflow.FieldARPSha, openflow.FieldARPTha, 0, 0, 48).
		SetARPSha(mac).
		Move(openflow.FieldARPSpa, openflow.FieldARPTpa, 0, 0, 32).
		SetARPSpa(ip).
		Output(openflow.PortInPort)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(TableARP, prioNormal, why)
}
