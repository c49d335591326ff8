package pipeline

import (
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// prioPublicEcho is of pings of services' addresses on uplinks, in node-port: above errors, below what stays
// shut.
const prioPublicEcho = 105

// exposed returns the service's uplink as the node has it; ok is false where nobody outside reaches the
// service's addresses by the node.
func (c *Compiler) exposed(o *topology.Service) (u bridgeUplink, ok bool) {
	if u, ok = c.view.exposedAt(o, c.node); !ok {
		return u, false
	}
	_, ok = c.view.outsideOf(o)
	return u, ok
}

// publicService takes what comes from outside for addresses of a service. One node answers ARP and neighbour
// solicitations for them. On the others the packet gets the node's own MAC: what the node answers by itself, such as
// that it refuses a connection, comes from that MAC then, and teaches switches outside no way to this node.
func (c *Compiler) publicService(o *topology.Service) {
	u, ok := c.exposed(o)
	if !ok {
		return
	}
	holds := c.view.ServiceHolder(o.Name) == c.node
	for _, a := range o.Spec.OnUplink() {
		if holds {
			c.publicAnswers(u, a)
		}
		c.match = c.toPublic(u, a)
		c.instr = c.instr[:0]
		why := rules{"takes what is for the service's address on the uplink", "takes what is for the service's IPv6 address on the uplink"}
		if own, ok := u.own(model.FamilyOf(a)); ok && !holds {
			c.actions = c.actions[:0].SetEthDst(model.OutsideMAC(own))
			c.instr = c.instr.ApplyActions(c.actions)
			why = rules{"takes what is for the service's address on the uplink, for which another node answers ARP, with the node's own MAC", "takes what is for the service's IPv6 address on the uplink, for which another node answers solicitations, with the node's own MAC"}
		}
		c.instr = c.instr.GotoTable(TableNodePort)
		c.emit(prioNormal, why[model.FamilyOf(a)])
	}
}

// ndService completes answers to neighbour solicitations for addresses of a service.
func (c *Compiler) ndService(o *topology.Service) {
	if u, ok := c.exposed(o); ok && c.view.ServiceHolder(o.Name) == c.node {
		for _, a := range o.Spec.OnUplink() {
			c.ndUplink(u, a)
		}
	}
}

// echoService answers pings from outside of a service's addresses.
func (c *Compiler) echoService(o *topology.Service) {
	if _, ok := c.exposed(o); !ok {
		return
	}
	for _, a := range o.Spec.OnUplink() {
		c.match, c.actions = echoOf(c.match[:0], c.actions[:0], a)
		c.instr = c.instr[:0].ApplyActions(c.actions)
		c.emit(prioPublicEcho, rules{"answers pings from outside of the service's address on the uplink", "answers pings from outside of the service's IPv6 address on the uplink"}[model.FamilyOf(a)])
	}
}

// untouchedService drops what chosenEntered drops, for addresses of a service.
func (c *Compiler) untouchedService(o *topology.Service) {
	if _, ok := c.exposed(o); !ok {
		return
	}
	for _, a := range o.Spec.OnUplink() {
		c.match = toPrefix(c.match[:0], host(a)).RegMasked(regFlags, flagEntered, flagEntered)
		c.instr = c.instr[:0]
		c.emit(prioUntouched, rules{"drops what comes from outside for the service's address and belongs to no connection", "drops what comes from outside for the service's IPv6 address and belongs to no connection"}[model.FamilyOf(a)])
	}
}

// outService sends out what has been translated back to addresses of a service.
func (c *Compiler) outService(o *topology.Service) {
	u, ok := c.exposed(o)
	if !ok {
		return
	}
	for _, a := range o.Spec.OnUplink() {
		c.match = fromPrefix(c.match[:0], host(a))
		c.actions = c.actions[:0].DecTTL().SetReg(regOutPort, uint32(u.port)).SetEthSrc(model.OutsideMAC(a)).Resubmit(openflow.PortInPort, TableLeave)
		c.instr = c.instr[:0].ApplyActions(c.actions)
		c.emit(prioNormal, rules{"sends answers out by the bridge, with the service's address", "sends answers out by the bridge, with the service's IPv6 address"}[model.FamilyOf(a)])
	}
}

// leaveService takes what leaves for addresses of a service on their own node as if it came in. The
// backend may be the port that sent it.
func (c *Compiler) leaveService(o *topology.Service) {
	u, ok := c.exposed(o)
	if !ok || c.view.ServiceHolder(o.Name) != c.node {
		return
	}
	for _, a := range o.Spec.OnUplink() {
		c.aroundTo(u, a, true)
	}
}
