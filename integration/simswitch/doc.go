// Package simswitch is a simulated OpenFlow 1.3 switch that answers a controller
// as Open vSwitch 3.1 does, over real connections, in a few KB: thousands of
// them fit in a process. No packet passes through its flows.
//
// # What it simulates
//
// Version negotiation, features, configuration, roles, echo requests in both directions,
// barriers, flow-mods of all five commands, deletions by cookie and mask, groups and
// meters, bundles (atomic and ordered, with errors that have the xid of the faulty message),
// multipart statistics and descriptions, PORT_STATUS, FLOW_REMOVED, REQUESTFORWARD,
// packet-outs, flow monitors, and the errors of all of these. It shows flows, groups and
// meters as Open vSwitch does: with fields, actions and instructions in the same order and
// with the same headers, and meters with the bursts of the userspace datapath.
//
// The conformance suite compares it with Open vSwitch: a table of scripted exchanges and
// random sequences of flow-mods run against a real Open vSwitch and against the
// simulator, and both must answer the same bytes. TestConformance lists the differences
// that are normalised before the comparison.
//
// # What it does not simulate
//
//   - Packets: counters are 0, and flows never time out. What a PACKET_OUT sends to the tunnel address of another
//     switch of a fleet arrives there, if the fleet has an Underlay.
//   - Queues. TABLE_MOD is refused with OFPBRC_BAD_TYPE.
//   - The commands to insert and remove buckets, which are from OpenFlow 1.5 and which Open
//     vSwitch accepts in 1.3: they are refused with OFPGMFC_BAD_COMMAND.
//   - Groups whose description or counters would not fit into a message: they are refused.
//   - Nicira's actions except moves and loads: they are accepted unchecked. Fields that the
//     table in field.go does not list are refused.
//   - Flows in Open vSwitch's own table 254, which is read only here, too, but empty. Open
//     vSwitch shows a few flows of its own in a request for cookie 0.
//
// # Where Open vSwitch 3.1 aborts
//
// ovs-vswitchd aborts with a failed assertion if a group is deleted that one flow
// uses twice, and if a bundle is refused after it has deleted a group in use.
// The simulator then restarts, as ovs-vswitchd would, and counts that in Stats.Aborts. No
// controller may ever send such messages.
//
// # Memory
//
// A Shared holds the flows of many switches: the same flow-mod sent to a
// thousand of them is decoded once and kept once. For each flow a switch itself needs 24
// bytes and about 16 in two hash tables. Groups and meters are not shared.
package simswitch
