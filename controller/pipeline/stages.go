package pipeline

import (
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// stages returns the tables in the order in which a packet meets them, which is
// that of their numbers. This list is the only place that knows the order. Gaps in
// the numbers are for stages to come.
func stages() []stage {
	return []stage{
		classifyStage(),
		sourceStage(),
		admittedStage(),
		returnStage(),
		returnedStage(),
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
		dhcpStage(),
		raStage(),
		dhcpv6Stage(),
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
	}
}

// stage is one table with the flows that units have in it. A function that is nil
// has none.
type stage struct {
	Table
	// before is a table that packets reach only through this one: what other stages
	// send to it goes here first. 0 is none.
	before openflow.TableID
	// entry says whether packets enter the pipeline of a node here: from a port, or from the
	// connection tracker. In a stage that has none they never do.
	entry func(*Compiler) bool

	node    func(*Compiler)
	network func(*Compiler, *topology.Network)
	block   func(*Compiler, *topology.Block)
	port    func(*Compiler, *topology.Port)
	source  func(*Compiler, Unit)
	policy  func(*Compiler, *policies)
	router  func(*Compiler, *egress)
	service func(*Compiler, *topology.Service)
	backend func(*Compiler, *topology.Port)

	// groups says that units have groups or meters in the stage, which flows of any
	// stage may use.
	groups bool
}

// stagesOf returns the stages in which units of a kind have flows.
func (c *Compiler) stagesOf(k UnitKind) []*stage {
	if c.stages == nil {
		c.use(stages())
	}
	return c.byKind[k]
}

// use makes stages those of the compiler.
func (c *Compiler) use(stages []stage) {
	c.stages = stages
	for i := range stages {
		for kind, has := range stages[i].has() {
			if has {
				c.byKind[kind] = append(c.byKind[kind], &stages[i])
			}
		}
	}
}

// has says of which kinds of units there are flows in the stage.
func (s *stage) has() [numUnitKinds]bool {
	return [...]bool{
		UnitNode: s.node != nil, UnitNetwork: s.network != nil, UnitBlock: s.block != nil,
		UnitPort: s.port != nil, UnitSource: s.source != nil, UnitPolicies: s.policy != nil, UnitRouter: s.router != nil,
		UnitService: s.service != nil, UnitBackend: s.backend != nil,
	}
}

// next returns where the stage at hand sends packets that are for a table: to the
// first stage on the way there that stands before it, or to the table itself.
func (c *Compiler) next(t openflow.TableID) openflow.TableID {
	for i := range c.stages {
		if s := &c.stages[i]; s.before == t && t != 0 && s.ID > c.at {
			return s.ID
		}
	}
	return t
}

// emit appends the flow that c.match and c.instr make to the table at hand.
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
