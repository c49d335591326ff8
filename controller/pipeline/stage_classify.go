package pipeline

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TableClassify finds the network of a packet by its port or tunnel key, and drops what a
// container may not send.
const TableClassify openflow.TableID = 0

func classifyStage() stage {
	return stage{
		Table:   Table{TableClassify, "classify", "port or tunnel key → network; source addresses checked", "in_port, dl_src, nw_src or arp_spa+arp_sha; tun_id", "arp, nd, bridge; from a tunnel source; from the kernel return, from-host; from a bridge public; else drop"},
		entry:   func(*Compiler) bool { return true },
		node:    (*Compiler).classifyNode,
		network: (*Compiler).classifyNetwork,
		port:    (*Compiler).classifyPort,
	}
}

func (c *Compiler) classifyNode() {
	c.classifyNone()
	c.classifyIPv6()
	if c.view.CarriesIPv6(c.node) {
		c.classifySourceless()
	}
	if tun := c.view.Tunnel(c.node); tun != 0 {
		c.classifyTunnelDrop(tun)
		c.classifyTunnelProbe(tun)
	}
	if up := c.view.Uplink(c.node); up != 0 {
		c.classifyUplink(up)
	}
	if h := c.view.Host(c.node); h != 0 {
		c.classifyHost(h)
	}
	c.classifyBridges()
}

func (c *Compiler) classifyNetwork(n *topology.Network) {
	for _, f := range familiesOf(n) {
		switch {
		case n.Spec.Mode == topology.Segmented:
			c.classifyRouted(n, f, c.domain)
		case c.local || c.enters:
			c.classifyTunnel(n, f, c.domain)
		default:
			continue
		}
		c.classifyLabel(n, f)
	}
}

func (c *Compiler) classifyPort(p *topology.Port) {
	in := c.place.number
	switch {
	case in == 0:
	case p.Spec.PortSecurity == model.PortSecurityOff:
		c.classifyAnything(in)
	default:
		c.classifyOwn(p, in)
		c.classifyFurther(p, in)
	}
	if in != 0 {
		c.classifyDuplicates(p, in)
		c.classifyAsks(p, in)
		c.classifyDiscover(p, in)
		c.classifyProbed(p, in)
	}
}

// classifyOwn lets a port send from its own addresses.
func (c *Compiler) classifyOwn(p *topology.Port, in openflow.PortNo) {
	if ip, ok := p.Address(topology.IPv4); ok {
		c.classifyIP(c.network, p, ip, in)
		c.classifyARP(c.network, p, ip, in)
		c.classifyProbe(c.network, p, in)
	}
	if ip, ok := p.Address(topology.IPv6); ok {
		c.classifyFrom(c.network, p, ip, in, "takes IPv6 packets from the port, sent from its own addresses")
		c.classifyFrom(c.network, p, model.LinkLocal(p.MAC), in, "takes IPv6 packets from the port, sent from its link-local address")
		c.classifyForeign(in)
	}
}

