// Package api is the HTTP API of sdnd as its callers see it: the JSON types of
// every object, request and response, and a small client.
//
// It needs nothing but the standard library and package model, and knows neither switches nor the
// store, so that a program that talks to sdnd links nothing of sdnd.
//
// # Objects
//
// A declared object has the same form in files, in requests and in responses:
//
//	kind: Port
//	name: web1
//	labels: {app: web}
//	spec: {network: blue, node: node1}   what is asked for
//	status: {ip: 10.0.0.2, …}            what is; set by sdnd, ignored on input
//	meta: {revision: 7, …}               set by sdnd, ignored on input
//
// [Object] carries an object of any kind with its spec still encoded; [Node],
// [Network], [Router] and [Port] are the typed forms. [DecodeObject] reads one
// strictly and reports every mistake in it, each with its field.
//
// The fields of the types are described by their doc tags, with examples, from
// which the OpenAPI document is made (docs/openapi.yaml).
//
// # Revisions
//
// Each change of the desired topology is one revision. A change that changes
// nothing makes none. [Client.Wait] returns once the switches have confirmed a
// revision.
//
// # Errors
//
// Whatever sdnd refuses comes back as an [*Error], which lists all mistakes of
// the request in Errors; nothing of a refused request was applied.
//
// # Specs
//
// What a user asks of an object is a spec of package topology/model, whose values
// (addresses, ranges, MACs) are text in JSON.
package api
