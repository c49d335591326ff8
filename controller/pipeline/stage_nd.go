package pipeline

import "github.com/sdnctl/sdnctl/openflow"

// TableND checks neighbour discovery (RFC 4861): the next table answers solicitations, and
// messages that could poison others' caches are dropped.
const TableND openflow.TableID = 12

func ndStage() stage {
	return stage{
		Table: Table{TableND, "nd", "neighbour solicitations → nd-target; other neighbour discovery is dropped", "icmp6, icmp_type", "nd-target, duplicate; bridge"},
		node:  (*Compiler).ndNode,
	}
}

func (c *Compiler) ndNode() {
	if !c.view.CarriesIPv6(c.node) {
		return
	}
	c.ndSolicitation()
	c.ndDuplicates()
	for _, t := range []uint8{routerAdvertisement, neighbourAdvertisement, redirect} {
		c.ndForged(t)
	}
	if c.view.PolicedNode(c.node) {
		c.ndTracked()
	}
	if c.servedNode() {
		c.ndServed()
	}
	c.ndOther()
}

// ndSolicitation turns a solicitation into an advertisement, except for what depends on the
// address that is asked for. It goes back to the sender, so its source becomes its
// destination. The option with the sender's MAC becomes the one with the target's (RFC
// 4861, 4.3 and 4.4). Open vSwitch leaves a solicitation without options as long as it is, so
// that its answer has none either, which is what a neighbour expects who asks one that it
// knows (7.2.4). TestSolicitationOptions tries that and others.
//
// This needs a table of its own: Open vSwitch sets that MAC only in a flow that matches an
// advertisement.
func (c *Compiler) ndSolicitation() {
	c.match = c.match[:0].EthType(ethTypeIPv6).IPProto(protoICMPv6).ICMPv6Type(neighbourSolicitation).ICMPv6Code(0)
	c.actions = c.actions[:0].
		Move(openflow.FieldEthSrc, openflow.FieldEthDst, 0, 0, 48).
		Move(openflow.FieldIPv6Src, openflow.FieldIPv6Dst, 0, 0, 128).
		SetICMPv6Type(neighbourAdvertisement).
		SetNDOptionsType(optionTargetMAC)
	c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(c.next(TableNDTarget))
	c.emit(prioNormal, "turns neighbour solicitations into advertisements")
}

// ndForged drops messages that no host needs to send, as every solicitation is answered by
// the switch, and that other hosts would believe: who has an address, and where the router
// is.
func (c *Compiler) ndForged(kind uint8) {
	c.match = c.match[:0].EthType(ethTypeIPv6).IPProto(protoICMPv6).ICMPv6Type(kind)
	c.instr = c.instr[:0]
	c.emit(prioNormal, "drops advertisements and redirects, which could poison others' caches")
}

// ndTracked sends what policies judge to the connection tracker. They do not judge
// neighbour discovery.
func (c *Compiler) ndTracked() {
	c.match = c.match[:0].EthType(ethTypeIPv6).RegMasked(regFlags, flagTracked, flagTracked)
	c.instr = c.instr[:0].GotoTable(c.next(TableTrack))
	c.emit(prioTracked, "sends packets that policies judge to the connection tracker, except neighbour discovery")
}

// ndServed sends the packets of ports that may use services to their tables. Neighbour
// discovery never is for a service.
func (c *Compiler) ndServed() {
	c.match = c.match[:0].EthType(ethTypeIPv6).RegMasked(regFlags, flagServed, flagServed)
	c.instr = c.instr[:0].GotoTable(TableClient)
	c.emit(prioServed, "sends on packets that may be for a service, except neighbour discovery")
}

// ndOther sends all other IPv6 packets on.
func (c *Compiler) ndOther() {
	c.match = c.match[:0]
	c.instr = c.instr[:0].GotoTable(c.next(TableBridge))
	c.emit(prioDefault, "sends on packets that are not neighbour discovery")
}
