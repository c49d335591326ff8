// Package servertest has the parts of a fake server.Fabric that tests of the server and of its
// clients share.
package servertest

import (
	"context"
	"net/netip"
	"time"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/forecast"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/reconcile"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
	"github.com/sdnctl/sdnctl/topology/store"
)

// Readings implements the methods of server.Fabric that read counters and denials from nodes
// or compute a forecast. The results are fixed and complete, except that node2 is not
// connected.
type Readings struct {
	Store store.Reader
}

// FloatingIPStatus returns the status of a floating address that is on node1.
func (Readings) FloatingIPStatus(*topology.Snapshot, string) status.FloatingIP {
	return status.FloatingIP{Node: "node1"}
}

// MulticastGroups returns three groups, which all ports of the network have joined.
func (r Readings) MulticastGroups(network string, after netip.Addr, limit, members int) (all []reconcile.GroupMembers, more bool) {
	for _, group := range []string{"239.1.2.3", "239.1.2.4", "ff15::1"} {
		g := reconcile.GroupMembers{Group: netip.MustParseAddr(group)}
		if after.IsValid() && group <= after.String() {
			continue
		}
		if len(all) == limit {
			return all, true
		}
		for p := range r.Store.Snapshot().PortsOfNetwork(network) {
			if g.Count++; g.Count <= members {
				g.Members = append(g.Members, pipeline.Member{Port: p.Name, Node: p.Spec.Node})
			}
		}
		all = append(all, g)
	}
	return all, false
}

// RouterConditions returns no condition.
func (Readings) RouterConditions(*topology.Snapshot, string) []condition.Condition { return nil }

// EgressIPStatus returns the status of an egress address that is on node1.
func (Readings) EgressIPStatus(*topology.Snapshot, string) status.EgressIP {
	return status.EgressIP{Node: "node1"}
}

// ServiceStatus returns the status of a service whose backends are all bound.
func (Readings) ServiceStatus(snap *topology.Snapshot, name string) status.Service {
	facts := condition.ServiceFacts{Name: name}
	if o, ok := snap.Service(name); ok {
		facts.Max = pipeline.MaxBackends(o)
		for b := range snap.Backends(o) {
			facts.Selected++
			if b.Endpoint.State == model.EndpointDraining {
				facts.Draining++
			}
		}
	}
	return status.Service{Count: facts.Selected, Ready: facts.Ready(), Conditions: condition.Service(facts)}
}

// ServiceCounters returns three connections for each backend.
func (r Readings) ServiceCounters(_ context.Context, service string) (out reconcile.ServiceReading, err error) {
	o, _ := r.Store.Snapshot().Service(service)
	for b := range r.Store.Snapshot().Backends(o) {
		out.Backends = append(out.Backends, reconcile.BackendCount{Port: b.Name, Connections: 3})
	}
	out.Nodes = []reconcile.ServiceNode{{Node: "node1", Counted: true}, {Node: "node2", Reason: "its switch is not connected"}}
	return out, nil
}

// PolicyCounters returns 12 packets for each rule and 7 for each default.
func (r Readings) PolicyCounters(_ context.Context, policy string) (out reconcile.PolicyReading, err error) {
	p, _ := r.Store.Snapshot().Policy(policy)
	for _, d := range model.PolicyDirections() {
		for i := range p.Spec.Rules(d) {
			out.Rules = append(out.Rules, reconcile.RuleCount{Direction: d, Index: i, Packets: 12, Bytes: 800, Connections: 3})
		}
		if p.Spec.IsolatesIn(d) {
			out.Defaults = append(out.Defaults, reconcile.DefaultCount{Direction: d, Packets: 7, Bytes: 500})
		}
	}
	out.Nodes = []reconcile.PolicyNode{
		{Node: "node1", Flows: 9, Confirmed: true, Counted: true},
		{Node: "node2", Flows: 4, Reason: "its switch is not connected"},
	}
	return out, nil
}

// PolicyDenials returns one connection to a port of the policy's subject that was denied by
// default.
func (r Readings) PolicyDenials(_ context.Context, policy string, _ time.Duration) (out reconcile.PolicyDenials, err error) {
	p, _ := r.Store.Snapshot().Policy(policy)
	d := pipeline.Denial{
		Direction: model.Ingress, Rule: -1, Source: netip.MustParseAddr("203.0.113.9"), Destination: netip.MustParseAddr("10.0.0.2"),
		What: model.PolicyPort{Protocol: model.ProtocolTCP, First: 22, Last: 22},
	}
	for subject := range r.Store.Snapshot().Selected(&p.Spec.Subject) {
		d.DestinationPort = subject
	}
	out.Denials = []reconcile.NodeDenial{{Denial: d, Node: "node1", Seen: time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)}}
	out.Nodes = []reconcile.DenialNode{{Node: "node1", Watched: true}, {Node: "node2", Reason: "its switch is not connected"}}
	return out, nil
}

// Forecast returns the forecast of a fabric in which ports are on the nodes that they are
// pinned to.
func (Readings) Forecast(before *topology.Snapshot, r topology.Result, flows bool) forecast.Effect {
	return forecast.From(pipeline.NewView(before), r, flows)
}
