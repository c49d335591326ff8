package pipeline

import (
	"iter"
	"net/netip"
	"slices"
	"strings"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TableService finds the service that a connection is for and has a group choose one of its
// backends.
const TableService openflow.TableID = 16

// Priorities in service. Those of networks are above those of routers.
const (
	prioScopeNetwork   = 40
	prioServicePort    = 120
	prioServiceEcho    = 110
	prioServiceAddress = 100
	prioDirect         = 50
)

func serviceStage() stage {
	return stage{
		Table:   Table{TableService, "service", "service → one of its backends; echo reply of services", "router or network, nw_dst, protocol and port", "group; a port that it does not offer: refuse; else endpoint; not new: chosen"},
		node:    (*Compiler).serviceNode,
		service: (*Compiler).serviceFlows,
		groups:  true,
	}
}

// serviceNode has all other new connections looked up among the backends, so that a direct
// connection to a backend is not mistaken for one by a service.
func (c *Compiler) serviceNode() {
	if !c.servedNode() {
		return
	}
	for _, f := range c.view.familiesAt(c.node) {
		for _, p := range []protocol{{protoTCP, "TCP"}, {protoUDP, "UDP"}} {
			c.match = c.match[:0].EthType(ethTypes[f]).IPProto(p.number).CTState(begun, begun)
			port := openflow.FieldTCPDst
			if p.number == protoUDP {
				port = openflow.FieldUDPDst
			}
			c.actions = moveTarget(c.actions[:0], port, f)
			c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(TableEndpoint)
			c.emit(prioDirect, "checks whether packets that begin a connection are for a backend: "+p.name+" over "+familyNames[f])
		}
	}
	c.match = c.match[:0]
	c.instr = c.instr[:0].GotoTable(TableChosen)
	c.emit(prioDefault, "passes packets that are for no service")
}

// serviceFlows adds the flows for the addresses and ports of a service, for each network
// and router whose ports may use it.
func (c *Compiler) serviceFlows(o *topology.Service) {
	for _, s := range c.scopes(o) {
		for _, f := range model.Families() {
			c.serviceAddresses(o, s, f)
		}
	}
	grouped := map[int]bool{} // by the index of the scope: that for outside may share groups
	c.eachServicePort(o, func(s scope, index int, p model.ServicePort, f topology.Family) {
		id := int(serviceGroup(o, s.index, index, f))
		if grouped[id] {
			return
		}
		grouped[id] = true
		c.serviceGroup(o, s, index, p, f)
	})
}

// serviceAddresses adds the flows for a service's addresses of a family.
func (c *Compiler) serviceAddresses(o *topology.Service, s scope, f topology.Family) {
	for a, w := range c.calls(o, s) {
		if model.FamilyOf(a) == f {
			c.serviceAddress(o, s, w, a)
		}
	}
	if s.outside {
		return // only its ports come here
	}
	for _, a := range o.Spec.Reached() {
		if model.FamilyOf(a) != f {
			continue
		}
		c.serviceEcho(s, a)
		c.match = s.match(c.view.Topo, toPrefix(c.match[:0], host(a)), asIs)
		c.actions = c.actions[:0].Resubmit(openflow.PortInPort, TableRefuse)
		c.instr = c.instr[:0].ApplyActions(c.actions)
		c.emit(s.priority(prioServiceAddress), rules{"refuses packets for ports that the service does not offer", "refuses packets for ports that the service does not offer by IPv6"}[f])
	}
}

// serviceAddress adds the flow for an address and a port of a service.
func (c *Compiler) serviceAddress(o *topology.Service, s scope, w front, a netip.Addr) {
	f, p := model.FamilyOf(a), w.port
	c.match = s.match(c.view.Topo, toPort(toPrefix(c.match[:0], host(a)), endpoint{p.Protocol, p.Port}), isNew)
	c.actions = c.actions[:0].SetReg(regService, serviceMet|o.ID)
	if affine(o) {
		c.actions = c.actions.Resubmit(openflow.PortInPort, TableAffinity)
		c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(TableAffinityBackend)
		c.emit(s.priority(prioServicePort), s.rule(rules{"looks for the backend that the client of a new connection has: ", "looks for the backend that the client of a new IPv6 connection has: "}[f]+Rule(p.Protocol)))
		return
	}
	c.actions = c.actions.Group(serviceGroup(o, s.index, w.index, f))
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(s.priority(prioServicePort), s.rule(rules{"has a group choose a backend for a new connection: ", "has a group choose a backend for a new IPv6 connection: "}[f]+Rule(p.Protocol)))
}

func isNew(m openflow.Match) openflow.Match { return m.CTState(begun, begun) }
func asIs(m openflow.Match) openflow.Match  { return m }

// serviceEcho answers pings of a service's address, whatever its backends do.
func (c *Compiler) serviceEcho(s scope, a netip.Addr) {
	m, actions := echoOf(c.match[:0], c.actions[:0], a)
	c.match, c.actions = s.match(c.view.Topo, m, asIs), actions
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(s.priority(prioServiceEcho), rules{"answers pings of the service's address", "answers IPv6 pings of the service's address"}[model.FamilyOf(a)])
}

// echoOf appends the match of pings of an address, and the actions that answer them.
func echoOf(m openflow.Match, actions openflow.Actions, a netip.Addr) (openflow.Match, openflow.Actions) {
	m = toPrefix(m, host(a))
	src, dst := openflow.FieldIPv4Src, openflow.FieldIPv4Dst
	if a.Is4() {
		m = m.IPProto(protoICMP).ICMPType(echoRequest).ICMPCode(echoCode)
		actions = actions.SetICMPType(echoReply)
	} else {
		src, dst = openflow.FieldIPv6Src, openflow.FieldIPv6Dst
		m = m.IPProto(protoICMPv6).ICMPv6Type(echoRequest6).ICMPv6Code(echoCode)
		actions = actions.SetICMPv6Type(echoReply6)
	}
	return m, swapMACs(actions).
		Push(dst, 0, a.BitLen()).
		Move(src, dst, 0, 0, a.BitLen()).
		Pop(src, 0, a.BitLen()).
		SetIPTTL(gatewayTTL).
		Output(openflow.PortInPort)
}

// swapMACs appends actions that send a packet back to where it came from.
func swapMACs(a openflow.Actions) openflow.Actions {
	return a.Push(openflow.FieldEthDst, 0, 48).
		Move(openflow.FieldEthSrc, openflow.FieldEthDst, 0, 0, 48).
		Pop(openflow.FieldEthSrc, 0, 48)
}

// front is how clients of a scope reach a port of a service.
type front struct {
	// index is that of the port among the service's, port the port with the number that clients call.
	index int
	port  model.ServicePort
	// addresses are those that clients call, kind is whose they are.
	addresses []netip.Addr
	kind      frontKind
	// asksHealth says that the number is the port at which load balancers ask for backends: while sdnd
	// is away it leads to the service's first port of TCP.
	asksHealth bool
}

// frontKind is whose addresses clients call.
type frontKind uint8

const (
	// ofService are the service's, for ports of the networks also those on an uplink.
	ofService frontKind = iota
	// ofNode are the node's own, where node ports are.
	ofNode
	// ofUplink are the service's on an uplink, for clients outside.
	ofUplink
)

// has reports whether clients may call the port by a family.
func (w front) has(f topology.Family) bool {
	return slices.ContainsFunc(w.addresses, func(a netip.Addr) bool { return model.FamilyOf(a) == f })
}

// fronts yields how clients of a scope reach the ports of a service: those outside by node ports at
// the node's own addresses, of the families that the service has, and at its addresses on an uplink. Ports
// of the networks reach the node ports of their own node, too, without leaving it.
func (c *Compiler) fronts(o *topology.Service, s scope) iter.Seq[front] {
	return func(yield func(front) bool) {
		var node, uplink []netip.Addr
		for _, e := range c.entriesFor(o, s) {
			node = append(node, e.address)
		}
		if _, ok := c.exposed(o); ok && s.outside {
			uplink = o.Spec.OnUplink()
		}
		for i, p := range o.Spec.Ports {
			if !s.outside && !yield(front{index: i, port: p, addresses: o.Spec.Reached()}) {
				return
			}
			if n := o.NodePort(p); n != 0 && len(node) > 0 {
				at := p
				at.Port = n
				if !yield(front{index: i, port: at, addresses: node, kind: ofNode}) {
					return
				}
			}
			if len(uplink) > 0 && !yield(front{index: i, port: p, addresses: uplink, kind: ofUplink}) {
				return
			}
		}
		if i := slices.IndexFunc(o.Spec.Ports, func(p model.ServicePort) bool { return p.Protocol == model.ProtocolTCP && o.NodePort(p) != 0 }); s.outside && o.HealthPort() != 0 && i >= 0 {
			at := o.Spec.Ports[i]
			at.Port = o.HealthPort()
			yield(front{index: i, port: at, addresses: node, kind: ofNode, asksHealth: true})
		}
	}
}

// entriesFor returns the addresses of the node at which clients of a scope reach node ports of a service. What
// ports send to the kernel's addresses reaches them by the kernel.
func (c *Compiler) entriesFor(o *topology.Service, s scope) []entry {
	if _, ok := c.view.outsideOf(o); !ok {
		return nil
	}
	return slices.DeleteFunc(c.view.entriesOf(c.node), func(e entry) bool {
		return !hasFamily(o, model.FamilyOf(e.address)) || !s.outside && e.bridge == nil
	})
}

// calls yields the same by the addresses that clients call.
func (c *Compiler) calls(o *topology.Service, s scope) iter.Seq2[netip.Addr, front] {
	return func(yield func(netip.Addr, front) bool) {
		all := slices.Collect(c.fronts(o, s))
		for _, kind := range []frontKind{ofService, ofNode, ofUplink} {
			i := slices.IndexFunc(all, func(w front) bool { return w.kind == kind })
			if i < 0 {
				continue
			}
			for _, a := range all[i].addresses { // those of all fronts of its kind
				for _, w := range all {
					if w.kind == kind && !yield(a, w) {
						return
					}
				}
			}
		}
	}
}

// hasFamily reports whether a service has addresses of a family, or none at all.
func hasFamily(o *topology.Service, f topology.Family) bool {
	return o.Spec.Headless || slices.ContainsFunc(o.Spec.Reached(), func(a netip.Addr) bool { return model.FamilyOf(a) == f })
}

// eachServicePort calls do for each port of a service, each scope with ports on the node,
// and each family of the service's addresses.
func (c *Compiler) eachServicePort(o *topology.Service, do func(scope, int, model.ServicePort, topology.Family)) {
	for _, s := range c.scopes(o) {
		for _, f := range model.Families() {
			if !hasFamily(o, f) {
				continue
			}
			for w := range c.fronts(o, s) {
				if w.has(f) {
					do(s, w.index, w.port, f)
				}
			}
		}
	}
}

// scopes returns the scopes of a service that have ports on the node, and behind them that of
// machines outside if these reach the service by the node.
func (c *Compiler) scopes(o *topology.Service) []scope {
	all := c.view.scopesOf(o)
	if s, ok := c.view.outsideOf(o); ok {
		all = append(all, s)
	}
	return slices.DeleteFunc(all, func(s scope) bool { return !c.view.scopeOn(s, c.node) })
}

// rule returns the rule of a flow for clients of the scope, given that for ports.
func (s scope) rule(why Rule) Rule {
	if !s.outside {
		return why
	}
	return why + ", from outside to the " + Rule(strings.ToLower(string(s.Kind)))
}

// local reports whether clients of the scope reach only backends on their own node, or on the
// one that they enter.
func (s scope) local(o *topology.Service) bool {
	if s.outside {
		return externalLocal(o)
	}
	return local(o)
}

// watch returns the port that a backend's bucket watches, and whether the backend can
// answer as far as the node knows.
func (c *Compiler) watch(p *topology.Port) (openflow.PortNo, bool) {
	has := c.view.Place(p.Name)
	if c.view.Location(p) != c.node {
		return openflow.PortAny, c.view.answers(p)
	}
	return has.OFPort, has.Node == c.node && has.OFPort != 0
}
