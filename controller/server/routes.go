package server

import (
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sdnctl/sdnctl/controller/api"
)

// Tags group the operations in the OpenAPI document.
const (
	tagObjects = "objects"
	tagChanges = "changes"
	tagState   = "state"
	tagDaemon  = "daemon"
	tagStore   = "store"
	tagEnroll  = "enrollment"
)

// routes registers every operation.
func (s *Server) routes() {
	routes := kindRoutes()
	for _, register := range routes.All() {
		register(s)
	}
	s.changeRoutes()
	s.watchRoute()
	s.stateRoutes()
	s.driftRoutes()
	s.answersRoutes()
	s.zoneRoutes()
	s.multicastRoutes()
	s.enrollRoutes()
	s.storeRoutes()
	s.daemonRoutes()
}

// output is the response of an operation that returns JSON.
type output[T any] struct {
	Body T
}

// register adds an operation that returns JSON. example shows a successful response.
func register[I, O any](s *Server, op huma.Operation, example any, handler func(context.Context, *I) (*O, error)) {
	s.addProblem(&op)
	// huma would read and check a declared body itself. So the body is declared only after
	// the operation is registered.
	takes := op.RequestBody
	op.RequestBody = nil
	huma.Register(s.api, op, handler)
	registered := s.operation(op.Method, op.Path)
	registered.RequestBody = takes
	status := "200"
	if op.DefaultStatus == http.StatusCreated {
		status = "201"
	}
	registered.Responses[status].Content["application/json"].Example = example
}

// operation returns the description of an operation in the OpenAPI document.
func (s *Server) operation(method, path string) *huma.Operation {
	item := s.api.OpenAPI().Paths[path]
	switch method {
	case http.MethodGet:
		return item.Get
	case http.MethodPut:
		return item.Put
	case http.MethodPost:
		return item.Post
	case http.MethodPatch:
		return item.Patch
	}
	return item.Delete
}

// addProblem documents that the operation may return an api.Error. It also gives an
// operation without a description its summary as the description.
func (s *Server) addProblem(op *huma.Operation) {
	if op.Responses == nil {
		op.Responses = map[string]*huma.Response{}
	}
	if op.Description == "" {
		op.Description = op.Summary + "."
	}
	for status, text := range map[string]string{
		"4XX": "The request was refused; nothing was changed",
		"5XX": "sdnd failed to process the request; nothing was changed",
	} {
		op.Responses[status] = &huma.Response{
			Description: text,
			Content: map[string]*huma.MediaType{"application/problem+json": {
				Schema:  s.schema(reflect.TypeFor[api.Error]()),
				Example: exampleError(),
			}},
		}
	}
}

// takesBody documents a JSON body of type t and reads it, up to limit bytes.
func (s *Server) takesBody(op *huma.Operation, t reflect.Type, example any, limit int64) {
	op.RequestBody = &huma.RequestBody{
		Required: true,
		Content: map[string]*huma.MediaType{"application/json": {
			Schema:  s.schema(t),
			Example: example,
		}},
	}
	op.Middlewares = append(op.Middlewares, s.readBody(limit, "application/json"))
}

// schema returns a reference to the schema of a type.
func (s *Server) schema(t reflect.Type) *huma.Schema {
	return s.api.OpenAPI().Components.Schemas.Schema(t, true, t.Name())
}
