package pipeline

import (
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// A load balancer outside that spreads connections over nodes asks each one, at the health port of a
// service whose external traffic policy is Local, whether it has backends. sdnd answers for the
// nodes. While it is away the health port leads to the service's first port of TCP, so that a node
// accepts connections there if it has backends, and refuses them if not.

// Groups of a node: groupHealthAway takes a packet for a health port as one for a node port, and
// groupHealth chooses between sdnd and that.
const (
	groupHealthAway = 1<<31 | 1<<28
	groupHealth     = groupHealthAway + 1
)

// healthMeter limits what all health ports of a node send to sdnd. It is behind the meters of errors.
const healthMeter = largeMeter + 1

// healthPerSecond is how many packets a node's health ports may send to sdnd in a second, in the
// long run and at once. A question is at most four: it begins a connection, asks, and ends it.
const healthPerSecond = 400

// healthGroups adds what all health ports of the node use.
func (c *Compiler) healthGroups() {
	c.emitMeter(openflow.Meter{
		ID: healthMeter, Flags: openflow.MeterPktps | openflow.MeterBurst,
		Bands: openflow.Bands(nil).Drop(healthPerSecond, healthPerSecond),
	}, "limits what machines outside ask at health ports of services")
	c.actions = c.actions[:0].CT(openflow.CT{Zone: zoneNodePorts, Table: TableConnection})
	c.emitGroup(openflow.Group{ID: groupHealthAway, Type: openflow.GroupTypeIndirect, Buckets: openflow.Buckets(nil).Add(openflow.Bucket{
		WatchPort: openflow.PortAny, WatchGroup: openflow.GroupAny, Actions: c.actions,
	})}, "takes what is for a health port as what is for a node port")
	g := openflow.Group{ID: groupHealth, Type: openflow.GroupTypeFastFailover}
	c.actions = c.actions[:0].Controller(openflow.ControllerNoBuffer)
	g.Buckets = g.Buckets.Add(openflow.Bucket{WatchPort: openflow.PortController, WatchGroup: openflow.GroupAny, Actions: c.actions})
	c.actions = c.actions[:0].Group(groupHealthAway)
	g.Buckets = g.Buckets.Add(openflow.Bucket{WatchPort: openflow.PortAny, WatchGroup: groupHealthAway, Actions: c.actions})
	c.emitGroup(g, "chooses who answers at health ports: sdnd while the switch has a connection to it")
}

// healthPort sends what is for a service's health port to the group.
func (c *Compiler) healthPort(o *topology.Service, s scope, domain uint32) {
	n := o.HealthPort()
	if n == 0 {
		return
	}
	for _, e := range c.entries() {
		f := model.FamilyOf(e.address)
		if !hasFamily(o, f) {
			continue
		}
		c.match = toPort(toPrefix(c.match[:0], host(e.address)), endpoint{model.ProtocolTCP, n})
		c.actions = c.entering(s, domain).Group(groupHealth)
		c.instr = c.instr[:0].Meter(healthMeter).ApplyActions(c.actions)
		c.emit(prioNormal, s.rule(rules{"has sdnd say whether the node has backends", "has sdnd say by IPv6 whether the node has backends"}[f]))
	}
}

// ReadyOn returns how many backends of a service on a node get new connections from outside by that
// node.
func (v *View) ReadyOn(o *topology.Service, node string) (n int) {
	s, ok := v.outsideOf(o)
	if !ok {
		return 0
	}
	for b := range v.Topo.Backends(o) {
		at := v.Place(b.Name)
		if at.Node == node && at.OFPort != 0 && b.Endpoint.State == model.EndpointReady && v.domainOf(b.Spec.Network) == s.domain && v.serves(o, b.Name) && v.reachable(o, b) {
			n++
		}
	}
	return n
}

// reachable reports whether some port of a service reaches a backend.
func (v *View) reachable(o *topology.Service, b topology.Backend) bool {
	for _, p := range o.Spec.Ports {
		if b.Target(p) != 0 {
			return true
		}
	}
	return false
}
