package workqueue

import "github.com/sdnctl/sdnctl/controller/pipeline"

// Scope is the part of a switch that a job concerns. A larger one includes the smaller
// ones.
type Scope uint8

const (
	// Nothing: there is no job.
	Nothing Scope = iota
	// Units: some units may differ from what the switch has, and no others.
	Units
	// Wide: any unit may differ.
	Wide
	// Full: what the switch has is unknown; it is read back and compared.
	Full
	// Wiped: the switch is no longer the node's, and should have nothing.
	Wiped
)

// String returns the name of the scope.
func (s Scope) String() string {
	return [...]string{"Nothing", "Units", "Wide", "Full", "Wiped"}[s]
}

// Marks are units that may differ from what a switch has: each with the view just before
// the unit was first marked. Whatever the switch was last sent, the unit did not change
// between that and this view. So nobody need keep the view that a switch has.
type Marks map[pipeline.Unit]*pipeline.View

// Job is work for a node's switch.
type Job struct {
	// View is what the switch should have.
	View  *pipeline.View
	Scope Scope
	// Units are those that may differ, if the scope is Units or Wide. If it is Wide, all
	// others may differ too, each as it was in the view Since.
	Units Marks
	Since *pipeline.View
	// Held is not nil if some of the units had to wait while later changes were sent: it
	// has those that still have to. What their flows did before may belong to others by
	// now.
	Held map[pipeline.Unit]bool
	// Partial says that some units still have to wait, so that the switch will not have
	// everything that the view says.
	Partial bool
	// Guarded says that nothing may be removed by a comparison; see Queue.Guard.
	Guarded bool
}

// minMarked is the number of units that may be marked for a node, at the least, before
// units are no longer noted one by one.
const minMarked = 1 << 12

// MaxMarked is the number of units that may be marked for one node in a view: beyond that
// all of its units are compiled, as they were and as they are. It bounds the memory that a
// slow switch, or one change of a great many ports, can take, and compiling everything then
// costs little more.
// compiling everything then costs little more.
func MaxMarked(v *pipeline.View) int { return max(minMarked, v.Topo.NumPorts()/8) }
