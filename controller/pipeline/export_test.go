package pipeline

// AloneOn reports whether the policies in which two views differ are compiled on a node without
// the others.
func AloneOn(before, after *View, node string) bool {
	_, _, ok := changedPolicies(before, after, node)
	return ok
}
