package pipeline

import (
	"iter"
	"maps"
	"net/netip"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// A router may let IPv6 leave by a bridge as it is. The router outside has routes for the networks, by
// addresses of nodes on the uplink. So each node that has one takes what comes in for the networks, whether it
// has ports of them or not, and takes part in their domain.

// routedUplink returns the uplink by which IPv6 leaves a domain's router as it is; ok is false if it does not.
func (v *View) routedUplink(d domain) (u *topology.Uplink, ok bool) {
	ref := refOfDomain(d)
	if ref.Kind != topology.KindRouter {
		return nil, false
	}
	r, ok := v.Topo.Router(ref.Name)
	if !ok || !r.Spec.RoutesIPv6() {
		return nil, false
	}
	u, ok = v.Topo.Uplink(r.Spec.Egress.Uplink)
	return u, ok && u.Spec.Subnet6.IsValid()
}

// routesBy reports whether a node has the bridge of an uplink, and an IPv6 address there.
func (v *View) routesBy(u *topology.Uplink, node string) bool {
	n, ok := v.Topo.Node(node)
	if !ok || v.UplinkPortOf(node, u) == 0 {
		return false
	}
	_, ok = n.Spec.UplinkAddressOf(u.Spec, topology.IPv6)
	return ok
}

// entersRouted reports whether what comes from outside for a domain comes in by a node, untranslated.
func (v *View) entersRouted(d domain, node string) bool {
	u, ok := v.routedUplink(d)
	return ok && v.routesBy(u, node)
}

// routedNodes yields the nodes by which it comes in.
func (v *View) routedNodes(d domain) iter.Seq[string] {
	return func(yield func(string) bool) {
		u, ok := v.routedUplink(d)
		if !ok {
			return
		}
		for n := range v.Topo.Nodes() {
			if v.routesBy(u, n.Name) && !yield(n.Name) {
				return
			}
		}
	}
}

// domainsRouted yields the domains for which it comes in by a node.
func (v *View) domainsRouted(node string) iter.Seq[domain] {
	return func(yield func(domain) bool) {
		for u := range v.bridgeUplinks(node) {
			if !u.address6.IsValid() {
				continue
			}
			for r := range v.Topo.RoutersRouted(u.Name) {
				if !yield(r.Ref().String()) {
					return
				}
			}
		}
	}
}

// routedNode reports whether there are such domains.
func (v *View) routedNode(node string) bool {
	for range v.domainsRouted(node) {
		return true
	}
	return false
}

// beginRouted adds the memberships of a view that has none before it.
func (v *View) beginRouted(touched map[membership]bool) {
	for u := range v.Topo.Uplinks() {
		for r := range v.Topo.RoutersRouted(u.Name) {
			for node := range v.routedNodes(r.Ref().String()) {
				touched[membership{r.Ref().String(), node}] = true
			}
		}
	}
}

// routedDomains returns the domains for which packets may come in by other nodes than before, with these nodes.
func routedDomains(before, after *View, u Update) map[membership]bool {
	found := map[membership]bool{}
	both := []*View{before, after}
	node := func(name string) {
		for _, v := range both {
			for d := range v.domainsRouted(name) {
				found[membership{d, name}] = true
			}
		}
	}
	router := func(r *topology.Router) {
		for _, v := range both {
			for name := range v.routedNodes(r.Ref().String()) {
				found[membership{r.Ref().String(), name}] = true
				for _, network := range r.Spec.Networks {
					for _, w := range both {
						found[membership{w.domainOf(network), name}] = true
					}
				}
			}
		}
	}
	for _, l := range u.Uplinks {
		if l.Bridge != "" {
			node(l.Node)
		}
	}
	for _, c := range u.Changes {
		switch c.Ref.Kind {
		case topology.KindNode:
			node(c.Ref.Name)
		case topology.KindUplink:
			for _, v := range both {
				for r := range v.Topo.RoutersRouted(c.Ref.Name) {
					router(r)
				}
			}
		case topology.KindRouter:
			for _, o := range []topology.Object{c.Before, c.After} {
				if r, ok := o.(*topology.Router); ok && r.Spec.RoutesIPv6() {
					router(r)
				}
			}
		}
	}
	return found
}

// routed adds the memberships of nodes that take part in a domain because packets from outside come in by them.
func (t *touches) routed(u Update) {
	maps.Copy(t.found, routedDomains(t.before, t.after, u))
}

// routed marks what changes on nodes by which packets from outside come in as they are.
func (a *affected) routed(u Update) {
	for m := range routedDomains(a.before, a.after, u) {
		ref := refOfDomain(m.domain)
		if ref.Kind == topology.KindRouter {
			a.mark(m.node, Unit{Kind: UnitRouter, Name: ref.Name}) // it has the node's address
		}
		if a.before.routedNode(m.node) != a.after.routedNode(m.node) {
			a.mark(m.node, Unit{Kind: UnitNode, Name: m.node})
			a.policedNode(m.node)
			a.policiesOnward(m.node)
			a.answeredFamilies(m.node)
		}
		if a.before.entersRouted(m.domain, m.node) == a.after.entersRouted(m.domain, m.node) {
			continue
		}
		a.policedNode(m.node)
		a.hostNode(m.node)
		for _, v := range []*View{a.before, a.after} {
			for n := range v.networksIn(m.domain) {
				a.allOf(n, m.node)
			}
		}
	}
}

// connectionRouted refuses what comes from outside for services of a router with an address of its own networks,
// which leaves as it is. The backend would answer such a port straight, and not by the node that was entered.
func (c *Compiler) connectionRouted(e *egress) {
	if !e.router.Spec.RoutesIPv6() || !c.view.enters(e.router.Ref().String(), c.node) {
		return
	}
	for from := range c.subnets6(e.router) {
		c.match = fromPrefix(c.match[:0], from).RegMasked(regFlags, flagEntered, flagEntered).Reg(regRouter, e.router.ID)
		c.actions = c.actions[:0].Resubmit(openflow.PortInPort, TableRefuse)
		c.instr = c.instr[:0].ApplyActions(c.actions)
		c.emit(prioFromInside, "refuses what comes by IPv6 from outside to services, with addresses of the networks of their backends")
	}
}

// routedBy returns the node's port to the bridge by which IPv6 leaves a router as it is, and the node's
// address there; ok is false if it does not leave this node so.
func (c *Compiler) routedBy(e *egress) (out openflow.PortNo, own netip.Addr, ok bool) {
	if !e.router.Spec.RoutesIPv6() || !c.view.routesBy(e.uplink, c.node) {
		return 0, own, false
	}
	n, _ := c.view.Topo.Node(c.node)
	own, ok = n.Spec.UplinkAddressOf(e.uplink.Spec, topology.IPv6)
	return c.view.UplinkPortOf(c.node, e.uplink), own, ok
}

// subnets6 yields the IPv6 subnets of a router's networks.
func (c *Compiler) subnets6(r *topology.Router) iter.Seq[netip.Prefix] {
	return func(yield func(netip.Prefix) bool) {
		for _, name := range r.Spec.Networks {
			n, ok := c.view.Topo.Network(name)
			if !ok {
				continue
			}
			for _, s := range n.Spec.Subnets {
				if !s.Prefix.Addr().Is4() && !yield(s.Prefix) {
					return
				}
			}
		}
	}
}

// translateRouted lets IPv6 leave as it is, from addresses of the router's networks alone: no answer would
// find its way to others.
func (c *Compiler) translateRouted(e *egress) {
	out, own, ok := c.routedBy(e)
	if !ok {
		return
	}
	for from := range c.subnets6(e.router) {
		c.match = fromPrefix(c.match[:0], from).Reg(regRouter, e.router.ID)
		c.actions = c.actions[:0].SetReg(regOutPort, uint32(out)).SetEthSrc(model.OutsideMAC(own))
		c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(TableLeave)
		c.emit(prioNormal, "lets IPv6 leave by the bridge with the ports' own addresses")
	}
}

// publicRouted takes what the router outside sends to this node for the router's networks.
func (c *Compiler) publicRouted(e *egress) {
	out, own, ok := c.routedBy(e)
	if !ok {
		return
	}
	for to := range c.subnets6(e.router) {
		c.match = toPrefix(c.match[:0].EthDst(model.OutsideMAC(own)), to).Reg(regOutPort, uint32(out))
		c.actions = c.actions[:0].SetReg(regRouter, e.router.ID)
		c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(TableFloating)
		c.emit(prioNormal, "takes IPv6 that is routed to the router's networks")
	}
}

// admitRouted routes it to the ports, which policies judge. Nothing outside has addresses of the networks.
// Answers leave by the node of the port. So the packet forgets where it came in: what comes in there for
// services of nodes is answered by this node (tunnelEntered), and nobody outside pings the gateways.
func (c *Compiler) admitRouted(e *egress) {
	if _, _, ok := c.routedBy(e); !ok {
		return
	}
	for from := range c.subnets6(e.router) {
		c.match = fromPrefix(c.match[:0], from).Reg(regRouter, e.router.ID)
		c.instr = c.instr[:0]
		c.emit(prioShutIn, "drops IPv6 from outside with addresses of the networks that it is routed to")
	}
	c.match = c.match[:0].EthType(ethTypeIPv6).Reg(regRouter, e.router.ID)
	c.actions = c.actions[:0].SetReg(regFlags, flagReturned).Load(openflow.FieldInPort, 0, 16, 0).Resubmit(openflow.PortInPort, TableRoute)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioNormal, "routes IPv6 from outside to the ports")
}
