package pipeline

import (
	"math/bits"
	"net/netip"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TableServing is where the packets of UDP pass whose connection to a service is known: on
// to the backend, if it still serves the service. If it does not, the controller deletes the
// connection's entry, and the packet begins a new one. TCP needs that only if its service
// has a draining time: a client learns that a connection of TCP has ended, but of UDP a
// socket may send forever, and each packet keeps the entry.
const TableServing openflow.TableID = 130

// Priorities in serving.
const (
	prioServing = 100
	prioEnded   = 60
	prioStale   = 50
)

func servingStage() stage {
	return stage{
		Table:   Table{TableServing, "serving", "UDP to a service: does the backend still serve it?", "address and port of the service, and of the backend", "chosen; else controller, at a bounded rate"},
		entry:   (*Compiler).servedNode,
		node:    (*Compiler).servingNode,
		port:    (*Compiler).servingPort,
		service: (*Compiler).servingBackends,
	}
}

func (c *Compiler) servingNode() {
	if !c.servedNode() {
		return
	}
	c.match = c.match[:0]
	c.instr = c.instr[:0]
	c.emit(prioDefault, "drops and counts what is for a backend that no longer serves the service")
	// Later fragments have no ports. Those of IPv6 do not come here: Open vSwitch gives them
	// another protocol.
	c.match = c.match[:0].EthType(ethTypeIPv4).IPFragLater().IPProto(protoUDP)
	c.actions = c.actions[:0].Resubmit(openflow.PortInPort, TableChosen)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioServing, "passes later fragments of UDP to a service")
	c.servingEntered()
}

// servingPort has the controller delete the entry. The packet gets back the destination that
// it was sent to. The meter is that of what services refuse of the port.
func (c *Compiler) servingPort(*topology.Port) {
	if c.place.number == 0 || c.serves == 0 {
		return
	}
	for _, f := range familiesOf(c.network) {
		c.staleFrom(c.place.number, f, rules{"has sdnd end an entry of UDP whose backend no longer serves the service", "has sdnd end an IPv6 entry of UDP whose backend no longer serves the service"}[f])
	}
}

// staleFrom is servingPort for a family of what a port of the switch sends.
func (c *Compiler) staleFrom(in openflow.PortNo, f topology.Family, why Rule) {
	c.match = c.match[:0].EthType(ethTypes[f]).IPProto(protoUDP).InPort(in)
	c.actions = restoreTarget(c.actions[:0], openflow.FieldUDPDst, f).Controller(openflow.ControllerNoBuffer)
	c.instr = c.instr[:0].Meter(refuseMeters + uint32(in)).ApplyActions(c.actions)
	c.emit(prioStale, why)
}

// servingBackends passes what is for a backend of the service.
func (c *Compiler) servingBackends(o *topology.Service) {
	for _, s := range c.scopes(o) {
		for w := range c.fronts(o, s) {
			p := w.port
			if p.Protocol != model.ProtocolUDP && !drains(o) {
				continue
			}
			for b, target := range c.view.served(o, o.Spec.Ports[w.index]) {
				watch, alive := c.watch(b)
				if alive && c.view.domainOf(b.Spec.Network) == s.domain && !(s.local(o) && watch == openflow.PortAny) {
					c.serving(s, w, b, target)
				}
			}
			if p.Protocol == model.ProtocolTCP {
				c.ended(s, w)
			}
		}
	}
}

// ended has the controller reset connections of TCP to what is served no more, by a port of
// a service with a draining time.
func (c *Compiler) ended(s scope, w front) {
	p := w.port
	for _, a := range w.addresses {
		f := model.FamilyOf(a)
		met := func(m openflow.Match) openflow.Match { return metTarget(m, a, p.Port) }
		c.match = s.match(c.view.Topo, c.match[:0].EthType(ethTypes[f]).IPProto(protoTCP), met)
		c.actions = restoreTarget(c.actions[:0], openflow.FieldTCPDst, f).
			Load(openflow.FieldReg(regFlags), bits.TrailingZeros32(flagEnded), 1, 1).
			Resubmit(openflow.PortInPort, TableRefuse)
		c.instr = c.instr[:0].ApplyActions(c.actions)
		c.emit(s.priority(prioEnded), s.rule(rules{"has sdnd reset connections whose backend has had its draining time", "has sdnd reset IPv6 connections whose backend has had its draining time"}[f]))
	}
}

// serving passes what is for a port of a backend, by a port of the service.
func (c *Compiler) serving(s scope, w front, b *topology.Port, target uint16) {
	p := w.port
	for _, a := range w.addresses {
		f := model.FamilyOf(a)
		ip, ok := b.Address(f)
		if !ok {
			continue
		}
		met := func(m openflow.Match) openflow.Match { return metTarget(m, a, p.Port) }
		c.match = s.match(c.view.Topo, toPort(toPrefix(c.match[:0], host(ip)), endpoint{p.Protocol, target}), met)
		c.actions = c.actions[:0].Resubmit(openflow.PortInPort, TableChosen)
		c.instr = c.instr[:0].ApplyActions(c.actions)
		why := rules{"passes UDP to a backend that serves the service", "passes UDP over IPv6 to a backend that serves the service"}
		if p.Protocol == model.ProtocolTCP {
			why = rules{"passes TCP to a backend that serves the service, or has time to drain", "passes TCP over IPv6 to a backend that serves the service, or has time to drain"}
		}
		c.emit(s.priority(prioServing), s.rule(why[f]))
	}
}

// metTarget appends the match of what moveTarget has moved into registers.
func metTarget(m openflow.Match, ip netip.Addr, port uint16) openflow.Match {
	m = m.Reg(regTargetPort, uint32(port))
	for i, word := range words(ip) {
		m = m.Reg(regTarget+i, word)
	}
	return m
}

// moveTarget appends actions that copy a packet's destination into registers.
func moveTarget(a openflow.Actions, port openflow.Field, f topology.Family) openflow.Actions {
	a = a.Move(port, openflow.FieldReg(regTargetPort), 0, 0, 16)
	if f == topology.IPv4 {
		return a.Move(openflow.FieldIPv4Dst, openflow.FieldReg(regTarget), 0, 0, 32)
	}
	for i := range 4 {
		a = a.Move(openflow.FieldIPv6Dst, openflow.FieldReg(regTarget+i), 96-32*i, 0, 32)
	}
	return a
}

// restoreTarget appends actions that undo a translation of a packet whose destination
// moveTarget has copied.
func restoreTarget(a openflow.Actions, port openflow.Field, f topology.Family) openflow.Actions {
	a = a.Move(openflow.FieldReg(regTargetPort), port, 0, 0, 16)
	if f == topology.IPv4 {
		return a.Move(openflow.FieldReg(regTarget), openflow.FieldIPv4Dst, 0, 0, 32)
	}
	for i := range 4 {
		a = a.Move(openflow.FieldReg(regTarget+i), openflow.FieldIPv6Dst, 0, 96-32*i, 32)
	}
	return a
}

// ServiceZone returns the zone of the connection tracker that has the entry of a packet
// which TableServing sent to the controller; 0 is none.
func ServiceZone(m *openflow.PacketIn) uint16 {
	return uint16(register(m.Match, openflow.FieldReg(regServiceZone)))
}

// Again returns the actions that have a port send a packet once more.
func Again() openflow.Actions {
	return openflow.Actions(nil).Resubmit(openflow.PortInPort, TableClassify)
}
