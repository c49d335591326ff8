// Package membership makes the machine on which it runs a node of sdnd, renews its certificate,
// and removes it again. It is for sdnctl and for other programs on nodes, such as a CNI plugin.
// It parses no command line and prints nothing.
//
//   - [Join.Run] configures Open vSwitch, with the node's certificate if there is an
//     invitation, and undoes everything if Open vSwitch cannot follow;
//     [Joined.Await] then waits until packets can flow.
//   - [Leave.Plan] computes what leaving would undo, and [Leaving.Run] undoes it.
//   - [Host.Renew] gets the node a new certificate.
//   - [Host.Config] says which node the machine is and how it reaches sdnd, and
//     [Host.Client] makes a client of sdnd's API that authenticates as the node.
//
// With such a client package attach gives network namespaces their interfaces; the
// example is what a CNI plugin does on ADD and DEL.
//
// Errors that call for different actions are of the type [Error], with a [Code].
// Errors of sdnd are those of package api, and [nodeconfig.PortsInUseError] and
// [nodeconfig.OtherBridgeError] say why a machine may not leave.
//
// A machine has one node at a time. Calls for the same machine must not run at the
// same time.
package membership
