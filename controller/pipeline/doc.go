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
// # How to add a table
//
//  1. Give it a constant and a row in Tables (tables.go), with the gap left for
//     it, and registers, if any, in fields.go.
//  2. Write stage_NAME.go: one method of Compiler per flow it has, each with a
//     Rule that says in words why the flow exists.
//  3. Call the methods from the unit that owns the flows (compile.go).
//  4. If they depend on something new, make Affected (affected.go) name the
//     unit when it changes. The property test "sum of deltas = full compile"
//     fails until that is right.
//  5. Add a golden case in testdata and the row in docs/architecture.md.
package pipeline
