package pipeline

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// TableARP answers ARP requests (RFC 826).
const TableARP openflow.TableID = 10

func arpStage() stage {
	return stage{
		Table:   Table{TableARP, "arp", "ARP requests answered here", "network, arp_tpa", "back out of the port it came from"},
		network: (*Compiler).arpNetwork,
		block:   (*Compiler).arpBlock,
		port:    (*Compiler).arpPort,
	}
}

func (c *Compiler) arpNetwork(n *topology.Network) {
	if n.Spec.Mode == topology.Segmented || !c.routed && !answersOf(n).atGateway(topology.IPv4) || !c.local {
		return
	}
	for _, s := range n.Spec.Subnets {
		if s.Gateway.Is4() {
			c.arpReply(n, s.Gateway.Addr, n.GatewayMAC, arpForGateway)
		}
	}
}

func (c *Compiler) arpBlock(b *topology.Block) {
	if r, ok := b.Of(topology.IPv4); ok && b.Node == c.node && c.local {
		c.arpReply(c.network, r.Gateway, b.GatewayMAC, arpForGateway)
	}
}

// arpPort answers requests for a port's address on every node where ports can ask for it,
// also while the port's interface is missing: neighbours keep the address until it is back.
func (c *Compiler) arpPort(p *topology.Port) {
	if c.place.here || c.place.vtep.IsValid() && c.local {
		c.arpFurther(p)
	}
	ip, ok := p.Address(topology.IPv4)
	switch {
	case !ok:
	case c.place.number != 0:
		c.arpReplyToOthers(c.network, ip, p.MAC)
	case c.place.here, c.place.vtep.IsValid() && c.local:
		c.arpReply(c.network, ip, p.MAC, "answers ARP requests for the port")
	}
}

// arpForGateway is the rule of flows that answer for a gateway.
const arpForGateway Rule = "answers ARP requests for the gateway"

// arpReply turns a request for the address into its reply and sends it out of the port it
// came from. Nothing is flooded, and the owner is not asked: the switch answers on its
// behalf (RFC 826, "Packet Reception").
func (c *Compiler) arpReply(n *topology.Network, ip netip.Addr, mac topology.MAC, why Rule) {
	c.arpSwap(n, ip, mac)
	c.actions = c.actions.Output(openflow.PortInPort)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioNormal, why)
}

// arpReplyToOthers does what arpReply does for an address whose owner is a port of this
// node. The owner asks, too, to announce itself and to find out whether another host has
// the address (RFC 5227), and must get no answer. A switch does not send a packet out of
// the port it came from unless the action names IN_PORT (OpenFlow 1.3.5, 7.2.5). So the
// flow sets the packet's port to the owner's and sends it to the port it came from.
func (c *Compiler) arpReplyToOthers(n *topology.Network, ip netip.Addr, mac topology.MAC) {
	c.arpSwap(n, ip, mac)
	c.instr = c.instr[:0].ApplyActions(c.toOthers(c.actions))
	c.emit(prioNormal, "answers ARP requests for the port, but not its own")
}

// arpSwap begins a flow that turns a request for the address into its reply.
func (c *Compiler) arpSwap(n *topology.Network, ip netip.Addr, mac topology.MAC) {
	c.match = c.match[:0].EthType(ethTypeARP).ARPOp(arpRequest).ARPTpa(ip).Metadata(metadata(n))
	c.actions = becomeARPReply(c.actions[:0], ip, mac)
}

// becomeARPReply appends actions that turn a request for an address into its reply.
func becomeARPReply(a openflow.Actions, ip netip.Addr, mac topology.MAC) openflow.Actions {
	return a.
		Move(openflow.FieldEthSrc, openflow.FieldEthDst, 0, 0, 48).
		SetEthSrc(mac).
		SetARPOp(arpReply).
		Move(openflow.FieldARPSha, openflow.FieldARPTha, 0, 0, 48).
		SetARPSha(mac).
		Move(openflow.FieldARPSpa, openflow.FieldARPTpa, 0, 0, 32).
		SetARPSpa(ip)
}
