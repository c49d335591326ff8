// Package simswitch is a simulated OpenFlow 1.3 switch that answers a controller
// as Open vSwitch 3.1 does, over real connections, in a few KB: thousands of
// them fit in a process. No packet passes through it.
//
// # What it does as Open vSwitch
//
// Version negotiation, features, configuration, roles, echoes both ways,
// barriers, flow-mods of all five commands, deletions by cookie and mask, groups and
// meters, bundles (atomic and ordered, errors with the xid of the message at fault),
// statistics and descriptions in parts, PORT_STATUS, FLOW_REMOVED, REQUESTFORWARD,
// packet-outs, flow monitors, and the errors of all of these. Flows, groups and
// meters are shown as Open vSwitch shows them: fields, actions and instructions in
// its order and under its names, and meters with the bursts that its userspace
// datapath gives them.
//
// The conformance suite holds it to that: a table of scripted exchanges and
// random sequences of flow-mods run against a real Open vSwitch and against the
// simulator, and both must answer the same bytes. TestConformance says what is
// made equal before they are compared.
//
// # What it does not
//
//   - Packets: counters are 0, and flows never time out.
//   - Queues; TABLE_MOD is refused with OFPBRC_BAD_TYPE.
//   - The commands to insert and remove buckets, which are OpenFlow 1.5's but Open
//     vSwitch takes in 1.3: they are refused with OFPGMFC_BAD_COMMAND.
//   - Groups whose description or counters would not fit into a message are
//     refused.
//   - Of Nicira's actions only the moves and loads are looked into; the others
//     are taken as they come. Fields that the table in field.go does not list are
//     refused.
//   - Open vSwitch's own table 254 is read only here too, but empty, where it
//     shows a few flows of its own when asked for cookie 0.
//
// # Where Open vSwitch 3.1 aborts
//
// ovs-vswitchd ends with a failed assertion when a group is deleted that one flow
// uses twice, and when a bundle is refused that has deleted a group in use before.
// The simulator restarts then, as it would, and counts it in Stats.Aborts: no
// controller may ever send such.
//
// # Memory
//
// A Shared holds the flows of many switches: the same flow-mod sent to a
// thousand of them is read once and kept once. What a switch has of its own for
// each flow is 24 bytes and about 16 in two hash tables. Its groups and meters are
// its own.
package simswitch
