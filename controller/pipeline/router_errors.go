package pipeline

import "github.com/sdnctl/sdnctl/openflow"

// A router answers with an ICMP error what it cannot forward: sdnd gets the packet from the
// table where its way ends, and answers (package answer, RouterErrors).
const (
	// errorMeter is behind the meters of refused connections.
	errorMeter = 3 << 16
	// errorsPerSecond and errorsAtOnce are of all ports of a node together.
	errorsPerSecond = 1000
	errorsAtOnce    = 1000
)

// routerErrorMeter adds one meter for the node, so that a port that comes up needs none of
// its own: a meter is no part of a bundle, and would take another round trip.
func (c *Compiler) routerErrorMeter() {
	c.emitMeter(openflow.Meter{
		ID: errorMeter, Flags: openflow.MeterPktps | openflow.MeterBurst,
		Bands: openflow.Bands(nil).Drop(errorsPerSecond, errorsAtOnce),
	}, "limits how many packets are answered with errors of routers")
}

// routerError emits a flow that has packets answered with an error. c.match may narrow which
// ones. Only what a port of this node sent is answered: not what came from another
// node, by an uplink or from the node itself, not sdnd's own answers, and not what is for a
// service, since its destination has been translated.
func (c *Compiler) routerError(priority uint16, r Rule) {
	c.match = c.match.
		RegMasked(regFlags, 0, flagRouted|flagReturned|flagFromHost|flagAnswer).
		RegMasked(regService, 0, serviceMet)
	c.actions = c.actions[:0].Controller(RejectBytes)
	c.instr = c.instr[:0].Meter(errorMeter).ApplyActions(c.actions)
	c.emit(priority, r)
}

// gatewayExpired answers packets whose TTL or hop limit ends here. The pings that a gateway
// answers come first.
func (c *Compiler) gatewayExpired() {
	for _, f := range c.view.familiesAt(c.node) {
		c.match = c.match[:0].EthType(ethTypes[f]).IPTTL(1)
		c.routerError(prioExpired, rules{"has sdnd answer packets whose TTL ends here", "has sdnd answer packets whose hop limit ends here"}[f])
	}
}

// routeNode answers packets that no route leads to their destination.
func (c *Compiler) routeNode() {
	for _, f := range c.view.familiesAt(c.node) {
		c.match = c.match[:0].EthType(ethTypes[f])
		c.routerError(prioDefault, rules{"has sdnd answer packets without a route", "has sdnd answer IPv6 packets without a route"}[f])
	}
}

// neighbourNode answers packets to addresses that no port has.
func (c *Compiler) neighbourNode() {
	for _, f := range c.view.familiesAt(c.node) {
		c.match = c.match[:0].EthType(ethTypes[f])
		c.routerError(prioDefault, rules{"has sdnd answer packets to an address that no port has", "has sdnd answer packets to an IPv6 address that no port has"}[f])
	}
}
