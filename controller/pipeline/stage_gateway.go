package pipeline

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"slices"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// TableGateway is the router's own addresses: it answers echo requests
// (RFC 792), and takes one from the TTL of what it passes on.
const TableGateway openflow.TableID = 60

func gatewayStage() stage {
	return stage{
		Table:   Table{TableGateway, "gateway", "echo reply of gateways; TTL", "network, nw_dst", "back out of the port it came from; neighbour; remote block: tunnel"},
		node:    (*Compiler).gatewayDecTTL,
		network: (*Compiler).gatewayNetwork,
	}
}

func (c *Compiler) gatewayNetwork(n *topology.Network) {
	if n.Spec.Mode == topology.Segmented {
		for _, place := range gatewayPlaces(n) {
			c.gatewayEcho(n, gatewayIn(place))
		}
		return
	}
	if !c.routed {
		return
	}
	for _, s := range n.Spec.Subnets {
		c.gatewayEcho(n, gatewayAt(s.Gateway.Addr))
	}
}

// gateway selects packets that are addressed to a gateway.
type gateway struct {
	// dst and mask select the destination address.
	dst, mask uint32
	// place is what regGateway must hold; 0 allows anything.
	place uint32
	// echo and fragments say why the flows exist that answer.
	echo, fragments Rule
}

// gatewayAt selects one address.
func gatewayAt(a netip.Addr) gateway {
	return gateway{dst: number(a), mask: ^uint32(0),
		echo: "answers pings of the gateway", fragments: "answers the later fragments of pings of the gateway"}
}

// gatewayPlace says where in a block its gateway is: the part of its address
// that counts the block's addresses, and above that a one, so that blocks of
// different sizes have different places. Few blocks differ in it.
func gatewayPlace(block netip.Prefix, address netip.Addr) uint32 {
	size := uint32(1) << (32 - block.Bits())
	return size | number(address)&(size-1)
}

// gatewayIn selects the gateway of any block in which it has the place, once
// the block's route is found: so one flow is enough for a thousand blocks.
func gatewayIn(place uint32) gateway {
	size := uint32(1) << (bits.Len32(place) - 1)
	return gateway{dst: place &^ size, mask: size - 1, place: place,
		echo: "answers pings of any block's gateway", fragments: "answers the later fragments of pings of any block's gateway"}
}

// gatewayPlaces returns the places that gateways have in the blocks of a
// segmented network, each once.
func gatewayPlaces(n *topology.Network) []uint32 {
	subnet, ok := n.Spec.SubnetOf(topology.IPv4)
	if !ok {
		return nil
	}
	in := subnet.Prefix.Addr()
	usual := netip.PrefixFrom(in, n.Spec.BlockBits(topology.IPv4))
	places := []uint32{gatewayPlace(usual, in.Next())}
	for _, b := range n.Spec.Blocks {
		address := b.Gateway.Addr
		if !address.IsValid() {
			address = b.Prefix.Addr().Next()
		}
		if p := gatewayPlace(b.Prefix, address); !slices.Contains(places, p) {
			places = append(places, p)
		}
	}
	return places
}

func number(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

// gatewayEcho answers pings of a gateway of the network on the node that sends
// them, wherever the gateway's own node is, and before anything is taken from
// their TTL.
//
// A ping in fragments is answered fragment by fragment: only the first one has
// the ICMP header, with a checksum of the whole (RFC 792), and the others go
// back as they came. That needs openflow.FragNXMatch.
func (c *Compiler) gatewayEcho(n *topology.Network, g gateway) {
	c.match = c.match[:0].EthType(ethTypeIPv4).IPv4DstMasked(g.dst, g.mask).
		IPProto(protoICMP).ICMPType(echoRequest).ICMPCode(echoCode)
	c.actions = c.actions[:0].SetICMPType(echoReply)
	c.sendBack(n, g, g.echo)
	c.match = c.match[:0].EthType(ethTypeIPv4).IPv4DstMasked(g.dst, g.mask).
		IPFragLater().IPProto(protoICMP)
	c.actions = c.actions[:0]
	c.sendBack(n, g, g.fragments)
}

// sendBack completes a flow for packets to a gateway of the network, which go
// back out of the port that they came from.
func (c *Compiler) sendBack(n *topology.Network, g gateway, why Rule) {
	if g.place != 0 {
		c.match = c.match.Reg(regGateway, g.place)
	}
	c.match = c.match.Metadata(metadata(n))
	c.actions = c.actions.
		Push(openflow.FieldEthDst, 0, 48).
		Move(openflow.FieldEthSrc, openflow.FieldEthDst, 0, 0, 48).
		Pop(openflow.FieldEthSrc, 0, 48).
		Push(openflow.FieldIPv4Dst, 0, 32).
		Move(openflow.FieldIPv4Src, openflow.FieldIPv4Dst, 0, 0, 32).
		Pop(openflow.FieldIPv4Src, 0, 32).
		SetIPTTL(gatewayTTL).
		Output(openflow.PortInPort)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioNormal, why)
}

// gatewayDecTTL counts this router as one hop (RFC 1812, 5.3.1); a packet whose
// TTL is used up ends here. The node that a packet is sent to is the same router
// and takes nothing.
func (c *Compiler) gatewayDecTTL() {
	c.match = c.match[:0].EthType(ethTypeIPv4).RegMasked(regFlags, flagRemote, flagRemote)
	c.actions = c.actions[:0].DecTTL()
	c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(c.next(TableTunnel))
	c.emit(prioRemote, "takes one from the TTL of what it routes to another node")
	c.match = c.match[:0].EthType(ethTypeIPv4) // dec_ttl asks for it (OpenFlow 1.3.5, 7.2.5)
	c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(c.next(TableNeighbour))
	c.emit(prioDefault, "takes one from the TTL of what it routes to its own ports")
}
