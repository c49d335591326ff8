package pipeline

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// The tables of host access. A packet between a port and a node itself has the node's own
// address at one end, in both directions, so the node's kernel has nothing to forward.
const (
	// TableFromHost finds the network that a packet from the node itself is for.
	TableFromHost openflow.TableID = 7
	// TableToHost sends packets to the node itself.
	TableToHost openflow.TableID = 115
)

// Priorities of host access: in admitted, route and tunnel above those of other packets; in
// gateway, inbound and verdict beside those of packets that leave.
const (
	prioHost        = 110
	prioHostRoute   = prioRoute + 129 // above every prefix
	prioHostTTL     = 51
	prioHostReply   = 171
	prioHostRelated = 170
	prioHostBegins  = 130
)

func fromHostStage() stage {
	return stage{
		Table: Table{TableFromHost, "from-host", "from the node itself: to which network?", "nw_dst", "route; else drop"},
		host:  (*Compiler).fromHost,
	}
}

func toHostStage() stage {
	return stage{
		Table: Table{TableToHost, "to-host", "for the node itself: Ethernet addresses; send", "udp, tp_dst", "output to the node's kernel"},
		node:  (*Compiler).toHost,
	}
}

// eachOwn calls a function for each address of the node itself.
func (c *Compiler) eachOwn(node string, emit func(f topology.Family, a netip.Addr)) {
	n, ok := c.view.Topo.Node(node)
	if !ok {
		return
	}
	for _, f := range model.Families() {
		if a, ok := n.Spec.Address(f); ok {
			emit(f, a)
		}
	}
}

// classifyHost takes packets that the node itself sends from its own address, and drops
// what its kernel would forward or sends on every interface.
func (c *Compiler) classifyHost(in openflow.PortNo) {
	c.eachOwn(c.node, func(f topology.Family, a netip.Addr) {
		c.match = c.match[:0].InPort(in).EthSrc(model.HostKernelMAC()).EthDst(model.HostSwitchMAC()).EthType(ethTypes[f]).VLANUntagged()
		if a.Is4() {
			c.match = c.match.IPv4Src(host(a))
		} else {
			c.match = c.match.IPv6Src(host(a))
		}
		c.instr = c.instr[:0].GotoTable(c.next(TableFromHost))
		c.emit(prioNormal, rules{"takes IP packets of the node itself, sent from its own address", "takes IPv6 packets of the node itself, sent from its own address"}[f])
	})
	c.match = c.match[:0].InPort(in)
	c.instr = c.instr[:0]
	c.emit(prioUnaccepted, "drops packets from the node's kernel that are not from the node's own address")
}

// fromHost routes what the node itself sends. It cannot leave by an uplink.
func (c *Compiler) fromHost(n *topology.Node) {
	if n.Name != c.node {
		return
	}
	for _, s := range c.network.Spec.Subnets {
		f := model.FamilyOf(s.Prefix.Addr())
		if _, ok := n.Spec.Address(f); !ok {
			continue
		}
		c.match = toPrefix(c.match[:0], s.Prefix)
		c.actions = c.actions[:0].SetReg(regFlags, flagFromHost|flagReturned).SetReg(regRouter, c.domain).SetReg(regSource, hostIdentity)
		c.instr = c.instr[:0].ApplyActions(c.actions).WriteMetadata(metadata(c.network), ^uint64(0)).GotoTable(c.next(TableRoute))
		c.emit(prioNormal, rules{"routes what the node itself sends to the network", "routes IPv6 that the node itself sends to the network"}[f])
	}
}

// admittedHost takes what ports on other nodes send to this node itself. It was judged
// where it was sent.
func (c *Compiler) admittedHost(n *topology.Node) {
	if n.Name != c.node {
		return
	}
	c.eachOwn(n.Name, func(f topology.Family, a netip.Addr) {
		if !c.network.Spec.Has(f) {
			return
		}
		c.match = toPrefix(c.match[:0], host(a)).Metadata(metadata(c.network))
		c.instr = c.instr[:0].GotoTable(TableToHost)
		c.emit(prioHost, rules{"passes on packets of ports on other nodes to the node itself", "passes on IPv6 packets of ports on other nodes to the node itself"}[f])
	})
}

// routeHost routes from ports of the network to a node itself: this one, or another.
func (c *Compiler) routeHost(n *topology.Node) {
	vtep := c.vtepOf(n.Name)
	if n.Name != c.node && !vtep.IsValid() {
		return
	}
	c.eachOwn(n.Name, func(f topology.Family, a netip.Addr) {
		if !c.network.Spec.Has(f) {
			return
		}
		c.match = toPrefix(c.match[:0], host(a)).Reg(regRouter, c.domain).Metadata(metadata(c.network))
		why := rules{"routes from the network to the node itself", "routes IPv6 from the network to the node itself"}
		if n.Name == c.node {
			c.actions = c.actions[:0].SetReg(regDestination, hostIdentity).SetReg(regFlags, flagHost)
		} else {
			c.actions = c.actions[:0].SetReg(regDestination, hostIdentity).SetReg(regFlags, flagHost|flagRemote).SetTunnelDst(vtep)
			why = rules{"routes from the network to another node itself", "routes IPv6 from the network to another node itself"}
		}
		c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(c.next(TableGateway))
		c.emit(prioHostRoute, why[f])
	})
}

