// Package server is the HTTP API of sdnd: JSON over HTTP, on top of the store and the
// reconciler. It serves the OpenAPI 3.1 document that describes it; docs/openapi.yaml is
// a copy.
//
// The package keeps no state of its own but the tail of the change feed and the counters of
// its limits. A read works on one immutable snapshot. A write becomes a list of topology.Op
// in one store transaction.
//
// # How a change is processed
//
// body.go reads the body and limits its size. api.DecodeObjectSpec decodes the objects
// strictly. write.go converts them to ops, passes the ops to the store and joins the
// problems that the store finds with those of the decoder. output.go converts the result
// to JSON. A refused request has changed nothing.
//
// # Adding a kind of object
//
// docs/adding-a-kind.md has the steps.
package server
