// Package nodeconfig configures a machine's Open vSwitch as a node of sdnd, and undoes that.
//
// It works in separate steps:
//
//   - [Machine.Read] reads the configuration of the machine's Open vSwitch;
//   - [Join.Check] returns what joining would take over, and what prevents it;
//   - [Join.Plan] and [Leave] return the changes as ovs-vsctl commands;
//   - [Machine.Apply] makes them, and [Verify] reports whether Open vSwitch could apply
//     them; if not, [Undo] returns the commands that restore the former state.
//
// Everything but reading and applying is pure.
//
// The external_ids of the bridge record what join made and what it found (the constants
// beginning with Key), so that leaving restores what join found and removes only what it made.
package nodeconfig
