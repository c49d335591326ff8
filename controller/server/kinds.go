package server

import (
	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// kinds has what the server knows of each kind.
var kinds = model.ForEachKind(
	observed(view.node, nodeConditions, func(e *api.Event) **api.NodeStatus { return &e.Node }),
	observed(view.network, networkConditions, func(e *api.Event) **api.NetworkStatus { return &e.Network }),
	plain(view.uplink),
	observed(view.router, routerConditions, func(e *api.Event) **api.RouterStatus { return &e.Router }),
	observed(view.port, portConditions, func(e *api.Event) **api.PortStatus { return &e.Port }),
	plain(view.portGroup),
	plain(view.policy),
	observed(view.service, serviceConditions, func(e *api.Event) **api.ServiceStatus { return &e.Service }),
	observed(view.floatingIP, floatingIPConditions, func(e *api.Event) **api.FloatingIPStatus { return &e.FloatingIP }),
	observed(view.egressIP, egressIPConditions, func(e *api.Event) **api.EgressIPStatus { return &e.EgressIP }),
	plain(view.dnsRecord),
)

// kindView says how objects of a kind are shown.
type kindView struct {
	// show returns an object with its present status.
	show func(view, topology.Object) api.Shown
	// conditions returns the conditions of an object, and report puts the status of an object
	// into an event. They are nil for kinds without conditions.
	conditions func(v view, name string) []condition.Condition
	report     func(view, topology.Object, *api.Event)
}

// plain is a kind whose objects have no conditions.
func plain[S, T any, O topology.Object](show func(view, O) *api.Resource[S, T]) kindView {
	return kindView{show: func(v view, o topology.Object) api.Shown { return show(v, o.(O)) }}
}

// observed is a kind whose objects have conditions. field returns the status in an event.
func observed[S, T any, O topology.Object](show func(view, O) *api.Resource[S, T], conditions func(view, string) []condition.Condition, field func(*api.Event) **T) kindView {
	k := plain(show)
	k.conditions = conditions
	k.report = func(v view, o topology.Object, e *api.Event) { *field(e) = show(v, o.(O)).Status }
	return k
}

// conditionsOf returns the conditions of an object.
func (v view) conditionsOf(o topology.Ref) []condition.Condition {
	if k, ok := kinds.Of(o.Kind); ok && k.conditions != nil {
		return k.conditions(v, o.Name)
	}
	return nil
}

// statusEvent returns the event of an object's new status; ok is false if the object is not
// declared.
func (v view) statusEvent(ref topology.Ref) (e api.Event, ok bool) {
	o, ok := v.snap.Object(ref)
	k, _ := kinds.Of(ref.Kind)
	if !ok || k.report == nil {
		return e, false
	}
	e.Type = string(ref.Kind)
	k.report(v, o, &e)
	return e, true
}

// kindRoutes returns, for each kind, the function that registers its operations.
func kindRoutes() model.PerKind[func(*Server)] {
	return model.ForEachKind(
		routesOf(exampleNode()),
		routesOf(exampleNetwork()),
		routesOf(exampleUplink()),
		routesOf(exampleRouter()),
		routesOf(examplePort()),
		routesOf(examplePortGroup()),
		routesOf(examplePolicy()),
		routesOf(exampleService()),
		routesOf(exampleFloatingIP()),
		routesOf(exampleEgressIP()),
		routesOf(exampleDNSRecord()),
	)
}

// routesOf returns the function that registers the operations of the example's kind.
func routesOf[S, T any](example api.Resource[S, T]) func(*Server) {
	return func(s *Server) {
		objectRoutes(s, example.Kind, example)
		s.describeKind(example.Kind, example.Name)
	}
}
