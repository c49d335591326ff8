// Package condition says what is wrong with nodes, networks, services and ports.
//
// A [Condition] is one thing that is wrong now: a [Reason] that programs can
// compare, a sentence with the facts, and the command or step that cures it. An
// object is ready when none of its conditions is an error.
//
// Nothing here does I/O or reads a clock. [Node], [Network], [Service] and [Port] turn the
// facts of one object into its conditions, always in the same order. A [Tracker] remembers
// since when each object has each condition, and counts them.
//
// To add a condition:
//
//  1. Add a constant and a line to the table in reasons.go.
//  2. Add the fact to NodeFacts, NetworkFacts, ServiceFacts or PortFacts, and evaluate it
//     in Node, Network, Service or Port.
//  3. Fill the fact in where it comes in (controller/reconcile/conditions.go), and
//     have the object evaluated again when the fact changes.
//  4. Add a case to the test of the evaluation, which fails while a reason has
//     none, and run "go test ./controller/condition -update" for
//     docs/conditions.md.
package condition
