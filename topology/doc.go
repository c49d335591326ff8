// Package topology is the desired state of the network and its rules. It is pure: no I/O,
// no clock, no randomness, no OpenFlow. The same snapshot and the same ops always give the
// same result.
//
// # The parts
//
//   - model: a package of its own, with what a user declares: the kinds and their
//     specs, each of which checks itself.
//   - Node, Network, Router and Port: a spec with what was allocated for it. Block is
//     derived from them.
//   - Snapshot: an immutable state of all objects, with every lookup that
//     others need. Making the next one from the last costs what has changed,
//     because they share the rest (copy-on-write B-trees). Any number of
//     goroutines may read any snapshot, without locks.
//   - Plan: one transaction. It takes a snapshot and a list of Op and returns
//     either the next snapshot with the list of changes, or Problems: all the
//     mistakes, each with the op, the field and what to do. It validates and it
//     allocates (VNIs, addresses, blocks, router numbers).
//   - Loader: builds a snapshot from stored objects without judging them again.
//
// # What a transaction means
//
// The ops of one Plan are checked against the state that they lead to. Their order does not
// matter: a port may precede its network, two ports may swap their addresses, a network may
// be deleted together with its ports. What a spec leaves open is allocated once and then
// kept; it changes only when a new spec makes the old value impossible. Objects that the
// ops do not name never change. Only the blocks of segmented networks follow the nodes.
package topology
