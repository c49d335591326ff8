package model

import "iter"

// Spec is the declared part of an object, such as a NodeSpec or a PortSpec, by value.
type Spec interface {
	// Kind returns the kind of object that the spec is of.
	Kind() Kind
	// Normal checks the spec by itself, reports every mistake, and returns the form
	// that is stored: with defaults filled in, and with slices of its own.
	Normal(Reporter) Spec
	// References yields the objects that the spec names, each with the path of the
	// field that does.
	References() iter.Seq2[string, Ref]
	// Writer returns the least role that may write an object with this spec. That
	// of the zero spec holds for the whole kind, also for deletion.
	Writer() Role
}

// Reporter records a mistake: its kind, the path of the field, what is wrong, and how to
// fix it.
type Reporter func(kind ProblemKind, field, message, fix string)

// ProblemKind is the kind of a mistake. It decides, for example, the status with which an
// API answers.
type ProblemKind string

// The kinds of problems.
const (
	// Invalid: the spec is wrong by itself, whatever else there is.
	Invalid ProblemKind = "invalid"
	// Conflict: it asks for something that another object has.
	Conflict ProblemKind = "conflict"
	// NotFound: it names an object that does not exist.
	NotFound ProblemKind = "not-found"
	// InUse: it removes something that another object needs.
	InUse ProblemKind = "in-use"
	// Exhausted: nothing is left to allocate.
	Exhausted ProblemKind = "exhausted"
	// Exists: creation of an object that is there already.
	Exists ProblemKind = "exists"
)

// Role is who may write an object. Users with a later role may do all that the
// earlier ones may.
type Role int

// The roles.
const (
	_ Role = iota
	// Viewer is whoever may use the API at all.
	Viewer
	// NodeItself is also a node's own certificate, within limits of its own.
	NodeItself
	// Operator changes what runs on the nodes.
	Operator
	// Admin changes the nodes and what concerns all.
	Admin
)
