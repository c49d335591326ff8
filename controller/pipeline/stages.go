package pipeline

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// stages returns the tables in the order in which a packet passes them, which is that of
// their numbers. The order is defined here alone. The numbers have gaps for stages to come.
func stages() []stage {
	return []stage{
		classifyStage(),
		sourceStage(),
		admittedStage(),
		publicStage(),
		returnStage(),
		returnedStage(),
		fromHostStage(),
		arpStage(),
		ndStage(),
		ndTargetStage(),
		clientStage(),
		connectionStage(),
		serviceStage(),
		endpointStage(),
		chosenStage(),
		trackStage(),
		outboundStage(),
		hairpinStage(),
		reflectStage(),
		hairpinReplyStage(),
		refuseStage(),
		affinityStage(),
		affinityBackendStage(),
		dhcpStage(),
		raStage(),
		dhcpv6Stage(),
		affinityLearnStage(),
		bridgeStage(),
		routeStage(),
		gatewayStage(),
		neighbourStage(),
		forwardStage(),
		receiveStage(),
		inboundStage(),
		policyStage(model.Egress, model.TierAdmin),
		policyStage(model.Egress, model.TierApplication),
		policyStage(model.Egress, model.TierBaseline),
		policyStage(model.Ingress, model.TierAdmin),
		policyStage(model.Ingress, model.TierApplication),
		policyStage(model.Ingress, model.TierBaseline),
		verdictStage(),
		tunnelStage(),
		egressStage(),
		translateStage(),
		translatedStage(),
		uplinkStage(),
		foreignStage(),
		dropStage(),
		sampleStage(),
		stampStage(),
		deliverStage(),
		deliveredStage(),
		rejectStage(),
		shadowStage(model.Egress, model.TierAdmin),
		shadowStage(model.Egress, model.TierApplication),
		shadowStage(model.Egress, model.TierBaseline),
		shadowStage(model.Ingress, model.TierAdmin),
		shadowStage(model.Ingress, model.TierApplication),
		shadowStage(model.Ingress, model.TierBaseline),
		dnsStage(),
		floatingStage(),
		dnsAwayStage(),
		byGatewayStage(),
		unansweredStage(),
		toHostStage(),
		nodeAddressStage(),
		nextHopStage(),
		nextHopMACStage(),
		outsideStage(),
		nodePortStage(),
		enteredStage(),
		answeredStage(),
		outStage(),
		tooLargeStage(),
		duplicateStage(),
		atGatewayStage(),
		egressAddressStage(),
		egressTranslatedStage(),
		servingStage(),
		reportsStage(),
		multicastStage(),
		floodStage(),
		tunnelProbeStage(),
		tooBigStage(),
	}
}

// stage is one table with the flows that units have in it. A function that is nil
// has none.
type stage struct {
	Table
	// before is a table that packets reach only through this one: what other stages send to
	// that table goes here first. 0 is none.
	before openflow.TableID
	// entry says whether packets enter the pipeline of a node in this stage: from a port,
	// or from the connection tracker. nil means that they never do.
	entry func(*Compiler) bool

	node    func(*Compiler)
	network func(*Compiler, *topology.Network)
	block   func(*Compiler, *topology.Block)
	port    func(*Compiler, *topology.Port)
	source  func(*Compiler, Unit)
	policy  func(*Compiler, *policies)
	router  func(*Compiler, *egress)
	service func(*Compiler, *topology.Service)
	backend func(*Compiler, *topology.Port, endpoint)
	host    func(*Compiler, *topology.Node)

	floating func(*Compiler, *Floating)
	peer     func(*Compiler, *topology.Node)
	egressIP func(*Compiler, *EgressIP)
	bypass   func(*Compiler, *topology.Node)
	group    func(*Compiler, *topology.Network, netip.Addr)
	// static is of the static routes of a router, with the units of routers.
	static func(*Compiler, *topology.Router)

	// groups says that units have groups or meters in the stage. Flows of any stage may use
	// them.
	groups bool
}

// stagesOf returns the stages in which units of a kind have flows.
func (c *Compiler) stagesOf(k UnitKind) []*stage {
	if c.stages == nil {
		c.use(stages())
	}
	return c.byKind[k]
}

// use sets the stages of the compiler.
func (c *Compiler) use(stages []stage) {
	c.stages = stages
	for i := range stages {
		if before := stages[i].before; before != 0 {
			c.ahead[before] = append(c.ahead[before], stages[i].ID)
		}
		for kind, has := range stages[i].has() {
			if has {
				c.byKind[kind] = append(c.byKind[kind], &stages[i])
			}
		}
	}
}

// has returns the kinds of units that have flows in the stage.
func (s *stage) has() [numUnitKinds]bool {
	return [...]bool{
		UnitNode: s.node != nil, UnitNetwork: s.network != nil, UnitBlock: s.block != nil,
		UnitPort: s.port != nil, UnitSource: s.source != nil, UnitPolicies: s.policy != nil, UnitRouter: s.router != nil || s.static != nil,
		UnitService: s.service != nil, UnitBackend: s.backend != nil, UnitHost: s.host != nil,
		UnitFloating: s.floating != nil, UnitEntry: s.peer != nil, UnitEgress: s.egressIP != nil, UnitBypass: s.bypass != nil, UnitGroup: s.group != nil,
	}
}

// next returns the table to which the stage that is compiled sends packets for a table: the
// first stage on the way that stands before that table, or the table itself.
func (c *Compiler) next(t openflow.TableID) openflow.TableID {
	for _, id := range c.ahead[t] {
		if id > c.at {
			return id
		}
	}
	return t
}

// emit appends a flow of c.match and c.instr to the table that is compiled.
func (c *Compiler) emit(priority uint16, r Rule) {
	f := openflow.Flow{Table: c.at, Priority: priority, Match: c.match, Instructions: c.instr}
	if c.only != onlyGroups {
		c.out.addFlow(&f, c.unit, r)
	}
}

// emitGroup appends a group.
func (c *Compiler) emitGroup(g openflow.Group, r Rule) {
	if c.only != onlyFlows {
		c.out.addGroup(&g, c.unit, r)
	}
}

// emitMeter appends a meter.
func (c *Compiler) emitMeter(m openflow.Meter, r Rule) {
	if c.only != onlyFlows {
		c.out.addMeter(&m, c.unit, r)
	}
}
