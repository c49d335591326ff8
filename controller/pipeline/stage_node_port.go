package pipeline

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"slices"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// The tables of node ports. A machine outside connects to an address of a node, which need not
// have the backend. The node that it enters chooses the backend, translates the destination and
// leaves the source as it is; the backend's node notes which node that was, so that answers go
// back there and are translated back.
const (
	// TableNodePort finds the service of what comes from outside for a node's own address.
	TableNodePort openflow.TableID = 120
	// TableEntered notes the node that a connection has entered by.
	TableEntered openflow.TableID = 121
	// TableAnswered sends answers of backends to outside back to the node that was entered.
	TableAnswered openflow.TableID = 122
	// TableOut sends answers out of the node that was entered.
	TableOut openflow.TableID = 123
)

// zoneNodePorts is the zone of connections from outside to services, above all zones of networks
// and routers, as zonePublic is.
const zoneNodePorts = 0xfffd

// The parts of ct_label of these connections: the routing domain of the backend, and, on its
// node, the datapath ID of the node that was entered; 0 if it is that itself.
const (
	labelDomain  = 0
	labelEntered = 64
)

// Priorities of node ports.
const (
	prioEntered     = 120 // in admitted
	prioUntouched   = 125 // in chosen: destinations that have not been translated
	prioBegins      = 115 // in chosen
	prioEnters      = 110 // in chosen
	prioBeginsThere = 110 // in entered
	prioRepeated    = 115 // in entered: first segments of known connections
	prioUnknownWay  = 80
	prioTaken       = 50
	// prioLookedUp is in route, below all prefixes and above what leads to uplinks.
	prioLookedUp = prioRoute
)

func nodePortStage() stage {
	return stage{
		Table:   Table{TableNodePort, "node-port", "from outside, for the node itself: for a port of which service?", "nw_dst, protocol and port", "connection, with the connection's state; a health port: controller, while sdnd is away as a node port; ICMP: entered; else refuse"},
		node:    (*Compiler).nodePortNode,
		service: (*Compiler).nodePortService,
		groups:  true,
	}
}

func enteredStage() stage {
	return stage{
		Table: Table{TableEntered, "entered", "from outside: notes the node that was entered", "tun_src or tun_ipv6_src, ct_state, ct_label", "neighbour; errors: route; with the ends of another connection: controller, at a bounded rate"},
		entry: (*Compiler).answersOutside,
		node:  (*Compiler).enteredNode,
		peer:  (*Compiler).enteredBy,

		groups: true,
	}
}

func answeredStage() stage {
	return stage{
		Table: Table{TableAnswered, "answered", "to outside: answers what entered by which node?", "ct_state, ct_label", "out; another node: tunnel; no answer: route"},
		entry: (*Compiler).answersOutside,
		node:  (*Compiler).answeredNode,
		peer:  (*Compiler).answeredTo,
	}
}

func outStage() stage {
	return stage{
		Table: Table{TableOut, "out", "answer to outside, translated back: by which uplink?", "nw_src", "uplink, leave; else drop"},
		entry: (*Compiler).entryNode,
		node:  (*Compiler).outNode,

		service: (*Compiler).outService,
	}
}

// entryNode reports whether the node has node ports.
func (c *Compiler) entryNode() bool { return c.view.EntryNode(c.node) }

// answersOutside reports whether ports of the node may be backends that answer to outside.
func (c *Compiler) answersOutside() bool { return c.view.answersOutside(c.node) }

// entries returns the addresses at which the node has node ports.
func (c *Compiler) entries() []entry {
	if !c.entryNode() {
		return nil
	}
	return c.view.entriesOf(c.node)
}

// entryPorts returns the ports of the switch behind which machines outside are.
func (c *Compiler) entryPorts() (ports []openflow.PortNo) {
	seen := map[openflow.PortNo]bool{}
	for _, e := range c.entries() {
		if !seen[e.port] {
			ports = append(ports, e.port)
		}
		seen[e.port] = true
	}
	return ports
}

