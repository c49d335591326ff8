// Package server is the HTTP API of sdnd: JSON over HTTP on the store and the
// reconciler, described by the OpenAPI 3.1 document that it serves and that
// docs/openapi.yaml is a copy of.
//
// It holds no state of its own but the tail of the change feed. Reads work on
// one immutable snapshot each; a write becomes a list of topology.Op in one
// store transaction.
//
// # The way of a change
//
// body.go reads and bounds the body; api.DecodeObjectSpec reads objects
// strictly; input.go turns them into ops, collecting every mistake; write.go
// hands them to the store and puts the store's problems beside ours; output.go
// turns the result back into JSON. A refused request has changed nothing.
//
// # To add a kind of object
//
//  1. package api: its types (see there).
//  2. input.go: its spec into topology; output.go: back, with its status.
//  3. routes_objects.go: one call of objectRoutes.
//  4. Run the tests with -update, and read the difference in docs/openapi.yaml.
package server