// gatewayHost counts the router as a hop. Policies judge what ports send to nodes where it
// is sent, since they do not judge what arrives at nodes.
func (c *Compiler) gatewayHost() {
	if !c.view.HostNode(c.node) {
		return
	}
	for _, f := range c.view.familiesAt(c.node) {
		c.gatewayOnward(f, onward{
			flag: flagHost, to: TableTunnel, priority: prioHostTTL,
			passes: rules{"takes one from the TTL of what is for a node itself", "takes one from the hop limit of what is for a node itself"},
			judged: rules{"has policies judge packets for a node itself", "has policies judge IPv6 packets for a node itself"},
			again:  rules{"looks up again the connection of what is for a node itself, which was noted just now, and has policies judge", "looks up again the connection of IPv6 for a node itself, which was noted just now, and has policies judge"},
		})
	}
}

// inboundHost passes answers to nodes. What this node itself begins with its ports is not
// judged; it is noted, so that the replies are known.
func (c *Compiler) inboundHost() {
	if !c.view.HostNode(c.node) {
		return
	}
	c.instr = c.instr[:0].GotoTable(c.next(TableTunnel))
	c.match = c.match[:0].RegMasked(regFlags, flagHost, flagHost).CTState(replied, replied).CTMarkMasked(0, markDenied)
	c.emit(prioHostReply, "passes replies to a node itself")
	c.match = c.match[:0].RegMasked(regFlags, flagHost, flagHost).CTState(related, related).CTMarkMasked(0, markDenied)
	c.emit(prioHostRelated, "passes errors to a node itself about connections that are not denied")
	c.match = c.match[:0].RegMasked(regFlags, flagFromHost, flagFromHost)
	c.actions = c.actions[:0].SetReg(regIngressRule, hostRule)
	c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(TableVerdict)
	c.emit(prioHostBegins, "passes what the node itself begins, which policies do not judge")
}

// verdictHost carries out the decision about packets for a node itself, as verdictOutside
// does for those that leave.
func (c *Compiler) verdictHost() {
	if !c.view.HostNode(c.node) {
		return
	}
	const judged = flagHost | flagDenied
	for _, f := range c.view.familiesAt(c.node) {
		c.match = c.match[:0].EthType(ethTypes[f]).RegMasked(regFlags, flagHost, judged).CTState(established, established).CTMarkMasked(markDenied, markDenied)
		c.actions = c.actions[:0].CT(c.record(openflow.Actions(nil).Load(openflow.FieldCTMark, 0, 1, 0)))
		c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(c.next(TableTunnel))
		c.emit(prioOutsideAgain, rules{"passes to a node itself packets that were denied and are allowed again", "passes to a node itself IPv6 packets that were denied and are allowed again"}[f])
	}
	c.match = c.match[:0].RegMasked(regFlags, flagHost, judged)
	c.instr = c.instr[:0].GotoTable(c.next(TableTunnel))
	c.emit(prioAllowedOutside, "passes packets to a node itself that are allowed")
	c.match = c.match[:0].RegMasked(regFlags, judged, judged)
	c.instr = c.instr[:0]
	c.emit(prioDeniedOutside, "drops packets to a node itself that are denied")
	c.match = ctLabel(c.match[:0].Reg(regIngressRule, hostRule).CTState(established, established).CTMarkMasked(0, markDenied), hostRule, wholeNumber, labelIngressRule)
	c.deliver(prioAsBefore, "delivers packets of a connection that the node itself began")
}

// tunnelToHost hands over packets for this node itself, which are not for the tunnel.
func (c *Compiler) tunnelToHost() {
	if !c.view.HostNode(c.node) {
		return
	}
	c.match = c.match[:0].RegMasked(regFlags, flagHost, flagHost|flagRemote)
	c.instr = c.instr[:0].GotoTable(TableToHost)
	c.emit(prioHost, "hands over packets for this node itself")
}

// tunnelHost sends what the node itself sends to ports of the network on other nodes, where
// policies judge it, with the network's first label. That is no port's.
func (c *Compiler) tunnelHost(n *topology.Node) {
	labels, _, ok := c.view.labels(c.network)
	tun := c.view.Tunnel(c.node)
	if !ok || tun == 0 || n.Name != c.node {
		return
	}
	c.match = c.match[:0].Reg(regSource, hostIdentity).Metadata(metadata(c.network))
	c.actions = c.actions[:0].SetTunnelID(uint64(labels.Base)).Output(tun)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioNormal, "sends what the node itself sends, with the label of nodes as tunnel key")
}

// toHost is the last table on the way to the node itself. Packets that its tunnel port would
// take for those of a node are dropped.
func (c *Compiler) toHost() {
	out := c.view.Host(c.node)
	if out == 0 {
		return
	}
	c.instr = c.instr[:0]
	for _, f := range model.Families() {
		for _, port := range c.tunnelUDP() {
			c.match = c.match[:0].EthType(ethTypes[f]).IPProto(protoUDP).UDPDst(port)
			c.emit(prioShut, rules{"drops VXLAN packets of ports to the node itself", "drops VXLAN packets of ports to the node itself by IPv6"}[f])
		}
	}
	c.match = c.match[:0]
	c.actions = c.actions[:0].SetEthSrc(model.HostSwitchMAC()).SetEthDst(model.HostKernelMAC()).Output(out)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioDefault, "sends to the node itself")
}
