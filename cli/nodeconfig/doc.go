// Package nodeconfig makes a machine's Open vSwitch a node of sdnd, and undoes
// that.
//
// It works in steps, each of which can be looked at by itself:
//
//   - [Machine.Read] reads what the machine's Open vSwitch is configured to do;
//   - [Join.Check] says what joining would take over and what stands against it;
//   - [Join.Plan] and [Leave] say what would be done, as ovs-vsctl commands;
//   - [Machine.Apply] does that, and [Verify] says whether Open vSwitch could
//     follow; if not, [Undo] says how to put back what was found.
//
// Everything but reading and applying is pure.
//
// What join made and what it found is recorded in the external_ids of the
// bridge (the constants beginning with Key), so that leaving puts back what was
// found and removes only what was made.
package nodeconfig
