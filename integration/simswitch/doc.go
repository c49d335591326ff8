// Package simswitch is a simulated OpenFlow 1.3 switch that answers a controller
// as Open vSwitch 3.1 does, over real connections, in a few KB: thousands of
// them fit in a process. No packet passes through it.
//
// # What it does as Open vSwitch
//
// Version negotiation, features, configuration, roles, echoes both ways,
// barriers, flow-mods of all five commands, deletions by cookie and mask,
// bundles (atomic and ordered, errors with the xid of the flow-mod at fault),
// statistics of flows in parts, of tables and of ports, port descriptions,
// PORT_STATUS, FLOW_REMOVED, packet-outs, flow monitors, and the errors of all of
// these. Flows are shown as Open vSwitch shows them: fields, actions and
// instructions in its order and under its names.
//
// The conformance suite holds it to that: a table of scripted exchanges and
// random sequences of flow-mods run against a real Open vSwitch and against the
// simulator, and both must answer the same bytes. TestConformance says what is
// made equal before they are compared.
//
// # What it does not
//
//   - Packets: counters are 0, and flows never time out.
//   - Groups, meters and queues: there are none, and flows that use them are
//     refused as Open vSwitch does when they do not exist. GROUP_MOD, METER_MOD
//     and TABLE_MOD are refused with OFPBRC_BAD_TYPE.
//   - Of Nicira's actions only the moves and loads are looked into; the others
//     are taken as they come. Fields that the table in field.go does not list are
//     refused.
//   - Open vSwitch's own table 254 is read only here too, but empty, where it
//     shows a few flows of its own when asked for cookie 0.
//
// # Memory
//
// A Shared holds the flows of many switches: the same flow-mod sent to a
// thousand of them is read once and kept once. What a switch has of its own for
// each flow is 24 bytes and about 16 in two hash tables.
package simswitch
