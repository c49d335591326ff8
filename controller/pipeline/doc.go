// Package pipeline turns the desired topology into OpenFlow flows. It is pure:
// the same View gives the same bytes, without I/O, clock or randomness.
//
// # What it computes
//
// A View is the desired topology plus where each port's interface is. What a
// node needs is the union of what a set of units contributes to it; a Unit is
// the smallest thing that changes on its own: a port, a node's block of a
// segmented network, a network, the node itself. Compile gives one unit's flows
// on one node. So
//
//   - a full table is the flows of all Units of a node, and
//   - a change costs the units that Affected names: flows after − flows before.
//
// Each flow belongs to exactly one unit and its cookie is a hash of its
// content: two sets of flows are compared as two sets of 64-bit numbers.
//
// # Adding a table
//
//  1. Write stage_NAME.go: the table's number, name and purpose; which of its flows
//     belong to nodes, networks, blocks, ports or sources; and a method of Compiler
//     for each flow, with a Rule that says in words why the flow exists. Send packets
//     on with c.next(table). A stage that says which table it stands before gets what
//     others send there.
//  2. Add one line to stages (stages.go), the only place that knows the order.
//  3. Run the tests with -update: the goldens, docs/pipeline.md and cli/tables.txt get it.
//
// A register is allotted in fields.go. If the flows depend on something new of an
// object, its kind's effect (effects.go) must mark the unit when that changes; the
// property test "sum of deltas = full compile" fails until it does. What the flows
// cost goes into docs/cost.md, whose contract tests count it.
package pipeline
