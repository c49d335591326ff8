package topology

import (
	"iter"
	"sync"
)

// Snapshot is all declared objects, and what was allocated for them, at one
// revision. It never changes. Any number of goroutines may read it; lookups
// cost O(log n) and iterations what they return.
//
// Objects of a snapshot are shared and must not be modified.
type Snapshot struct {
	rev Revision
	x   indexes
	// forking guards the marks that indexes.fork leaves in the trees of x.
	// Readers do not look at the marks and take no lock.
	forking sync.Mutex
}

// NewSnapshot returns the empty snapshot, of revision 0.
func NewSnapshot() *Snapshot { return &Snapshot{x: newIndexes()} }

// fork returns a copy of the indexes of s.
func (s *Snapshot) fork() indexes {
	s.forking.Lock()
	defer s.forking.Unlock()
	return s.x.fork()
}

// Revision returns the revision that the snapshot is the state after.
func (s *Snapshot) Revision() Revision { return s.rev }

// Object returns the object that a reference names.
func (s *Snapshot) Object(r Ref) (Object, bool) { return s.x.object(r) }

// object never returns a nil pointer in a non-nil interface.
func (x *indexes) object(r Ref) (Object, bool) {
	t, ok := trees.Of(r.Kind)
	if !ok {
		return nil, false
	}
	return t(x).get(r.Name)
}

// Objects returns all objects of a kind by name.
func (s *Snapshot) Objects(k Kind) iter.Seq[Object] {
	t, ok := trees.Of(k)
	if !ok {
		return func(func(Object) bool) {}
	}
	return t(&s.x).all()
}

// Count returns how many objects of a kind there are.
func (s *Snapshot) Count(k Kind) int {
	t, ok := trees.Of(k)
	if !ok {
		return 0
	}
	return t(&s.x).len()
}
