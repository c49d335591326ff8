// Package status holds what is known of nodes and switches at any time, for whoever asks.
//
// Those who run the fleet and its switches write to a Board: which nodes there are, which
// switch is a node's, what its queue holds, how its bridge is set up, and who was refused.
// The Board works out from that which nodes have yet to confirm a revision, and which
// conditions a node has and since when, and notifies those who wait or have subscribed.
package status