// nodePortNode refuses what is for no service, and takes errors about what services have
// answered.
func (c *Compiler) nodePortNode() {
	if !c.entryNode() {
		return
	}
	c.match = c.match[:0]
	c.actions = c.actions[:0].Resubmit(openflow.PortInPort, TableRefuse)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioDefault, "refuses what is for no node port")
	for _, f := range model.Families() {
		c.match = c.match[:0].EthType(ethTypes[f]).IPProto(protocolsOfErrors[f])
		c.actions = c.actions[:0].SetReg(regFlags, flagEntered).CT(openflow.CT{Zone: zoneNodePorts, NAT: &openflow.NAT{}, Table: TableEntered})
		c.instr = c.instr[:0].ApplyActions(c.actions)
		c.emit(prioNormal, rules{"looks up the connection that an error from outside is about", "looks up the connection that an IPv6 error from outside is about"}[f])
	}
	if c.bridgedNode() {
		c.nodePortShut()
	}
	c.healthGroups()
}

// protocolsOfErrors are the protocols of errors, by family.
var protocolsOfErrors = [...]uint8{topology.IPv4: protoICMP, topology.IPv6: protoICMPv6}

// nodePortShut drops what no answer could leave to, as floatingShut does. The kernel drops it by
// itself.
func (c *Compiler) nodePortShut() {
	six := c.bridgedIPv6()
	c.instr = c.instr[:0]
	for _, s := range shut {
		if f := model.FamilyOf(s.prefix.Addr()); f == topology.IPv4 || six {
			c.match = fromPrefix(c.match[:0], s.prefix)
			c.emit(prioShutIn, rules{"drops packets for node ports from addresses that nothing may leave to", "drops IPv6 packets for node ports from addresses that nothing may leave to"}[f])
		}
	}
	for _, e := range c.entries() {
		if e.bridge != nil && e.address.Is6() {
			c.match, c.actions = echoOf(c.match[:0], c.actions[:0], e.address)
			c.instr = c.instr[:0].ApplyActions(c.actions)
			c.emit(prioPublicEcho, "answers pings from outside of the node's IPv6 address on the uplink")
		}
	}
}

// bridgedIPv6 reports whether machines outside reach the node by IPv6 by a bridge.
func (c *Compiler) bridgedIPv6() bool {
	return slices.ContainsFunc(c.entries(), func(e entry) bool { return e.bridge != nil && e.address.Is6() })
}

// nodePortService looks up the connection of what is for a node port of a service. From there on
// it passes the tables that ports' own packets to the service pass.
func (c *Compiler) nodePortService(o *topology.Service) {
	c.echoService(o)
	for _, s := range c.scopes(o) {
		first, ok := c.view.first(s.domain)
		if !s.outside || !ok {
			continue
		}
		domain, _ := routingDomain(c.view.Topo, first)
		for a, w := range c.calls(o, s) {
			p := w.port
			if w.asksHealth {
				continue // see healthPort
			}
			c.match = toPort(toPrefix(c.match[:0], host(a)), endpoint{p.Protocol, p.Port})
			c.actions = c.entering(s, domain).CT(openflow.CT{Zone: zoneNodePorts, Table: TableConnection})
			c.instr = c.instr[:0].ApplyActions(c.actions)
			why := rules{"looks up the connection of what is for a node port: ", "looks up the connection of IPv6 that is for a node port: "}[model.FamilyOf(a)]
			if w.kind == ofUplink {
				why = rules{"looks up the connection of what is for the service's address on the uplink: ", "looks up the connection of what is for the service's IPv6 address on the uplink: "}[model.FamilyOf(a)]
			}
			c.emit(prioNormal, s.rule(why+Rule(p.Protocol)))
		}
		c.healthPort(o, s, domain)
	}
}

// entering returns actions that note to which domain what comes from outside goes.
func (c *Compiler) entering(s scope, domain uint32) openflow.Actions {
	a := c.actions[:0].SetReg(regFlags, flagEntered).SetReg(regRouter, domain).SetReg(regServiceZone, zoneNodePorts)
	if n, ok := c.view.Topo.Network(s.Name); ok && s.Kind == topology.KindNetwork {
		a = a.SetMetadata(metadata(n))
	}
	return a
}

// returnEntered takes what comes from outside for the node's own addresses.
func (c *Compiler) returnEntered() {
	for _, e := range c.entries() {
		c.match = toPrefix(c.match[:0], host(e.address))
		c.instr = c.instr[:0].GotoTable(TableNodePort)
		c.emit(prioNormal, rules{"takes what is for the node itself, where it has node ports", "takes IPv6 that is for the node itself, where it has node ports"}[model.FamilyOf(e.address)])
	}
}

