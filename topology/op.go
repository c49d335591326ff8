package topology

// Verb is the action of an Op.
type Verb string

// The verbs.
const (
	// Create makes an object; it is a problem if one of that name exists.
	Create Verb = "create"
	// Put makes an object, or replaces the spec and labels of an existing one.
	Put Verb = "put"
	// Delete removes an object; it is a problem if it does not exist, or if it is still in
	// use at the end of the transaction.
	Delete Verb = "delete"
)

// Op is one change that a transaction asks for.
type Op struct {
	Verb Verb
	Ref  Ref
	// Labels of the object after the op. Plan copies them. Ignored by Delete.
	Labels map[string]string
	// Spec is of the kind that Ref has; nil for Delete. Plan copies its slices.
	Spec Spec
}

// Change is an object before and after a transaction.
type Change struct {
	Ref Ref
	// Before is nil for an object that was created, After for one that was
	// deleted.
	Before, After Object
}

// Verb returns Create, Put or Delete.
func (c Change) Verb() Verb {
	switch {
	case c.Before == nil:
		return Create
	case c.After == nil:
		return Delete
	}
	return Put
}

// BlockChange is a node's block of a segmented network before and after a
// transaction.
type BlockChange struct {
	Network, Node string
	// Before is nil for a block that was allocated, After for one released.
	Before, After *Block
}

// Result is the effect of a transaction.
type Result struct {
	// Next is the snapshot after the transaction. If nothing changes it is the given one,
	// with the same revision.
	Next *Snapshot
	// Changes are the objects that differ, in the order of the kinds and by name.
	Changes []Change
	// Blocks are the blocks that differ, by network and node.
	Blocks []BlockChange
	// Identities and Numberings are those that differ, by domain and index, and by
	// reference.
	Identities []IdentityChange
	Numberings []NumberingChange
	// Identified are the ports whose identity differs from before, by name.
	Identified []string
}
