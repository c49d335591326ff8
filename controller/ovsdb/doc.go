// Package ovsdb hears from nodes which interface carries which binding: it is
// the passive side of the OVSDB management protocol (RFC 7047).
//
// A node that ran
//
//	ovs-vsctl set-manager tcp:CONTROLLER:6640
//
// makes its ovsdb-server connect to us. On each connection [Serve] asks for a
// monitor of the few columns that matter, keeps the little relational view
// Bridge → Port → Interface that they make, and tells a [Handler] the
// interfaces of the bridge named br-int (see [Interface]), and what the bridge is set
// to (see [Bridge]). What the rest of the controller asks for is written to the node:
// columns of rows that are marked as the node's ([Conn].Write), and one counter
// ([Conn].Reconfigure). Nothing is written to a node that joined with --ovsdb read.
//
// # Who is who
//
// A bridge is known to the rest of the controller by its OpenFlow datapath id,
// which vswitchd writes into the column datapath_id. A connection claims the
// id of its br-int as soon as that is known, and gives the claim up when the
// bridge goes, changes its id, or the connection ends. When several living
// connections claim one id, the newest is believed and the older ones are
// kept, silent, until it ends: a node that came back behind a dead connection
// is served at once, and two machines given the same id do not take turns by
// throwing each other off.
//
// # How it is read
//
// The monitor is monitor_cond (ovsdb-server(7), 4.1.12; Open vSwitch 2.6),
// whose updates hold only the difference: one uuid when one port is added,
// where RFC 7047's own monitor repeats the ports of the whole bridge twice.
// Work per update follows the size of the update; only when something
// of an interface changed is a new list of them made.
//
// # Hostile peers
//
// The bytes of a connection are taken to be hostile. A message, and the view
// that a connection may build up, are limited by Config.MaxMessage; the time to
// complete the handshake, to accept what we write and to answer an echo is
// limited; the number of connections, and what all of them together take up, is
// limited. When there are too many, those of the address with the most make room.
// Whatever breaks a rule ends its own connection only. The decoders are ours for
// that reason; libovsdb is the second opinion in the tests.
package ovsdb
