package server

import (
	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// kinds show the objects of each kind, with their status as of now.
var kinds = model.ForEachKind(
	shown(view.node),
	shown(view.network),
	shown(view.uplink),
	shown(view.router),
	shown(view.port),
	shown(view.portGroup),
	shown(view.policy),
	shown(view.service),
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
	)
}

func routesOf[S, T any](example api.Resource[S, T]) func(*Server) {
	return func(s *Server) {
		objectRoutes(s, example.Kind, example)
		s.describeKind(example.Kind, example.Name)
	}
}

func shown[S, T any, O topology.Object](show func(view, O) *api.Resource[S, T]) func(view, topology.Object) api.Shown {
	return func(v view, o topology.Object) api.Shown { return show(v, o.(O)) }
}