// chosenEntered routes what comes from outside to the backend that has been chosen. Policies look
// up its connection anew, between the client's address and the backend's.
func (c *Compiler) chosenEntered() {
	if !c.entryNode() {
		return
	}
	for _, e := range c.entries() {
		c.match = toPrefix(c.match[:0], host(e.address)).RegMasked(regFlags, flagEntered, flagEntered)
		c.instr = c.instr[:0]
		c.emit(prioUntouched, rules{"drops what comes from outside and belongs to no connection", "drops IPv6 that comes from outside and belongs to no connection"}[model.FamilyOf(e.address)])
	}
	route := func(a openflow.Actions) openflow.Actions {
		return a.CTClear().SetReg(regFlags, flagReturned).Resubmit(openflow.PortInPort, TableRoute)
	}
	for _, f := range c.view.familiesAt(c.node) {
		c.match = c.match[:0].EthType(ethTypes[f]).RegMasked(regFlags, flagEntered, flagEntered).CTState(begun, begun)
		c.actions = route(c.actions[:0].CT(openflow.CT{
			Commit: true, Zone: zoneNodePorts,
			Exec: openflow.Actions(nil).Move(openflow.FieldReg(regRouter), openflow.FieldCTLabel, 0, labelDomain, 32),
		}))
		c.instr = c.instr[:0].ApplyActions(c.actions)
		c.emit(prioBegins, rules{"notes which router's ports a connection from outside is to, and routes it to the backend", "notes which router's ports an IPv6 connection from outside is to, and routes it to the backend"}[f])
	}
	c.match = c.match[:0].RegMasked(regFlags, flagEntered, flagEntered)
	c.actions = route(c.actions[:0])
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioEnters, "routes what comes from outside to the backend")
}

// tunnelEntered says, by a source MAC that no port has, that a packet has entered here.
func (c *Compiler) tunnelEntered(tun openflow.PortNo) {
	for _, in := range c.entryPorts() {
		c.match = c.match[:0].InPort(in)
		c.actions = c.actions[:0].
			SetEthSrc(model.EnteredMAC()).
			Move(openflow.FieldMetadata, openflow.FieldTunnelID, 0, 0, vniBits).
			Output(tun)
		c.instr = c.instr[:0].ApplyActions(c.actions)
		c.emit(prioEntered, "sends what comes from outside to the backend's node, which is to send answers back here")
	}
}

// admittedEntered takes from the tunnel what has entered at another node, and answers to what has
// entered here.
func (c *Compiler) admittedEntered() {
	for _, f := range c.view.familiesAt(c.node) {
		if c.answersOutside() {
			c.match = c.match[:0].EthSrc(model.EnteredMAC()).EthType(ethTypes[f])
			c.actions = c.actions[:0].CT(openflow.CT{Zone: zoneNodePorts, NAT: &openflow.NAT{}, Table: TableEntered})
			c.instr = c.instr[:0].ApplyActions(c.actions)
			c.emit(prioEntered, rules{"looks up the connection of what has entered at another node", "looks up the connection of IPv6 that has entered at another node"}[f])
			// A first segment is refused as the client has sent it if a connection with its ends lives.
			c.match = firstSegment(c.match[:0].EthSrc(model.EnteredMAC()).EthType(ethTypes[f]))
			c.actions = c.actions[:0].CT(openflow.CT{Zone: zoneNodePorts, Table: TableEntered})
			c.instr = c.instr[:0].ApplyActions(c.actions)
			c.emit(prioEntered+1, rules{"looks up the connection of a first segment that has entered at another node, and leaves it as it is", "looks up the connection of a first segment over IPv6 that has entered at another node, and leaves it as it is"}[f])
			if f == topology.IPv6 {
				// Where it translates the source of an error, Open vSwitch's own datapath writes a
				// checksum of TCP into the packet that the error quotes. Here that would translate
				// nothing, unless the backend sees another port of the client.
				c.match = c.match[:0].EthSrc(model.EnteredMAC()).EthType(ethTypes[f]).IPProto(protoICMPv6)
				c.actions = c.actions[:0].CT(openflow.CT{Zone: zoneNodePorts, Table: TableEntered})
				c.instr = c.instr[:0].ApplyActions(c.actions)
				c.emit(prioEntered+1, "looks up the connection of an IPv6 error that has entered at another node, and leaves it as it is")
			}
		}
		if c.entryNode() {
			c.match = c.match[:0].EthDst(model.AnsweredMAC()).EthType(ethTypes[f])
			c.actions = c.actions[:0].CT(openflow.CT{Zone: zoneNodePorts, NAT: &openflow.NAT{}, Table: TableOut})
			c.instr = c.instr[:0].ApplyActions(c.actions)
			c.emit(prioEntered, rules{"translates back what backends on other nodes answer to outside", "translates back what backends on other nodes answer to outside by IPv6"}[f])
		}
	}
}

