package topology

import "time"

// Revision numbers a commit of the desired topology. The empty store is at
// revision 0; each commit that changes something adds one.
type Revision uint64

// Meta is what all declared objects have.
type Meta struct {
	Name   string            `json:"-"` // the key in the store
	Labels map[string]string `json:"labels,omitempty"`
	// Created and Modified are the revisions that made the object and last
	// changed it; CreatedAt is the time of the former, in UTC.
	Created   Revision  `json:"created"`
	Modified  Revision  `json:"modified"`
	CreatedAt time.Time `json:"createdAt"`
}

// Metadata returns what all objects have.
func (m *Meta) Metadata() *Meta { return m }

// Object is a declared object: *Node, *Network, *Router or *Port, with its spec and
// what was allocated for it. Its JSON is what the store keeps.
//
// Objects that came out of a Snapshot are shared and must not be modified.
type Object interface {
	Ref() Ref
	Metadata() *Meta

	// spec returns the spec by value. Its slices are shared with the object.
	spec() Spec
	// clone returns a copy that shares slices and maps.
	clone() Object
	// load adds a stored object to a snapshot that grows, or says what it
	// contradicts.
	load(*Loader) error
	// drop takes the object out of indexes. was are those that it was put into,
	// which may know objects that x has no more.
	drop(x, was *indexes)
}

// SpecOf returns an object's spec by value. Its slices are shared with the object.
func SpecOf(o Object) Spec { return o.spec() }

// Clone returns a copy of an object, which shares slices and maps with it.
func Clone(o Object) Object { return o.clone() }
