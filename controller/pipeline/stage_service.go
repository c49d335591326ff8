package pipeline

import (
	"net/netip"

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
			c.actions = c.actions[:0]
			if p.number == protoTCP {
				c.actions = c.actions.Move(openflow.FieldTCPDst, openflow.FieldReg(regTargetPort), 0, 0, 16)
			} else {
				c.actions = c.actions.Move(openflow.FieldUDPDst, openflow.FieldReg(regTargetPort), 0, 0, 16)
			}
			if f == topology.IPv4 {
				c.actions = c.actions.Move(openflow.FieldIPv4Dst, openflow.FieldReg(regTarget), 0, 0, 32)
			} else {
				for i := range 4 {
					c.actions = c.actions.Move(openflow.FieldIPv6Dst, openflow.FieldReg(regTarget+i), 96-32*i, 0, 32)
				}
			}
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
	for _, s := range c.view.scopesOf(o) {
		if !c.view.scopeOn(s, c.node) {
			continue
		}
		for _, f := range model.Families() {
			if c.serviceAddresses(o, s, f) {
				for i, p := range o.Spec.Ports {
					c.serviceGroup(o, s, i, p, f)
				}
			}
		}
	}
}

// serviceAddresses adds the flows for a service's addresses of a family; it returns false
// if there are none.
func (c *Compiler) serviceAddresses(o *topology.Service, s scope, f topology.Family) (any bool) {
	for _, a := range o.Spec.Addresses {
		if model.FamilyOf(a) != f {
			continue
		}
		any = true
		for i, p := range o.Spec.Ports {
			c.match = s.match(c.view.Topo, toPort(toPrefix(c.match[:0], host(a)), endpoint{protocolNumbers[p.Protocol], p.Port}), isNew)
			c.actions = c.actions[:0].SetReg(regService, serviceMet|o.ID).Group(serviceGroup(o, s.index, i, f))
			c.instr = c.instr[:0].ApplyActions(c.actions)
			c.emit(s.priority(prioServicePort), rules{"has a group choose a backend for a new connection: ", "has a group choose a backend for a new IPv6 connection: "}[f]+Rule(p.Protocol))
		}
		c.serviceEcho(s, a)
		c.match = s.match(c.view.Topo, toPrefix(c.match[:0], host(a)), asIs)
		c.instr = c.instr[:0]
		c.emit(s.priority(prioServiceAddress), rules{"drops and counts packets for ports that the service does not offer", "drops and counts packets for ports that the service does not offer by IPv6"}[f])
	}
	return any
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

// serviceGroup adds the group that chooses among the backends of a service's port. If there
// are none, its one bucket refuses the connection, so that the flow need not change.
func (c *Compiler) serviceGroup(o *topology.Service, s scope, index int, p model.ServicePort, f topology.Family) {
	g := openflow.Group{ID: serviceGroup(o, s.index, index, f), Type: openflow.GroupTypeSelect}
	n := 0
	for b := range c.view.Topo.Backends(o) {
		ip, ok := b.Address(f)
		if !ok || b.Endpoint.State != model.EndpointReady || c.view.domainOf(b.Spec.Network) != s.domain {
			continue
		}
		watch, alive := c.watch(b.Port)
		if !alive {
			continue
		}
		c.actions = setTarget(c.actions[:0], ip, b.Endpoint.Target(p)).Resubmit(openflow.PortInPort, TableEndpoint)
		g.Buckets = g.Buckets.Add(openflow.Bucket{Weight: bucketWeight, WatchPort: watch, WatchGroup: openflow.GroupAny, Actions: c.actions})
		if n++; n == MaxBuckets {
			break
		}
	}
	if n == 0 {
		c.actions = c.actions[:0].Resubmit(openflow.PortInPort, TableRefuse)
		g.Buckets = g.Buckets.Add(openflow.Bucket{Weight: bucketWeight, WatchPort: openflow.PortAny, WatchGroup: openflow.GroupAny, Actions: c.actions})
	}
	c.emitGroup(g, rules{"chooses one of the backends of the service's port", "chooses one of the backends of the service's port by IPv6"}[f])
}

// bucketWeight is the same for all backends.
const bucketWeight = 100

// watch returns the port that a backend's bucket watches, and whether the backend can
// answer as far as the node knows.
func (c *Compiler) watch(p *topology.Port) (openflow.PortNo, bool) {
	has := c.view.Place(p.Name)
	if c.view.Location(p) != c.node {
		return openflow.PortAny, c.view.answers(p)
	}
	return has.OFPort, has.Node == c.node && has.OFPort != 0
}
