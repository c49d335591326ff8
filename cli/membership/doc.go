// Package membership makes the machine on which it runs a node of sdnd, renews its certificate,
// and removes it again. It is for sdnctl and for other programs on nodes, such as a CNI plugin.
// It parses no command line and prints nothing.
//
//   - [Join.Run] configures Open vSwitch, gets the node's certificate if there is an
//     invitation, and undoes everything if Open vSwitch cannot apply the changes;
//     [Joined.Await] then waits until packets can flow.
//   - [Leave.Plan] computes the steps that undo joining, and [Leaving.Run] does them.
//   - [Host.Renew] gets the node a new certificate.
//   - [Host.Config] returns which node the machine is and how it reaches sdnd, and
//     [Host.Client] a client of sdnd's API that authenticates as the node.
//
// Package attach uses such a client to give network namespaces their interfaces. The
// example shows what a CNI plugin does on ADD and DEL.
//
// Errors that callers may want to distinguish have the type [Error], with a [Code].
// Errors of sdnd are those of package api. [nodeconfig.PortsInUseError] and
// [nodeconfig.OtherBridgeError] are errors of leaving.
//
// A machine has one node at a time. Calls for the same machine must not run at the
// same time.
package membership
