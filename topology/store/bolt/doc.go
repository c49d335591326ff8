// Package bolt is a store.Store on disk: one bbolt file, one transaction for each
// group of changes, a revision and a history entry for each change.
//
// One writer at a time; readers use the current Snapshot, which costs one
// atomic load and never waits for the writer. Changes that wait for the writer share
// a transaction, so that they share its syncs (group.go).
//
// # The file
//
// All values are JSON, so that "bbolt get" shows them to people. Buckets:
//
//	meta      schema → version of this layout; revision → the newest; sum → checksum
//	          of all objects and blocks
//	nodes     name → node
//	networks  name → network
//	routers   name → router
//	ports     name → port
//	blocks    network, 0, node → block of a segmented network
//	numberings reference of a network or router → its zone and labels, for policies
//	identities routing domain, 0, index (2 bytes, big-endian) → identity, for policies
//	locks     VNI (3 bytes), address (16, IPv4 mapped into IPv6) and prefix length
//	          (1, of 128), big-endian → name of the port that holds it
//	history   revision (8 bytes, big-endian) → entry
//	bindings  port → where its interface was last seen, and whether its link was down; not part of any revision
//	healths   service and port → what its last health checks found; likewise
//	locals    node → the address its tunnel port was last seen to send from, and its ports to uplinks; likewise
//
// This is schema 2. Schema 1, up to version 0.1, had one IPv4 address for a port, one
// range for a block, and locks of VNI and IPv4 address (7 bytes).
//
// To change the layout, add a step to migrations that turns the newest version
// into the next, and keep a file of the old one in testdata. Before a file is
// migrated, it is copied to a file beside it.
package bolt