// host returns the prefix that holds the one address.
func host(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

// classifyIP lets a port send IPv4 packets from its own addresses only. A frame with a VLAN
// tag is dropped. A priority tag (VLAN 0) carries only a priority, and stays.
func (c *Compiler) classifyIP(n *topology.Network, p *topology.Port, ip netip.Addr, in openflow.PortNo) {
	c.match = c.match[:0].InPort(in).EthSrc(p.MAC).EthType(ethTypeIPv4).VLANUntagged().IPv4Src(host(ip))
	c.emit(prioNormal, c.identify(topology.IPv4, "takes IP packets from the port, sent from its own addresses"))
}

// classifyARP lets a port send ARP for its own addresses only.
func (c *Compiler) classifyARP(n *topology.Network, p *topology.Port, ip netip.Addr, in openflow.PortNo) {
	c.match = c.match[:0].InPort(in).EthSrc(p.MAC).EthType(ethTypeARP).VLANUntagged().ARPSpa(ip).ARPSha(p.MAC)
	c.instr = c.instr[:0].WriteMetadata(metadata(n), ^uint64(0)).GotoTable(c.next(TableARP))
	c.emit(prioNormal, "takes ARP requests from the port, made with its own addresses")
}

// classifyProbe lets a port ask whether another host has an address before it uses the
// address: such a request has no sender address yet (RFC 5227, 2.1.1).
func (c *Compiler) classifyProbe(n *topology.Network, p *topology.Port, in openflow.PortNo) {
	c.match = c.match[:0].InPort(in).EthSrc(p.MAC).EthType(ethTypeARP).VLANUntagged().ARPSpa(netip.IPv4Unspecified()).ARPSha(p.MAC)
	c.instr = c.instr[:0].WriteMetadata(metadata(n), ^uint64(0)).GotoTable(c.next(TableARP))
	c.emit(prioNormal, "takes ARP probes from the port, which ask whether an address is taken")
}

// classifyTunnel accepts IP packets of a stretched network from other nodes. Only packets
// from the tunnel have a key, so the flow does not match the port and is the same on every
// node. The next table checks the sender.
func (c *Compiler) classifyTunnel(n *topology.Network, f topology.Family, domain uint32) {
	c.match = c.match[:0].EthType(ethTypes[f]).VLANUntagged().TunnelID(metadata(n))
	c.actions = c.actions[:0].SetReg(regRouter, domain)
	c.instr = c.instr[:0].ApplyActions(c.actions).WriteMetadata(metadata(n), ^uint64(0)).GotoTable(c.next(TableSource))
	c.emit(prioNormal, rules{"takes the network's packets from other nodes", "takes the network's IPv6 packets from other nodes"}[f])
}

// classifyRouted accepts packets of a segmented network from other nodes. The sender's
// router has routed them; only the neighbour is left to find.
func (c *Compiler) classifyRouted(n *topology.Network, f topology.Family, domain uint32) {
	c.match = c.match[:0].EthType(ethTypes[f]).VLANUntagged().TunnelID(metadata(n))
	c.actions = c.actions[:0].SetReg(regRouter, domain).SetReg(regFlags, flagRouted)
	c.instr = c.instr[:0].ApplyActions(c.actions).WriteMetadata(metadata(n), ^uint64(0)).GotoTable(c.next(TableSource))
	c.emit(prioNormal, rules{"takes the network's packets, routed already, from other nodes", "takes the network's IPv6 packets, routed already, from other nodes"}[f])
}

// classifyTunnelDrop drops and counts all other packets from the tunnel: ARP, which nodes
// answer themselves and never send, and packets of other networks.
func (c *Compiler) classifyTunnelDrop(tun openflow.PortNo) {
	c.match = c.match[:0].InPort(tun)
	c.instr = c.instr[:0]
	c.emit(prioUnaccepted, "drops and counts packets from the tunnel that are no IP packets of the node's networks")
}

// classifyNone sends what no port may send to the table that counts it. The packet count of
// this one flow says whether there was any, so the counters of thousands of ports need not
// be read.
func (c *Compiler) classifyNone() {
	c.match = c.match[:0]
	c.instr = c.instr[:0].GotoTable(c.next(TableDrop))
	c.emit(prioDefault, "counts and drops packets that no port may send")
}

// classifyFrom lets a port send IPv6 packets from one of its own addresses. The next table
// checks what they say in neighbour discovery.
func (c *Compiler) classifyFrom(n *topology.Network, p *topology.Port, ip netip.Addr, in openflow.PortNo, why Rule) {
	c.match = c.match[:0].InPort(in).EthSrc(p.MAC).EthType(ethTypeIPv6).VLANUntagged().IPv6Src(host(ip))
	c.emit(prioNormal, c.identify(topology.IPv6, why))
}

// classifyForeign sends other IPv6 packets of a port that has IPv6 to the table that counts
// them, past classifyIPv6.
func (c *Compiler) classifyForeign(in openflow.PortNo) {
	c.match = c.match[:0].InPort(in).EthType(ethTypeIPv6)
	c.instr = c.instr[:0].GotoTable(c.next(TableForeign))
	c.emit(prioForeign, "counts and drops IPv6 packets that the port sends from other addresses than its own")
}

// classifyDuplicates lets a port ask whether another host has an address before it uses the
// address: such a solicitation has no source address yet (RFC 4862, 5.4.2).
func (c *Compiler) classifyDuplicates(p *topology.Port, in openflow.PortNo) {
	if _, ok := p.Address(topology.IPv6); !ok {
		return
	}
	c.match = c.fromPort(p, in, ethTypeIPv6).IPProto(protoICMPv6).IPv6Src(host(netip.IPv6Unspecified())).
		ICMPv6Type(neighbourSolicitation).ICMPv6Code(0)
	c.instr = c.instr[:0].WriteMetadata(metadata(c.network), ^uint64(0)).GotoTable(c.next(TableND))
	c.emit(prioAsk, fromAnyMAC(p, "takes neighbour solicitations from the port that ask whether an address is taken"))
}

// classifySourceless drops, and counts for the node, what else hosts send before they have
// an address, such as reports of groups (RFC 3810, 5.2.13).
func (c *Compiler) classifySourceless() {
	c.match = c.match[:0].EthType(ethTypeIPv6).IPv6Src(host(netip.IPv6Unspecified()))
	c.instr = c.instr[:0]
	c.emit(prioSourceless, "drops other IPv6 packets without a source address, such as reports of groups")
}

// classifyIPv6 drops IPv6 of ports whose networks do not carry it. Every container's kernel
// sends some as soon as its interface is up (RFC 4861, 6.3.7; RFC 3810), so it is not a
// sign of a fault, and is counted for the node.
func (c *Compiler) classifyIPv6() {
	c.match = c.match[:0].EthType(ethTypeIPv6)
	c.instr = c.instr[:0]
	why := Rule("drops IPv6, which no network carries")
	if c.view != nil && c.view.CarriesIPv6(c.node) {
		why = "drops IPv6 of ports whose networks do not carry it"
	}
	c.emit(prioIPv6, why)
}

// DroppedCookie returns the cookie of the flow that counts all packets which no port may
// send, except IPv6. ForeignCookie returns that of the flow that counts IPv6 packets from
// addresses that a port with IPv6 does not have, and IPv6Cookie that of the flow that
// counts all other IPv6 packets. Each flow is the same on every node. ForeignCookie's is in
// TableForeign, the others are in TableClassify.
func DroppedCookie() openflow.Cookie { return fixedCookie(TableClassify, (*Compiler).classifyNone) }

// ForeignCookie is explained at DroppedCookie.
func ForeignCookie() openflow.Cookie { return fixedCookie(TableForeign, (*Compiler).foreignNode) }

// IPv6Cookie is explained at DroppedCookie.
func IPv6Cookie() openflow.Cookie { return fixedCookie(TableClassify, (*Compiler).classifyIPv6) }

// fixedCookie returns the cookie of a flow that is the same on every node.
func fixedCookie(table openflow.TableID, emit func(*Compiler)) openflow.Cookie {
	var set ItemSet
	emit(&Compiler{out: &set, at: table})
	return set.items[0].Cookie()
}

// identify completes the match of what a port sends from its own addresses: the packet is
// in the port's network, has the port's identity, and goes to the connection tracker if
// policies judge the port. It returns the flow's rule, given the rule that applies without
// policies.
func (c *Compiler) identify(f topology.Family, why Rule) Rule {
	to := [...]openflow.TableID{topology.IPv4: TableBridge, topology.IPv6: TableND}[f]
	c.instr = c.instr[:0]
	c.actions = c.actions[:0]
	if c.place.identity != 0 {
		c.actions = c.actions.SetReg(regSource, c.place.identity)
		why += "; they have its identity"
	}
	var flags uint32
	if c.place.judged {
		why += "; policies judge them"
		flags = flagTracked
	}
	if c.serves != 0 {
		why += "; they may be for a service"
		flags |= flagServed
	}
	switch {
	case f == topology.IPv4 && c.serves != 0:
		to, flags = TableClient, flags&flagTracked
	case f == topology.IPv4 && c.place.judged:
		to, flags = TableTrack, 0
	}
	if flags != 0 {
		c.actions = c.actions.SetReg(regFlags, flags)
	}
	if len(c.actions) > 0 {
		c.instr = c.instr.ApplyActions(c.actions)
	}
	c.instr = c.instr.WriteMetadata(metadata(c.network), ^uint64(0)).GotoTable(c.next(to))
	return why
}

// classifyLabel accepts packets of the network from other nodes whose tunnel key holds an
// identity of the source.
func (c *Compiler) classifyLabel(n *topology.Network, f topology.Family) {
	labels, zone, ok := c.view.labels(n)
	if !ok {
		return
	}
	c.match = c.match[:0].EthType(ethTypes[f]).VLANUntagged().TunnelIDMasked(uint64(labels.Base), ^uint64(labels.Size-1))
	c.actions = c.actions[:0].SetReg(regRouter, c.domain)
	why := rules{"takes the network's packets from other nodes, with the identity of their source", "takes the network's IPv6 packets from other nodes, with the identity of their source"}
	if n.Spec.Mode == topology.Segmented {
		c.actions = c.actions.SetReg(regFlags, flagRouted)
		why = rules{"takes the network's packets, routed already, from other nodes, with the identity of their source", "takes the network's IPv6 packets, routed already, from other nodes, with the identity of their source"}
	}
	c.actions = c.actions.
		SetReg(regSource, identityNumber(zone, 0)).
		Move(openflow.FieldTunnelID, openflow.FieldReg(regSource), 0, 0, labelBits(labels))
	c.instr = c.instr[:0].ApplyActions(c.actions).WriteMetadata(metadata(n), ^uint64(0)).GotoTable(c.next(TableSource))
	c.emit(prioNormal, why[f])
}