// enteredNode passes errors, and has refused what has the same ends as a connection that entered
// elsewhere: its answers would go there (P-SVC-02).
func (c *Compiler) enteredNode() {
	if c.entryNode() {
		c.match = c.match[:0].RegMasked(regFlags, flagEntered, flagEntered).CTState(related, related|openflow.CTStateInvalid)
		c.actions = c.actions[:0].
			Move(openflow.FieldCTLabel, openflow.FieldReg(regRouter), labelDomain, 0, 32).
			CTClear().SetReg(regFlags, flagReturned).Resubmit(openflow.PortInPort, TableRoute)
		c.instr = c.instr[:0].ApplyActions(c.actions)
		c.emit(prioNormal, "routes errors from outside to the backend that they are about")
	}
	if !c.answersOutside() {
		return
	}
	for _, f := range c.view.familiesAt(c.node) {
		c.match = firstSegment(c.match[:0].EthType(ethTypes[f])).RegMasked(regFlags, 0, flagEntered).Reg(regTargetPort, 0).
			CTState(openflow.CTStateTracked, begun|openflow.CTStateInvalid)
		c.actions = c.actions[:0].SetReg(regTargetPort, 1).CT(openflow.CT{Zone: zoneNodePorts, NAT: &openflow.NAT{}, Table: TableEntered})
		c.instr = c.instr[:0].ApplyActions(c.actions)
		c.emit(prioRepeated, rules{"translates a first segment that has come before, as its connection is", "translates a first segment over IPv6 that has come before, as its connection is"}[f])
	}
	c.match = c.match[:0].RegMasked(regFlags, 0, flagEntered).CTState(related, related|openflow.CTStateInvalid)
	c.toBackend(c.actions[:0])
	c.emit(prioNormal, "passes errors from outside to their port")
	tun := c.view.Tunnel(c.node)
	if tun == 0 {
		return
	}
	meter := refuseMeters + uint32(tun)
	c.emitMeter(openflow.Meter{
		ID: meter, Flags: openflow.MeterPktps | openflow.MeterBurst,
		Bands: openflow.Bands(nil).Drop(rejectsPerSecond, rejectsAtOnce),
	}, "limits how often connections are refused that entered at two nodes with the same ends")
	refuse := func(why Rule) {
		c.actions = c.actions.Controller(RejectBytes)
		c.instr = c.instr[:0].Meter(meter).ApplyActions(c.actions)
		c.emit(prioTaken, why)
	}
	for _, f := range c.view.familiesAt(c.node) {
		// The tracker may have changed the client's port on the way here, but the client is to
		// recognise what it has sent.
		for _, p := range []struct {
			protocol
			port openflow.Field
		}{{protocol{protoTCP, "TCP"}, openflow.FieldTCPSrc}, {protocol{protoUDP, "UDP"}, openflow.FieldUDPSrc}} {
			c.match = c.match[:0].EthType(ethTypes[f]).IPProto(p.number).RegMasked(regFlags, 0, flagEntered).CTState(openflow.CTStateTracked, openflow.CTStateTracked|openflow.CTStateInvalid)
			c.actions = c.actions[:0].Move(openflow.FieldCTTpSrc, p.port, 0, 0, 16)
			refuse("has sdnd refuse what has the same ends as a connection that entered at another node: " + p.name + " over " + familyNames[f])
		}
		// In a connection that lives the tracker finds no place for another first segment.
		c.match = firstSegment(c.match[:0].EthType(ethTypes[f])).RegMasked(regFlags, 0, flagEntered).CTState(invalid, invalid)
		c.actions = c.actions[:0]
		refuse("has sdnd refuse first segments that have the same ends as a connection which entered at another node: TCP over " + familyNames[f])
	}
}

// firstSegment appends the match of segments that begin connections of TCP.
func firstSegment(m openflow.Match) openflow.Match {
	return m.IPProto(protoTCP).TCPFlags(openflow.TCPFlagSYN, openflow.TCPFlagSYN|openflow.TCPFlagACK)
}

