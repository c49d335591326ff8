package pipeline

import (
	"iter"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// Compiler computes flows of units. It holds scratch memory only: what it
// computes depends on nothing but its arguments. The zero Compiler is ready to
// use, by one goroutine at a time.
type Compiler struct {
	match   openflow.Match
	actions openflow.Actions
	instr   openflow.Instructions

	// What is being compiled.
	out  *FlowSet
	view *View
	node string
	unit Unit
	// The unit's network, if it has one: whether it has ports here, and the
	// router that it is connected to.
	network *topology.Network
	local   bool
	domain  uint32
	routed  bool
}

// Compile appends to out the flows that the unit needs on the node in the view.
// A unit that does not exist in the view, or that the node need not know, has
// none.
func (c *Compiler) Compile(out *FlowSet, v *View, node string, u Unit) {
	c.out, c.view, c.node, c.unit = out, v, node, u
	switch u.Kind {
	case UnitNode:
		if u.Name == node {
			c.compileNode()
		}
	case UnitNetwork:
		if c.enter(u.Name) {
			c.compileNetwork()
		}
	case UnitBlock:
		if c.enter(u.Name) {
			if b, ok := v.Topo.Block(u.Name, u.Part); ok {
				c.compileBlock(b)
			}
		}
	case UnitSource:
		c.compileSource(u)
	case UnitPort:
		if p, ok := v.Topo.Port(u.Name); ok && c.enter(p.Spec.Network) {
			c.compilePort(p)
		}
	}
}

// CompileNode appends to out all flows of the node.
func (c *Compiler) CompileNode(out *FlowSet, v *View, node string) {
	for range c.CompileEach(out, v, node) {
	}
}

// CompileEach is CompileNode unit by unit: it yields each when its flows have
// been appended to out, which may be reset then.
func (c *Compiler) CompileEach(out *FlowSet, v *View, node string) iter.Seq[Unit] {
	return func(yield func(Unit) bool) {
		c.out, c.view, c.node = out, v, node
		c.unit = Unit{Kind: UnitNode, Name: node}
		if c.compileNode(); !yield(c.unit) {
			return
		}
		for name := range v.NetworksOn(node) {
			if c.enter(name) && !c.eachOfNetwork(yield) {
				return
			}
		}
	}
}

// eachOfNetwork is CompileEach for the units of the network that was entered; it
// returns false when yield has.
func (c *Compiler) eachOfNetwork(yield func(Unit) bool) bool {
	name, topo := c.network.Name, c.view.Topo
	c.unit = Unit{Kind: UnitNetwork, Name: name}
	if c.compileNetwork(); !yield(c.unit) {
		return false
	}
	if d, ok := c.view.sourcesOf(c.network); ok {
		for c.unit = range c.view.sourceUnits(d) {
			if c.compileSource(c.unit); !yield(c.unit) {
				return false
			}
		}
	}
	ports := topo.PortsOfNetwork(name)
	if c.network.Spec.Mode == topology.Segmented {
		for b := range topo.BlocksOf(name) {
			c.unit = Unit{Kind: UnitBlock, Name: name, Part: b.Node}
			if c.compileBlock(b); !yield(c.unit) {
				return false
			}
		}
		ports = topo.PortsOfNetworkOnNode(name, c.node)
	}
	for p := range ports {
		c.unit = Unit{Kind: UnitPort, Name: p.Name}
		if c.compilePort(p); !yield(c.unit) {
			return false
		}
	}
	return true
}

// enter makes a network the one that is compiled. It returns false if there is
// none of that name, or the node need not know it.
func (c *Compiler) enter(name string) bool {
	n, ok := c.view.Topo.Network(name)
	if !ok || !c.view.Relevant(name, c.node) {
		return false
	}
	c.network, c.local = n, c.view.HasPorts(name, c.node)
	c.domain, c.routed = routingDomain(c.view.Topo, n)
	return true
}

// compileNode: what leads from stage to stage on every node.
func (c *Compiler) compileNode() {
	if _, ok := c.view.Topo.Node(c.node); !ok {
		return
	}
	c.classifyNone()
	c.classifyIPv6()
	c.sourceDrop()
	c.admittedRouted()
	c.admittedBridged()
	c.bridgeToForward()
	c.gatewayDecTTL()
	if tun := c.view.Tunnel(c.node); tun != 0 {
		c.classifyTunnelDrop(tun)
		c.tunnelOutput(tun)
	}
}

// compileNetwork: a network's way in from the tunnel, what answers for its
// gateways where it is routed and, when it is stretched, the gateways themselves.
func (c *Compiler) compileNetwork() {
	n := c.network
	if n.Spec.Mode == topology.Segmented {
		c.classifyRouted(n, c.domain)
		for _, place := range gatewayPlaces(n) {
			c.gatewayEcho(n, gatewayIn(place))
		}
		return
	}
	if c.local {
		c.classifyTunnel(n, c.domain)
	}
	if !c.routed {
		return
	}
	if c.local {
		c.bridgeToGateway(n, n.GatewayMAC, c.domain)
	}
	for _, s := range n.Spec.Subnets {
		if c.local {
			c.arpReply(n, s.Gateway, n.GatewayMAC, "answers ARP requests for the gateway")
		}
		c.gatewayEcho(n, gatewayAt(s.Gateway))
		c.routeSubnet(n, s.Prefix, c.domain)
	}
}

// compileBlock: on the node that has it, the block's gateway; on others, one
// route to that node.
func (c *Compiler) compileBlock(b *topology.Block) {
	n := c.network
	if b.Node != c.node {
		if peer, ok := c.view.Topo.Node(b.Node); ok && peer.Spec.TunnelIP.IsValid() {
			c.routeRemote(n, b, peer.Spec.TunnelIP, c.domain)
		}
		return
	}
	if c.local {
		c.arpReply(n, b.Gateway, b.GatewayMAC, "answers ARP requests for the gateway")
		c.bridgeToGateway(n, b.GatewayMAC, c.domain)
	}
	c.routeBlock(n, b, c.domain)
}

// compilePort: on the port's own node what it may send and what leads to it, on
// others of a stretched network what leads there. Whoever asks for its address
// by ARP is answered wherever it can be asked, also while its interface is
// missing: neighbours keep what they know until it is back.
func (c *Compiler) compilePort(p *topology.Port) {
	n, at := c.network, c.view.Location(p)
	if at == c.node {
		c.compileLocal(p)
		return
	}
	peer, ok := c.view.Topo.Node(at)
	if !ok || n.Spec.Mode == topology.Segmented || !peer.Spec.TunnelIP.IsValid() {
		return
	}
	c.forwardRemote(n, p, peer.Spec.TunnelIP)
	if c.local {
		c.arpReply(n, p.IP, p.MAC, arpForPort)
	}
	if c.routed {
		c.neighbour(n, p, n.GatewayMAC)
	}
}

// compileLocal is compilePort on the port's own node.
func (c *Compiler) compileLocal(p *topology.Port) {
	n, place := c.network, c.view.Place(p.Name)
	if place.Node != c.node || place.OFPort == 0 {
		c.arpReply(n, p.IP, p.MAC, arpForPort)
		return
	}
	c.classifyIP(n, p, place.OFPort)
	c.classifyARP(n, p, place.OFPort)
	c.classifyProbe(n, p, place.OFPort)
	c.dropFrom(place.OFPort)
	c.arpReplyToOthers(n, p, place.OFPort)
	c.forwardLocal(n, p, place.OFPort)
	if c.routed {
		mac := n.GatewayMAC
		if b, ok := c.view.Topo.Block(n.Name, c.node); ok {
			mac = b.GatewayMAC
		}
		c.neighbour(n, p, mac)
	}
}

// arpForPort is the rule of ports that are not plugged in on this node.
const arpForPort Rule = "answers ARP requests for the port"
