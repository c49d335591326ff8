package topology

import "sync"

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

// fork returns indexes of one's own that begin as those of s.
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
	switch r.Kind {
	case KindNode:
		if o, ok := x.nodes.Get(r.Name); ok {
			return o, true
		}
	case KindNetwork:
		if o, ok := x.networks.Get(r.Name); ok {
			return o, true
		}
	case KindRouter:
		if o, ok := x.routers.Get(r.Name); ok {
			return o, true
		}
	case KindPort:
		if o, ok := x.ports.Get(r.Name); ok {
			return o, true
		}
	}
	return nil, false
}