// toBackend completes a flow that sends to a port on this node.
func (c *Compiler) toBackend(a openflow.Actions) {
	c.actions = a.CTClear().Resubmit(openflow.PortInPort, TableNeighbour)
	c.instr = c.instr[:0].ApplyActions(c.actions)
}

// enteredBy notes connections that have entered at another node. If a connection that entered here
// has the same client port, only the port changes that the backend sees.
func (c *Compiler) enteredBy(n *topology.Node) {
	vtep := c.vtepOf(n.Name)
	if !vtep.IsValid() {
		return
	}
	for _, f := range c.view.familiesAt(c.node) {
		c.match = enteredAt(c.match[:0].EthType(ethTypes[f]).TunnelSrc(host(vtep)).CTState(begun, begun), 0)
		c.toBackend(c.actions[:0].CT(openflow.CT{
			Commit: true, Zone: zoneNodePorts,
			NAT: &openflow.NAT{Direction: openflow.NATSource}, // the same source, with another port if it has to be
			Exec: openflow.Actions(nil).
				Load(openflow.FieldCTMark, bits.TrailingZeros32(markService), 1, 1).
				Move(openflow.FieldReg(regRouter), openflow.FieldCTLabel, 0, labelDomain, 32).
				Load(openflow.FieldCTLabel, labelEntered, 64, uint64(n.DatapathID)),
		}))
		c.emit(prioBeginsThere, rules{"notes a connection that has entered at the node", "notes an IPv6 connection that has entered at the node"}[f])
	}
	c.match = enteredAt(c.match[:0].TunnelSrc(host(vtep)).CTState(openflow.CTStateTracked, replied|openflow.CTStateInvalid), n.DatapathID)
	c.toBackend(c.actions[:0])
	c.emit(prioNormal, "passes what belongs to a connection that has entered at the node")
}

// enteredAt appends the match of connections that have entered at a node; 0 is the one that is
// compiled, or none.
func enteredAt(m openflow.Match, d topology.DatapathID) openflow.Match {
	var v, mask [16]byte
	at := len(v) - labelEntered/8 - 8
	binary.BigEndian.PutUint64(v[at:], uint64(d))
	binary.BigEndian.PutUint64(mask[at:], ^uint64(0))
	return m.CTLabelMasked(v, mask)
}

// routeAnswers looks up, of what no route of the domain leads to, whether it answers what came from
// outside.
func (c *Compiler) routeAnswers(n *topology.Network) {
	d, first := c.view.sourcesOf(n)
	if !first || c.looksUpAnswers(d) == 0 {
		return
	}
	for _, f := range c.view.familiesAt(c.node) {
		c.match = c.match[:0].EthType(ethTypes[f]).RegMasked(regFlags, 0, flagLooked).Reg(regRouter, c.domain)
		c.actions = c.actions[:0].CT(openflow.CT{Zone: zoneNodePorts, NAT: &openflow.NAT{}, Table: TableAnswered})
		c.instr = c.instr[:0].ApplyActions(c.actions)
		c.emit(prioLookedUp, rules{"looks up whether a packet answers what came from outside to a node port", "looks up whether an IPv6 packet answers what came from outside to a node port"}[f])
	}
}

// looksUpAnswers returns flagLooked if the node looks up, of what is for no network of a domain,
// whether it answers what came from outside: only then it follows static routes and leaves. Else it
// returns 0.
func (c *Compiler) looksUpAnswers(d domain) uint32 {
	if c.view.reachedOutside(d) && c.view.hasPortsIn(d, c.node) {
		return flagLooked
	}
	return 0
}

