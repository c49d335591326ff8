package server

import (
	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// kinds has, for each kind, the function that shows its objects with their present status.
var kinds = model.ForEachKind(
	shown(view.node),
	shown(view.network),
	shown(view.uplink),
	shown(view.router),
	shown(view.port),
	shown(view.portGroup),
	shown(view.policy),
	shown(view.service),
	shown(view.floatingIP),
	shown(view.egressIP),
	shown(view.dnsRecord),
)

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

// shown returns show for objects of any kind. They must be of show's kind.
func shown[S, T any, O topology.Object](show func(view, O) *api.Resource[S, T]) func(view, topology.Object) api.Shown {
	return func(v view, o topology.Object) api.Shown { return show(v, o.(O)) }
}
