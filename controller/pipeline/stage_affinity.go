package pipeline

import (
	"slices"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// The tables of services with session affinity.
const (
	// TableAffinity holds what is learned from new connections: which backend a client has.
	TableAffinity openflow.TableID = 28
	// TableAffinityBackend checks that the backend which a client has still gets new
	// connections, and has a group choose another if not.
	TableAffinityBackend openflow.TableID = 29
	// TableAffinityLearn learns which backend a group has chosen for a client.
	TableAffinityLearn openflow.TableID = 33
)

const (
	// MaxAffinities is how many clients of one port of a service a node remembers. The
	// switch goes through all of them to learn one more.
	MaxAffinities = 4096
	// prioAffinityNone is of clients that have no backend, or one that gets no new
	// connections any more.
	prioAffinityNone = 50
)

// Groups of affinity. Those of services are below 2^31.
const (
	// groupAlive is always alive: its bucket watches nothing.
	groupAlive = 1 << 31
	// groupBackend, with the number of the backend's interface, is that of a backend on the
	// node: while its interface is down, clients that have it get another.
	groupBackend = 1<<31 | 1<<24
)

func affinityStage() stage {
	return stage{
		Table: Table{TableAffinity, "affinity", "learned: the client's backend by a service with session affinity", "network, nw_src, service and port", "back to service"},
	}
}

func affinityBackendStage() stage {
	return stage{
		Table:   Table{TableAffinityBackend, "affinity-backend", "does the client's backend get new connections?", "router or network, service and port, backend", "endpoint; no: group"},
		node:    (*Compiler).affinityNode,
		service: (*Compiler).affinityBackends,
		backend: (*Compiler).affinityBackend,
		groups:  true,
	}
}

func affinityLearnStage() stage {
	return stage{
		Table:   Table{TableAffinityLearn, "affinity-learn", "learns which backend the client gets", "service and port", "endpoint"},
		service: (*Compiler).affinityLearn,
	}
}

// affine reports whether clients of a service keep their backend.
func affine(o *topology.Service) bool { return o.Spec.SessionAffinity == model.AffinityClientIP }

// affinityNode has the group that is always alive, which a fast-failover group needs for its
// last bucket.
func (c *Compiler) affinityNode() {
	if !c.servedNode() {
		return
	}
	c.emitGroup(openflow.Group{ID: groupAlive, Type: openflow.GroupTypeIndirect, Buckets: openflow.Buckets(nil).Add(openflow.Bucket{
		WatchPort: openflow.PortAny, WatchGroup: openflow.GroupAny,
	})}, "is always alive, as what groups of backends with session affinity fall back to")
}

// isFor appends the match of packets that are for a service.
func isFor(o *topology.Service) func(openflow.Match) openflow.Match {
	return func(m openflow.Match) openflow.Match { return m.Reg(regService, serviceMet|o.ID) }
}

// affinityBackends passes clients on to backends that get new connections, and has a group
// choose for all others.
func (c *Compiler) affinityBackends(o *topology.Service) {
	if !affine(o) {
		return
	}
	c.eachServicePort(o, func(s scope, index int, p model.ServicePort, f topology.Family) {
		of := endpoint{p.Protocol, p.Port}
		what := s.rule(Rule(s.Kind) + ": " + Rule(p.Protocol) + " over " + familyNames[f])
		c.match = s.match(c.view.Topo, toPort(c.match[:0].EthType(ethTypes[f]), of), isFor(o))
		c.actions = c.actions[:0].Group(serviceGroup(o, s.index, index, f))
		c.instr = c.instr[:0].ApplyActions(c.actions)
		c.emit(s.priority(prioAffinityNone), "has a group choose a backend for a client that has none, by "+what)
		for _, b := range c.chosenAmong(o, s, p, f) {
			c.match = s.match(c.view.Topo, toPort(c.match[:0].EthType(ethTypes[f]), of), func(m openflow.Match) openflow.Match {
				m = m.Reg(regTargetPort, uint32(b.port))
				m = isFor(o)(m)
				for i, word := range words(b.ip) {
					m = m.Reg(regTarget+i, word)
				}
				return m
			})
			where := Rule("on another node")
			if watch := c.watched(b); watch == openflow.PortAny {
				c.actions = c.actions[:0].Resubmit(openflow.PortInPort, TableEndpoint)
			} else {
				c.actions = c.actions[:0].Group(groupBackend | uint32(watch))
				where = "on this node"
			}
			c.instr = c.instr[:0].ApplyActions(c.actions)
			c.emit(s.priority(prioNormal), "lets a client keep its backend "+where+", by "+what)
		}
	})
}

// affinityBackend has the group of a backend on the node: while the backend's interface is
// down, another backend is chosen, whether sdnd is there or not.
func (c *Compiler) affinityBackend(p *topology.Port, e endpoint) {
	if e != (endpoint{}) {
		return
	}
	watch, alive := c.watch(p)
	if !alive || watch == openflow.PortAny || !c.view.affineOn(p, c.node) {
		return
	}
	g := openflow.Group{ID: groupBackend | uint32(watch), Type: openflow.GroupTypeFastFailover}
	c.actions = c.actions[:0].Resubmit(openflow.PortInPort, TableEndpoint)
	g.Buckets = g.Buckets.Add(openflow.Bucket{WatchPort: watch, WatchGroup: openflow.GroupAny, Actions: c.actions})
	c.actions = c.actions[:0].SetReg(regTargetPort, 0).Resubmit(openflow.PortInPort, TableAffinityBackend)
	g.Buckets = g.Buckets.Add(openflow.Bucket{WatchPort: openflow.PortAny, WatchGroup: groupAlive, Actions: c.actions})
	c.emitGroup(g, "lets clients keep the backend, unless its interface is down")
}

// affineOn reports whether a service with session affinity that is used on the node has a
// port as a backend.
func (v *View) affineOn(p *topology.Port, node string) bool {
	return slices.ContainsFunc(v.Topo.ServicesWith(p), func(o *topology.Service) bool { return affine(o) && v.usedOn(o, p, node) })
}

// affinityLearn learns a flow for each client. Open vSwitch deletes what was learned with
// the flow that learned it.
func (c *Compiler) affinityLearn(o *topology.Service) {
	if !affine(o) {
		return
	}
	type kind struct {
		endpoint
		f topology.Family
	}
	seen := map[kind]bool{} // it is the same for all networks and routers
	c.eachServicePort(o, func(_ scope, _ int, p model.ServicePort, f topology.Family) {
		of := endpoint{p.Protocol, p.Port}
		if seen[kind{of, f}] {
			return
		}
		seen[kind{of, f}] = true
		c.match = isFor(o)(toPort(c.match[:0].EthType(ethTypes[f]), of))
		c.actions = c.actions[:0].Learn(affinity(o, of, f)).Resubmit(openflow.PortInPort, TableEndpoint)
		c.instr = c.instr[:0].ApplyActions(c.actions)
		c.emit(prioNormal, "learns which backend a client has, by "+Rule(p.Protocol)+" over "+familyNames[f])
	})
}
