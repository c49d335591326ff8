package pipeline

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TablePublic takes what comes in by a bridge for an address that the node has there: it answers
// ARP for it, learns from ARP where neighbours are, and translates.
const TablePublic openflow.TableID = 4

// prioGratuitous is of ARP that the gateway of an uplink sends to all.
const prioGratuitous = 90

func publicStage() stage {
	return stage{
		Table: Table{TablePublic, "public", "from a bridge: for which address there?", "bridge, arp_op, arp_tpa; dl_dst, nw_dst", "ARP: back to the bridge; return, floating; else drop"},
		node:  (*Compiler).publicNode,

		floating: (*Compiler).publicFloating,
		egressIP: (*Compiler).publicEgress,
		service:  (*Compiler).publicService,
	}
}

// classifyBridges takes ARP and IPv4 from bridges of uplinks, and drops all else, and what
// comes by a bridge of no uplink.
func (c *Compiler) classifyBridges() {
	for u := range c.view.bridgeUplinks(c.node) {
		c.actions = c.actions[:0].SetReg(regOutPort, uint32(u.port))
		c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(c.next(TablePublic))
		c.match = c.match[:0].InPort(u.port).EthType(ethTypeARP).VLANUntagged()
		c.emit(prioNormal, "takes ARP from the bridge of an uplink")
		c.match = c.match[:0].InPort(u.port).EthType(ethTypeIPv4).VLANUntagged()
		c.emit(prioNormal, "takes IP packets from the bridge of an uplink")
	}
	for bridge := range c.view.BridgesOf(c.node) {
		c.match = c.match[:0].InPort(c.view.Bridge(c.node, bridge))
		c.instr = c.instr[:0]
		c.emit(prioUnaccepted, "drops all else from a bridge")
	}
}

func (c *Compiler) publicNode() {
	for u := range c.view.bridgeUplinks(c.node) {
		if u.Spec.Gateway.IsValid() {
			c.match = c.match[:0].EthType(ethTypeARP).ARPSpa(u.Spec.Gateway).Reg(regOutPort, uint32(u.port))
			c.actions = c.learnsNextHop(c.actions[:0], u)
			c.instr = c.instr[:0].ApplyActions(c.actions)
			c.emit(prioGratuitous, "learns the MAC of the uplink's gateway from what it tells everybody")
		}
		if !u.address.IsValid() {
			continue
		}
		c.publicARP(u, u.address)
		c.match = c.toPublic(u, u.address)
		c.actions = c.actions[:0].CT(openflow.CT{Zone: zonePublic, NAT: &openflow.NAT{}, Table: TableReturn})
		c.instr = c.instr[:0].ApplyActions(c.actions)
		c.emit(prioNormal, "translates what comes back to the node's address to that of the router")
	}
}

// toPublic begins a match of IPv4 packets from a bridge to an address.
func (c *Compiler) toPublic(u bridgeUplink, a netip.Addr) openflow.Match {
	return toPrefix(c.match[:0].EthDst(model.OutsideMAC(a)), host(a)).Reg(regOutPort, uint32(u.port))
}

// publicARP answers ARP requests for an address, also those without a sender's address, which ask
// whether the address is taken (RFC 5227). It learns from who asks, and from who answers.
func (c *Compiler) publicARP(u bridgeUplink, a netip.Addr) {
	mac := model.OutsideMAC(a)
	c.match = c.match[:0].EthType(ethTypeARP).ARPOp(arpRequest).ARPTpa(a).Reg(regOutPort, uint32(u.port))
	c.actions = c.learnsNextHop(c.actions[:0], u)
	c.actions = becomeARPReply(c.actions, a, mac).Output(openflow.PortInPort)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioNormal, "answers ARP requests for the address, and learns the MAC of who asks")
	c.match = c.match[:0].EthType(ethTypeARP).ARPOp(arpReply).ARPTpa(a).Reg(regOutPort, uint32(u.port))
	c.actions = c.learnsNextHop(c.actions[:0], u)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioNormal, "learns the MAC of who answers")
}

// learnsNextHop appends actions that learn the MAC of the sender of an ARP packet.
func (c *Compiler) learnsNextHop(a openflow.Actions, u bridgeUplink) openflow.Actions {
	return a.
		Move(openflow.FieldARPSpa, openflow.FieldReg(regNextHop), 0, 0, 32).
		Move(openflow.FieldARPSha, openflow.FieldReg(regNextHopMAC), 0, 0, 32).
		Move(openflow.FieldARPSha, openflow.FieldReg(regNextHopMAC+1), 32, 0, 16).
		Learn(nextHop(u.Uplink))
}
