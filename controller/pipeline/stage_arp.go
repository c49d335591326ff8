package pipeline

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// TableARP answers ARP requests (RFC 826) on the spot.
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
	// Clients of DHCP renew with the gateway, also where it routes nothing.
	if n.Spec.Mode == topology.Segmented || !c.routed && !answersOf(n).dhcp || !c.local {
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

// arpPort: whoever asks for a port's address is answered wherever it can be asked,
// also while its interface is missing: neighbours keep what they know until it is
// back.
func (c *Compiler) arpPort(p *topology.Port) {
	if c.place.here || c.place.vtep.IsValid() && c.local {
		c.arpFurther(p)
	}
	ip, ok := p.Address(topology.IPv4)
	switch {
	case !ok:
	case c.place.number != 0:
		c.arpReplyToOthers(c.network, ip, p.MAC, c.place.number)
	case c.place.here, c.place.vtep.IsValid() && c.local:
		c.arpReply(c.network, ip, p.MAC, "answers ARP requests for the port")
	}
}

// arpForGateway is why a gateway's address is answered for.
const arpForGateway Rule = "answers ARP requests for the gateway"

// arpReply turns a request for the address into its reply, back out of the port
// it came from: nothing is flooded, and the owner is not asked (RFC 826,
// "Packet Reception", done on its behalf).
func (c *Compiler) arpReply(n *topology.Network, ip netip.Addr, mac topology.MAC, why Rule) {
	c.arpSwap(n, ip, mac)
	c.actions = c.actions.Output(openflow.PortInPort)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioNormal, why)
}

// arpReplyToOthers is arpReply for an address whose owner is at a port of this
// node, and may ask too: to announce itself, and to find out whether somebody
// else has the address (RFC 5227). It must get no answer. A switch does not send
// a packet out of the port it came from unless told to (OpenFlow 1.3.5, 7.2.5);
// so here the packet came from the owner, and is sent to where it came from.
func (c *Compiler) arpReplyToOthers(n *topology.Network, ip netip.Addr, mac topology.MAC, owner openflow.PortNo) {
	c.arpSwap(n, ip, mac)
	c.actions = c.actions.
		Move(openflow.FieldInPort, openflow.FieldReg(regInPort), 0, 0, 16).
		Load(openflow.FieldInPort, 0, 16, uint64(uint16(owner))). // OFPP_LOCAL has 16 bits there: 0xfffe
		OutputReg(openflow.FieldReg(regInPort), 0, 16)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioNormal, "answers ARP requests for the port, but not its own")
}

// arpSwap begins a flow that turns a request for the address into its reply.
func (c *Compiler) arpSwap(n *topology.Network, ip netip.Addr, mac topology.MAC) {
	c.match = c.match[:0].EthType(ethTypeARP).ARPOp(arpRequest).ARPTpa(ip).Metadata(metadata(n))
	c.actions = c.actions[:0].
		Move(openflow.FieldEthSrc, openflow.FieldEthDst, 0, 0, 48).
		SetEthSrc(mac).
		SetARPOp(arpReply).
		Move(openflow.FieldARPSha, openflow.FieldARPTha, 0, 0, 48).
		SetARPSha(mac).
		Move(openflow.FieldARPSpa, openflow.FieldARPTpa, 0, 0, 32).
		SetARPSpa(ip)
}
