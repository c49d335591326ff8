package server

import (
	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// kinds turn the objects of each kind into their form in the API and back.
var kinds = model.ForEachKind(
	converted(view.node, (*reader).node),
	converted(view.network, (*reader).network),
	converted(view.router, (*reader).router),
	converted(view.port, (*reader).port),
	converted(view.portGroup, asIs[api.PortGroupSpec]),
)

// kindRoutes returns what registers the operations of each kind.
func kindRoutes() model.PerKind[func(*Server)] {
	return model.ForEachKind(
		routesOf(exampleNode()),
		routesOf(exampleNetwork()),
		routesOf(exampleRouter()),
		routesOf(examplePort()),
		routesOf(examplePortGroup()),
	)
}

func routesOf[S, T any](example api.Resource[S, T]) func(*Server) {
	return func(s *Server) {
		objectRoutes(s, example.Kind, example)
		s.describeKind(example.Kind, example.Name)
	}
}

// asIs reads a spec that the API and topology share.
func asIs[S topology.Spec](_ *reader, spec S) S { return spec }

// conversion is how a kind of object goes into the API and out of it.
type conversion struct {
	// show gives an object, with its status as of now, its form in the API.
	show func(view, topology.Object) api.Shown
	// read turns a spec of the API into topology's, and collects what is none.
	read func(*reader, api.Spec) topology.Spec
}

func converted[S, T any, O topology.Object, M topology.Spec](show func(view, O) *api.Resource[S, T], read func(*reader, S) M) conversion {
	return conversion{
		show: func(v view, o topology.Object) api.Shown { return show(v, o.(O)) },
		read: func(r *reader, spec api.Spec) topology.Spec { return read(r, any(spec).(S)) },
	}
}
