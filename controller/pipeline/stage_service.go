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
		Table:   Table{TableService, "service", "service → one of its backends; echo reply of services", "router or network, nw_dst, protocol and port", "group; else endpoint; not new: chosen"},
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
	for _, a := range c.addresses(o, s) {
		if model.FamilyOf(a) != f {
			continue
		}
		for i, p := range c.ports(o, s) {
			c.match = s.match(c.view.Topo, toPort(toPrefix(c.match[:0], host(a)), endpoint{p.Protocol, p.Port}), isNew)
			c.actions = c.actions[:0].SetReg(regService, serviceMet|o.ID)
			if affine(o) {
				c.actions = c.actions.Resubmit(openflow.PortInPort, TableAffinity)
				c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(TableAffinityBackend)
				c.emit(s.priority(prioServicePort), s.rule(rules{"looks for the backend that the client of a new connection has: ", "looks for the backend that the client of a new IPv6 connection has: "}[f]+Rule(p.Protocol)))
				continue
			}
			c.actions = c.actions.Group(serviceGroup(o, s.index, i, f))
			c.instr = c.instr[:0].ApplyActions(c.actions)
			c.emit(s.priority(prioServicePort), s.rule(rules{"has a group choose a backend for a new connection: ", "has a group choose a backend for a new IPv6 connection: "}[f]+Rule(p.Protocol)))
		}
		if s.outside {
			continue // only its ports come here
		}
		c.serviceEcho(s, a)
		c.match = s.match(c.view.Topo, toPrefix(c.match[:0], host(a)), asIs)
		c.instr = c.instr[:0]
		c.emit(s.priority(prioServiceAddress), rules{"drops and counts packets for ports that the service does not offer", "drops and counts packets for ports that the service does not offer by IPv6"}[f])
	}
}

func isNew(m openflow.Match) openflow.Match { return m.CTState(begun, begun) }
func asIs(m openflow.Match) openflow.Match  { return m }

// serviceEcho answers pings of a service's address, whatever its backends do.
func (c *Compiler) serviceEcho(s scope, a netip.Addr) {
	m := toPrefix(c.match[:0], host(a))
	src, dst := openflow.FieldIPv4Src, openflow.FieldIPv4Dst
	why := Rule("answers pings of the service's address")
	if a.Is4() {
		m = m.IPProto(protoICMP).ICMPType(echoRequest).ICMPCode(echoCode)
		c.actions = c.actions[:0].SetICMPType(echoReply)
	} else {
		src, dst = openflow.FieldIPv6Src, openflow.FieldIPv6Dst
		m = m.IPProto(protoICMPv6).ICMPv6Type(echoRequest6).ICMPv6Code(echoCode)
		c.actions = c.actions[:0].SetICMPv6Type(echoReply6)
		why = "answers IPv6 pings of the service's address"
	}
	c.match = s.match(c.view.Topo, m, asIs)
	c.actions = swapMACs(c.actions).
		Push(dst, 0, a.BitLen()).
		Move(src, dst, 0, 0, a.BitLen()).
		Pop(src, 0, a.BitLen()).
		SetIPTTL(gatewayTTL).
		Output(openflow.PortInPort)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(s.priority(prioServiceEcho), why)
}

// swapMACs appends actions that send a packet back to where it came from.
func swapMACs(a openflow.Actions) openflow.Actions {
	return a.Push(openflow.FieldEthDst, 0, 48).
		Move(openflow.FieldEthSrc, openflow.FieldEthDst, 0, 0, 48).
		Pop(openflow.FieldEthSrc, 0, 48)
}

// addresses returns the addresses of a service for the clients of a scope: for those outside the
// node's own, of the families that the service has.
func (c *Compiler) addresses(o *topology.Service, s scope) []netip.Addr {
	if !s.outside {
		return o.Spec.Addresses
	}
	var all []netip.Addr
	for _, e := range c.view.entriesOf(c.node) {
		if hasFamily(o, model.FamilyOf(e.address)) {
			all = append(all, e.address)
		}
	}
	return all
}

func hasFamily(o *topology.Service, f topology.Family) bool {
	return slices.ContainsFunc(o.Spec.Addresses, func(a netip.Addr) bool { return model.FamilyOf(a) == f })
}

// ports yields the ports of a service by their index, with the numbers that clients of a scope
// call them by: for those outside those that have a node port, with that as their number.
func (c *Compiler) ports(o *topology.Service, s scope) iter.Seq2[int, model.ServicePort] {
	return func(yield func(int, model.ServicePort) bool) {
		for i, p := range o.Spec.Ports {
			if s.outside {
				n := o.NodePort(p)
				if n == 0 {
					continue
				}
				p.Port = n
			}
			if !yield(i, p) {
				return
			}
		}
	}
}

// eachServicePort calls do for each port of a service, each scope with ports on the node,
// and each family of the service's addresses.
func (c *Compiler) eachServicePort(o *topology.Service, do func(scope, int, model.ServicePort, topology.Family)) {
	for _, s := range c.scopes(o) {
		for _, f := range model.Families() {
			if !hasFamily(o, f) {
				continue
			}
			for i, p := range c.ports(o, s) {
				do(s, i, p, f)
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
