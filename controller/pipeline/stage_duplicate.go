package pipeline

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// TableDuplicate answers a port that asks whether an address is taken (RFC 4862, 5.4), if
// another port has the address.
const TableDuplicate openflow.TableID = 125

func duplicateStage() stage {
	return stage{
		Table: Table{TableDuplicate, "duplicate", "ports learn that an address which they ask for is taken", "dl_src", "back out of the port it came from"},
		node:  (*Compiler).duplicateNode,
	}
}

// ndDuplicates turns a solicitation without a source address into an advertisement, and has
// the next table look for the address. That table cannot answer: its answer is for the one
// who asked, and this one is for all nodes and must not say that it was solicited (RFC 4861,
// 7.2.4). So the packet has no port to go back to while it is there. An address that is found
// has a MAC; one that is not leaves the MAC of all nodes, which no host has.
//
// An option with a nonce (RFC 7527) stays as it is. The answer has no option with the MAC,
// since a switch cannot lengthen a packet; who asked needs none (RFC 4862, 5.4.4).
func (c *Compiler) ndDuplicates() {
	c.match = c.match[:0].EthType(ethTypeIPv6).IPProto(protoICMPv6).IPv6Src(host(netip.IPv6Unspecified())).
		ICMPv6Type(neighbourSolicitation).ICMPv6Code(0)
	c.actions = c.actions[:0].
		Move(openflow.FieldInPort, openflow.FieldReg(regAsker), 0, 0, 16).
		SetEthSrc(allNodesMAC()).
		SetICMPv6Type(neighbourAdvertisement).
		Load(openflow.FieldInPort, 0, 16, 0).
		Resubmit(openflow.PortInPort, TableNDTarget)
	c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(c.next(TableDuplicate))
	c.emit(prioSourceless, "looks for the address of which a port asks whether it is taken")
}

// duplicateNode sends the answer. The address's own port, if it is on this node, is now the
// one that the packet came in at, and a switch sends no packet back there.
func (c *Compiler) duplicateNode() {
	if !c.view.CarriesIPv6(c.node) {
		return
	}
	c.match = c.match[:0].EthSrcMasked(topology.MAC{}, topology.MAC{groupBit}).EthType(ethTypeIPv6).
		IPProto(protoICMPv6).ICMPv6Type(neighbourAdvertisement)
	c.actions = c.actions[:0].
		SetEthDst(allNodesMAC()).
		SetIPv6Dst(netip.IPv6LinkLocalAllNodes()).
		SetNDReserved(ndOverride).
		OutputReg(openflow.FieldReg(regAsker), 0, 16)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioNormal, "tells a port that another port has the address of which it asks whether it is taken")
}

// groupBit is the bit of a MAC's first octet that groups have (IEEE 802, 8.2).
const groupBit = 1

// allNodesMAC is the MAC of the group of all nodes (RFC 2464, 7).
func allNodesMAC() topology.MAC { return topology.MAC{0x33, 0x33, 0, 0, 0, 1} }
