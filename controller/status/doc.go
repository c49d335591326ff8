// Package status holds what is known about nodes and switches at any time.
//
// The fleet and the workers of its switches write to a Board: which nodes exist, which
// switch is which node, what its queue holds, how its bridge is set up, and which switches
// were refused. The Board derives which nodes have yet to confirm a revision, and which
// conditions a node has and since when, and notifies waiters and subscribers.
package status
