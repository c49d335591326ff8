package topology

import "time"

// Revision numbers a commit of the desired topology. The empty store is at
// revision 0; each commit that changes something adds one.
type Revision uint64

// Meta is the metadata that all declared objects have.
type Meta struct {
	Name   string            `json:"-"` // the key in the store
	Labels map[string]string `json:"labels,omitempty"`
	// Created and Modified are the revisions that made the object and last
	// changed it; CreatedAt is the time of the former, in UTC.
	Created   Revision  `json:"created"`
	Modified  Revision  `json:"modified"`
	CreatedAt time.Time `json:"createdAt"`
}

// Metadata returns the metadata.
func (m *Meta) Metadata() *Meta { return m }

// Object is a declared object, such as a *Node or *Port, with its spec and what was
// allocated for it. The store keeps its JSON.
//
// Objects of a Snapshot are shared and must not be modified.
type Object interface {
	Ref() Ref
	Metadata() *Meta

	// spec returns the spec by value. Its slices are shared with the object.
	spec() Spec
	// clone returns a copy that shares slices and maps.
	clone() Object
	// load adds a stored object to a snapshot that is being built, or returns what it
	// contradicts.
	load(*Loader) error
	// drop removes the object from indexes. was are the indexes that it was added to, which
	// may have objects that x no longer has.
	drop(x, was *indexes)
}

// SpecOf returns an object's spec by value. Its slices are shared with the object.
func SpecOf(o Object) Spec { return o.spec() }

// Clone returns a copy of an object, which shares slices and maps with it.
func Clone(o Object) Object { return o.clone() }
