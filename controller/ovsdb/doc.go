// Package ovsdb reads from nodes which interface belongs to which port. It is the
// passive side of the OVSDB management protocol (RFC 7047).
//
// A node that ran
//
//	ovs-vsctl set-manager tcp:CONTROLLER:6640
//
// makes its ovsdb-server connect to us. On each connection [Serve] requests a
// monitor of the few columns that it needs, keeps the relational view
// Bridge → Port → Interface, and reports the interfaces of the bridge named br-int
// (see [Interface]) and the bridge's settings (see [Bridge]) to a [Handler]. The
// rest of the controller can write columns of rows that are marked as the node's,
// and have rows of sdnd's own ([Conn].Write, [Desired]), and increment one counter
// ([Conn].Reconfigure). Nothing is written to a node that joined with --ovsdb read.
//
// # Who is who
//
// The rest of the controller identifies a bridge by its OpenFlow datapath id,
// which ovs-vswitchd writes into the column datapath_id. A connection claims the
// id of its br-int as soon as it is known. It releases the claim when the bridge
// is deleted, changes its id, or the connection ends. When several connections
// claim one id, the one with the greatest standing (Config.Standing) is reported;
// of equals the oldest, which then has to answer an echo request. So a node that
// reconnects before its old connection is found dead is served soon, and two
// machines with the same id do not displace each other in turn.
//
// # How it is read
//
// The monitor is monitor_cond (ovsdb-server(7), 4.1.12; Open vSwitch 2.6). Its
// updates contain only the difference: one uuid when a port is added, where RFC
// 7047's own monitor repeats the ports of the whole bridge twice. The work for an
// update depends on the size of the update; a new list of interfaces is made only
// when an interface has changed.
//
// # Hostile peers
//
// Package ovsdb trusts no byte of a connection. Config.MaxMessage limits a message
// and the view of a connection. There are time limits for the handshake, for
// accepting what we write and for answering an echo, and limits on the number of
// connections and the memory of all together. When there are too many
// connections, those of the address with the most are closed. A violation ends
// its own connection only. The decoders are ours for that reason; the tests
// compare them with libovsdb.
package ovsdb
