package pipeline

import (
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
}

// Compile appends to out the flows that the unit needs on the node in the view.
// A unit that does not exist in the view, or that the node need not know, has
// none.
func (c *Compiler) Compile(out *FlowSet, v *View, node string, u Unit) {
	c.out, c.view, c.node, c.unit = out, v, node, u
	switch u.Kind {
	case UnitNode:
		if u.Name == node {
			if _, ok := v.Topo.Node(node); ok {
				c.compileNode()
			}
		}
	case UnitNetwork:
		if n, ok := v.Topo.Network(u.Name); ok && v.Relevant(n.Name, node) {
			c.compileNetwork(n)
		}
	case UnitBlock:
		if n, ok := v.Topo.Network(u.Name); ok && v.Relevant(n.Name, node) {
			if b, ok := v.Topo.Block(n.Name, u.Node); ok {
				c.compileBlock(n, b)
			}
		}
	case UnitPort:
		if p, ok := v.Topo.Port(u.Name); ok && v.Relevant(p.Spec.Network, node) {
			if n, ok := v.Topo.Network(p.Spec.Network); ok {
				c.compilePort(n, p)
			}
		}
	}
}

// CompileNode appends to out all flows of the node.
func (c *Compiler) CompileNode(out *FlowSet, v *View, node string) {
	for u := range v.Units(node) {
		c.Compile(out, v, node, u)
	}
}

// compileNode: what leads from stage to stage on every node.
func (c *Compiler) compileNode() {
	c.bridgeToForward()
	c.gatewayAlreadyRouted()
	c.gatewayDecTTL()
	if tun := c.view.Tunnel(c.node); tun != 0 {
		c.tunnelOutput(tun)
	}
}

// compileNetwork: a network's way in from the tunnel and, when it is stretched
// and routed, its gateways.
func (c *Compiler) compileNetwork(n *topology.Network) {
	domain, routed := routingDomain(c.view.Topo, n)
	local := c.view.HasPorts(n.Name, c.node)
	if n.Spec.Mode == topology.Segmented {
		c.classifyRouted(n, domain)
		return
	}
	if local {
		c.classifyTunnel(n)
	}
	if !routed {
		return
	}
	if local {
		c.bridgeToGateway(n, n.GatewayMAC, domain)
	}
	for _, s := range n.Spec.Subnets {
		if local {
			c.arpReply(n, s.Gateway, n.GatewayMAC, "answers ARP requests for the gateway")
		}
		c.gatewayEcho(s.Gateway, domain)
		c.routeLocal(n, s.Prefix, domain)
	}
}

// compileBlock: on the node that has it, the block's gateway; on others, one
// route to that node.
func (c *Compiler) compileBlock(n *topology.Network, b *topology.Block) {
	domain, _ := routingDomain(c.view.Topo, n)
	if b.Node != c.node {
		if peer, ok := c.view.Topo.Node(b.Node); ok && peer.Spec.TunnelIP.IsValid() {
			c.routeRemote(n, b, peer.Spec.TunnelIP, domain)
		}
		return
	}
	if c.view.HasPorts(n.Name, c.node) {
		c.arpReply(n, b.Gateway, b.GatewayMAC, "answers ARP requests for the gateway")
		c.bridgeToGateway(n, b.GatewayMAC, domain)
	}
	c.gatewayEcho(b.Gateway, domain)
	c.routeLocal(n, b.Prefix, domain)
}

// compilePort: at most four flows on the port's own node and two on others, one
// more where the network is routed.
func (c *Compiler) compilePort(n *topology.Network, p *topology.Port) {
	at := c.view.Location(p)
	gatewayMAC := n.GatewayMAC
	if at == c.node {
		place := c.view.Place(p.Name)
		if place.Node != at || place.OFPort == 0 {
			return // declared here, but its interface is not there yet
		}
		c.classifyIP(n, p, place.OFPort)
		c.classifyARP(n, p, place.OFPort)
		c.forwardLocal(n, p, place.OFPort)
		if b, ok := c.view.Topo.Block(n.Name, c.node); ok {
			gatewayMAC = b.GatewayMAC
		}
	} else {
		peer, ok := c.view.Topo.Node(at)
		if !ok || n.Spec.Mode == topology.Segmented || !peer.Spec.TunnelIP.IsValid() {
			return
		}
		c.forwardRemote(n, p, peer.Spec.TunnelIP)
	}
	if c.view.HasPorts(n.Name, c.node) {
		c.arpReply(n, p.IP, p.MAC, "answers ARP requests for the port")
	}
	if _, routed := routingDomain(c.view.Topo, n); routed {
		c.neighbour(n, p, gatewayMAC)
	}
}
