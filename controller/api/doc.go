// Package api is the HTTP API of sdnd as its callers see it: the JSON types of
// every object, request and response, and a small client.
//
// It depends on the standard library and package model only, so that a program that talks to
// sdnd links nothing of sdnd.
//
// # Objects
//
// A declared object has the same form in files, in requests and in responses:
//
//	kind: Port
//	name: web1
//	labels: {app: web}
//	spec: {network: blue, node: node1}   desired state
//	status: {ip: 10.0.0.2, …}            observed state; set by sdnd, ignored on input
//	meta: {revision: 7, …}               set by sdnd, ignored on input
//
// [Object] has the general form: an object of any kind, with its spec still encoded.
// [Resource] is the typed form, such as [Node], [Network], [Router] and [Port].
// [DecodeObject] decodes an object strictly and reports every mistake with its field.
//
// The doc tags of the types describe their fields, with examples. The OpenAPI document
// (docs/openapi.yaml) is generated from them.
//
// # Revisions
//
// Each change of the desired topology is one revision. A request that changes
// nothing makes none. [Client.Wait] returns once the switches have confirmed a
// revision.
//
// # Errors
//
// The error of a refused request is an [*Error], which lists all mistakes of the request in
// Errors. A refused request has changed nothing.
//
// # Specs
//
// The spec types are in package topology/model. Their values, such as addresses, ranges and
// MACs, are text in JSON.
package api
