package pipeline

import (
	"encoding/binary"

	"github.com/sdnctl/sdnctl/openflow"
)

// TableError sends packets to the controller for which a router has an ICMP error: those
// that it cannot forward.
const TableError openflow.TableID = 131

// RouterError is why a router cannot forward a packet.
type RouterError uint8

// The reasons, as regError has them.
const (
	// ErrorExpired says that the TTL or hop limit does not reach further (RFC 1812, 5.3.1).
	ErrorExpired RouterError = iota + 1
	// ErrorNoRoute says that the destination is in none of the router's networks, and that
	// the router leaves by no uplink.
	ErrorNoRoute
	// ErrorNoNeighbour says that no port has the destination, which is in one of the
	// router's networks. It may be a gateway itself.
	ErrorNoNeighbour
)

const (
	// errorMeter is behind the meters of refused connections.
	errorMeter = 3 << 16
	// errorsPerSecond and errorsAtOnce are of all ports of a node together.
	errorsPerSecond = 1000
	errorsAtOnce    = 1000
)

func errorStage() stage {
	return stage{
		Table:  Table{TableError, "error", "what a router cannot forward is answered by the controller", "–", "controller, at a bounded rate"},
		node:   (*Compiler).errorNode,
		groups: true,
	}
}

// errorNode has one meter for the node, so that a port that comes up needs none of its
// own: a meter is no part of a bundle, and would take another round trip.
func (c *Compiler) errorNode() {
	c.emitMeter(openflow.Meter{
		ID: errorMeter, Flags: openflow.MeterPktps | openflow.MeterBurst,
		Bands: openflow.Bands(nil).Drop(errorsPerSecond, errorsAtOnce),
	}, "limits how many packets are answered with errors of routers")
	c.match = c.match[:0]
	c.actions = c.actions[:0].Controller(RejectBytes)
	c.instr = c.instr[:0].Meter(errorMeter).ApplyActions(c.actions)
	c.emit(prioDefault, "has sdnd answer packets that a router cannot forward")
}

// routerError emits a flow that has packets answered with an error. c.match may narrow which
// ones. Only what a port of this node sent is answered: not what came from another
// node, by an uplink or from the node itself, not sdnd's own answers, and not what is for a
// service, since its destination has been translated.
func (c *Compiler) routerError(priority uint16, why RouterError, r Rule) {
	c.match = c.match.
		RegMasked(regFlags, 0, flagRouted|flagReturned|flagFromHost|flagAnswer).
		RegMasked(regService, 0, serviceMet)
	c.actions = c.actions[:0].SetReg(regError, uint32(why))
	c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(c.next(TableError))
	c.emit(priority, r)
}

// gatewayExpired answers packets whose TTL or hop limit ends here. The pings that a gateway
// answers come first.
func (c *Compiler) gatewayExpired() {
	for _, f := range c.view.familiesAt(c.node) {
		c.match = c.match[:0].EthType(ethTypes[f]).IPTTL(1)
		c.routerError(prioExpired, ErrorExpired, rules{"answers packets whose TTL ends here", "answers packets whose hop limit ends here"}[f])
	}
}

// routeNode answers packets that no route leads to their destination.
func (c *Compiler) routeNode() {
	for _, f := range c.view.familiesAt(c.node) {
		c.match = c.match[:0].EthType(ethTypes[f])
		c.routerError(prioDefault, ErrorNoRoute, rules{"answers packets without a route", "answers IPv6 packets without a route"}[f])
	}
}

// neighbourNode answers packets to addresses that no port has.
func (c *Compiler) neighbourNode() {
	for _, f := range c.view.familiesAt(c.node) {
		c.match = c.match[:0].EthType(ethTypes[f])
		c.routerError(prioDefault, ErrorNoNeighbour, rules{"answers packets to an address that no port has", "answers packets to an IPv6 address that no port has"}[f])
	}
}

// RouterErrorOf returns why a packet was sent to the controller by TableError.
func RouterErrorOf(m *openflow.PacketIn) RouterError {
	for o := range m.Match.All() {
		if o.Field == openflow.FieldReg(regError) && len(o.Value) == 4 {
			return RouterError(binary.BigEndian.Uint32(o.Value))
		}
	}
	return 0
}
