// Package status has the present status of nodes and switches.
//
// The fleet and the workers of its switches write to a Board: which nodes exist, which
// switch belongs to which node, the node's queue, the configuration of its bridge, and which
// switches were refused. The Board derives which nodes have yet to confirm a revision, and
// which conditions a node has and since when. It notifies waiters and subscribers.
package status