// answeredNode sends answers out here, and all that is no answer on.
func (c *Compiler) answeredNode() {
	if !c.answersOutside() {
		return
	}
	for _, is := range []uint32{replied, related} {
		c.match = enteredAt(c.match[:0].CTState(is, is|openflow.CTStateInvalid), 0)
		c.instr = c.instr[:0].GotoTable(TableOut)
		c.emit(prioNormal, map[uint32]Rule{replied: "sends out what answers connections that have entered here", related: "sends out errors about connections that have entered here"}[is])
		c.match = c.match[:0].CTState(is, is)
		c.instr = c.instr[:0]
		c.emit(prioUnknownWay, map[uint32]Rule{replied: "drops answers to what has entered at a node that is not known any more", related: "drops errors about what has entered at a node that is not known any more"}[is])
	}
	c.match = c.match[:0].CTState(invalid, invalid).CTMarkMasked(markService, markService)
	c.instr = c.instr[:0]
	c.emit(prioNoPart, "drops answers to outside that are no valid part of the connection that they are of")
	c.dropInvalid()
	c.match = c.match[:0]
	c.actions = c.actions[:0].CTClear().Load(openflow.FieldReg(regFlags), bits.TrailingZeros32(flagLooked), 1, 1).Resubmit(openflow.PortInPort, TableRoute)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioDefault, "sends on what answers nothing from outside")
}

// answeredTo sends answers back to the node that was entered.
func (c *Compiler) answeredTo(n *topology.Node) {
	vtep := c.vtepOf(n.Name)
	if !vtep.IsValid() {
		return
	}
	c.match = enteredAt(c.match[:0].CTState(openflow.CTStateTracked, openflow.CTStateTracked|openflow.CTStateInvalid), n.DatapathID)
	c.actions = c.actions[:0].SetEthDst(model.AnsweredMAC()).SetTunnelDst(vtep).Resubmit(openflow.PortInPort, TableTunnel)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioNormal, "sends answers back to the node that was entered")
}

// outNode sends out what has been translated back to an address of the node.
func (c *Compiler) outNode() {
	for _, e := range c.entries() {
		f := model.FamilyOf(e.address)
		c.match = c.match[:0].EthType(ethTypes[f])
		if f == topology.IPv4 {
			c.match = c.match.IPv4Src(host(e.address))
		} else {
			c.match = c.match.IPv6Src(host(e.address))
		}
		c.actions = c.actions[:0].DecTTL()
		why := rules{"sends answers out by the kernel, with the address that the client used", "sends answers out by the kernel and IPv6, with the address that the client used"}[f]
		if e.bridge != nil {
			why = rules{"sends answers out by the bridge, with the address that the client used", "sends answers out by the bridge and IPv6, with the address that the client used"}[f]
			c.actions = c.actions.SetReg(regOutPort, uint32(e.port)).SetEthSrc(model.OutsideMAC(e.address)).Resubmit(openflow.PortInPort, TableLeave)
		} else {
			c.actions = c.actions.Resubmit(openflow.PortInPort, TableUplink)
		}
		c.instr = c.instr[:0].ApplyActions(c.actions)
		c.emit(prioNormal, why)
	}
}

// refuseEntered has sdnd refuse, out of the port that it came from, what is for no node port, or for
// a service without backends.
func (c *Compiler) refuseEntered() {
	for _, in := range c.entryPorts() {
		c.refuseFrom(in, "limits how often packets from outside to node ports are refused", "has sdnd refuse packets from outside to no service, or one without backends")
	}
}

// servingEntered is servingPort for what comes from outside.
func (c *Compiler) servingEntered() {
	for _, in := range c.entryPorts() {
		for _, f := range c.view.familiesAt(c.node) {
			c.staleFrom(in, f, rules{"has sdnd end an entry of UDP from outside whose backend no longer serves the service", "has sdnd end an IPv6 entry of UDP from outside whose backend no longer serves the service"}[f])
		}
	}
}

// Entered reports whether a packet that flows sent to the controller came from outside for a service.
func Entered(m *openflow.PacketIn) bool {
	return uint16(register(m.Match, openflow.FieldReg(regServiceZone))) == zoneNodePorts
}

// AnswerEntered returns the actions that send an answer to a packet of TableEntered back to the
// node that the packet entered by, as a backend's answer; ok is false if the packet does not say
// which that was.
func AnswerEntered(m *openflow.PacketIn) (a openflow.Actions, ok bool) {
	var key uint64
	var from netip.Addr
	for o := range m.Match.All() {
		switch o.Field {
		case openflow.FieldTunnelID:
			key = binary.BigEndian.Uint64(o.Value)
		case openflow.FieldTunIPv4Src, openflow.FieldTunIPv6Src:
			from, ok = netip.AddrFromSlice(o.Value)
		}
	}
	if !ok || m.InPort() == 0 {
		return nil, false
	}
	return a.SetEthDst(model.AnsweredMAC()).SetTunnelID(key).SetTunnelDst(from).Output(m.InPort()), true
}
