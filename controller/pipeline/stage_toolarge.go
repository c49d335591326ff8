package pipeline

import (
	"math/bits"
	"net/netip"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// TableTooLarge takes packets from outside that are larger than the MTU of the network that they are
// for. Their sender has to learn of it (RFC 1191, 4; RFC 8201, 4), and no switch can say so.
const TableTooLarge openflow.TableID = 124

// largeMeter limits the answers to what is too large, of a node: who sends it is outside. It is behind
// the meter of errors of routers.
const largeMeter = errorMeter + 1

// Priorities in gateway of what comes from outside, above that of packets whose TTL ends.
const (
	prioSize  = 72
	prioLarge = 73
)

// ethernetHeader is how many bytes a packet has before its IP header.
const ethernetHeader = 14

func tooLargeStage() stage {
	return stage{
		Table:  Table{TableTooLarge, "too-large", "from outside, larger than the MTU of the network that it is for", "too large", "controller, at a bounded rate, which answers"},
		node:   (*Compiler).tooLargeNode,
		groups: true,
	}
}

// gatewaySize compares what comes from outside for a network with the MTU there, before the router
// passes it on.
func (c *Compiler) gatewaySize(e *egress) {
	for _, name := range e.router.Spec.Networks {
		n, ok := c.view.Topo.Network(name)
		if !ok {
			continue
		}
		e.each(func(f topology.Family, _ netip.Addr) {
			if !n.Spec.Has(f) {
				return
			}
			c.match = c.match[:0].EthType(ethTypes[f]).RegMasked(regFlags, flagReturned, flagReturned|flagSized).Metadata(metadata(n))
			c.actions = c.actions[:0].
				CheckLarger(uint16(n.Spec.PortMTU()+ethernetHeader), openflow.FieldReg(regFlags), bits.TrailingZeros32(flagLarge)).
				Load(openflow.FieldReg(regFlags), bits.TrailingZeros32(flagSized), 1, 1).
				Resubmit(openflow.PortInPort, TableGateway)
			c.instr = c.instr[:0].ApplyActions(c.actions)
			c.emit(prioSize, rules{"compares what comes from outside with the network's MTU", "compares IPv6 that comes from outside with the network's MTU"}[f])
		})
	}
}

// gatewayLarge takes what is too large.
func (c *Compiler) gatewayLarge() {
	if !c.uplinkedNode() {
		return
	}
	c.match = c.match[:0].RegMasked(regFlags, flagLarge, flagLarge)
	c.instr = c.instr[:0].GotoTable(c.next(TableTooLarge))
	c.emit(prioLarge, "takes packets from outside that are larger than the network's MTU")
}

func (c *Compiler) tooLargeNode() {
	if !c.uplinkedNode() {
		return
	}
	c.emitMeter(openflow.Meter{
		ID: largeMeter, Flags: openflow.MeterPktps | openflow.MeterBurst,
		Bands: openflow.Bands(nil).Drop(rejectsPerSecond, rejectsAtOnce),
	}, "limits how many packets from outside that are too large are answered")
	c.match = c.match[:0].RegMasked(regFlags, flagLarge, flagLarge) // not a table miss, which sdnd would not get
	c.actions = c.actions[:0].Controller(RejectBytes)
	c.instr = c.instr[:0].Meter(largeMeter).ApplyActions(c.actions)
	c.emit(prioNormal, "has sdnd tell who sends packets that are too large")
}
