package pipeline

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// host returns the prefix that holds the one address.
func host(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

// classifyIP lets a port send IPv4 packets from its own addresses only. A frame
// with a VLAN tag is dropped; a priority tag (VLAN 0) says nothing but a
// priority, and stays.
func (c *Compiler) classifyIP(n *topology.Network, p *topology.Port, in openflow.PortNo) {
	c.match = c.match[:0].InPort(in).EthSrc(p.MAC).EthType(ethTypeIPv4).VLANUntagged().IPv4Src(host(p.IP))
	c.instr = c.instr[:0].WriteMetadata(metadata(n), ^uint64(0)).GotoTable(TableBridge)
	c.emit(TableClassify, prioNormal, "takes IP packets from the port, sent from its own addresses")
}

// classifyARP lets a port speak ARP for its own addresses only.
func (c *Compiler) classifyARP(n *topology.Network, p *topology.Port, in openflow.PortNo) {
	c.match = c.match[:0].InPort(in).EthSrc(p.MAC).EthType(ethTypeARP).VLANUntagged().ARPSpa(p.IP).ARPSha(p.MAC)
	c.instr = c.instr[:0].WriteMetadata(metadata(n), ^uint64(0)).GotoTable(TableARP)
	c.emit(TableClassify, prioNormal, "takes ARP requests from the port, made with its own addresses")
}

// classifyProbe lets a port ask whether somebody has an address before it takes
// it as its own: such a request has no sender's address yet (RFC 5227, 2.1.1).
func (c *Compiler) classifyProbe(n *topology.Network, p *topology.Port, in openflow.PortNo) {
	c.match = c.match[:0].InPort(in).EthSrc(p.MAC).EthType(ethTypeARP).VLANUntagged().ARPSpa(netip.IPv4Unspecified()).ARPSha(p.MAC)
	c.instr = c.instr[:0].WriteMetadata(metadata(n), ^uint64(0)).GotoTable(TableARP)
	c.emit(TableClassify, prioNormal, "takes ARP probes from the port, which ask whether an address is taken")
}

// classifyTunnel takes IP packets of a stretched network from other nodes. Only
// packets out of the tunnel have a key, so the port need not be matched, and
// the flow is the same on every node. Whether the sender may is looked at next.
func (c *Compiler) classifyTunnel(n *topology.Network, domain uint32) {
	c.match = c.match[:0].EthType(ethTypeIPv4).VLANUntagged().TunnelID(metadata(n))
	c.actions = c.actions[:0].SetReg(regRouter, domain)
	c.instr = c.instr[:0].ApplyActions(c.actions).WriteMetadata(metadata(n), ^uint64(0)).GotoTable(TableSource)
	c.emit(TableClassify, prioNormal, "takes the network's packets from other nodes")
}

// classifyRouted takes packets of a segmented network from other nodes: the
// sender's router has had them, what is left is to find the neighbour.
func (c *Compiler) classifyRouted(n *topology.Network, domain uint32) {
	c.match = c.match[:0].EthType(ethTypeIPv4).VLANUntagged().TunnelID(metadata(n))
	c.actions = c.actions[:0].SetReg(regRouter, domain).SetReg(regFlags, flagRouted)
	c.instr = c.instr[:0].ApplyActions(c.actions).WriteMetadata(metadata(n), ^uint64(0)).GotoTable(TableSource)
	c.emit(TableClassify, prioNormal, "takes the network's packets, routed already, from other nodes")
}

// classifyTunnelDrop drops, and so counts, all else out of the tunnel: ARP, which
// nodes answer by themselves and never send, and packets of other networks.
func (c *Compiler) classifyTunnelDrop(tun openflow.PortNo) {
	c.match = c.match[:0].InPort(tun)
	c.instr = c.instr[:0]
	c.emit(TableClassify, prioStranger, "drops and counts what comes out of the tunnel and is no IP packet of a network that the node has a part in")
}

// emit appends the flow that c.match and c.instr make.
func (c *Compiler) emit(t openflow.TableID, priority uint16, r Rule) {
	f := openflow.Flow{Table: t, Priority: priority, Match: c.match, Instructions: c.instr}
	c.out.add(&f, c.unit, r)
}
