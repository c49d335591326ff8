package workqueue

import "github.com/sdnctl/sdnctl/controller/pipeline"

// Scope is what of a switch a job concerns. A larger one includes those before it.
type Scope uint8

const (
	// Nothing: there is no job.
	Nothing Scope = iota
	// Units: some units may differ from what the switch has, and no others.
	Units
	// Wide: any unit may differ.
	Wide
	// Full: what the switch has is not known; it is read back and compared.
	Full
	// Wiped: the switch is the node's no more, and is to have nothing.
	Wiped
)

// String returns the name of the scope.
func (s Scope) String() string {
	return [...]string{"Nothing", "Units", "Wide", "Full", "Wiped"}[s]
}

// Marks are units that may differ from what a switch has: each as it was in the
// view beside it, the one just before the unit was first marked. Whatever the
// switch last had, the unit did not change between that and this
// view. So nobody need keep the view that a switch had.
type Marks map[pipeline.Unit]*pipeline.View

// Job is what a node's switch is to have.
type Job struct {
	// View is what the switch is to have.
	View  *pipeline.View
	Scope Scope
	// Units are those that may differ, if the scope is Units or Wide. If it is Wide, all
	// others may differ too, each as it was in the view Since.
	Units Marks
	Since *pipeline.View
	// Held is not nil if some of the units had to wait while later changes were sent: those
	// that still have to. What a flow of theirs did before may belong to others by now.
	Held map[pipeline.Unit]bool
	// Partial says that some units still have to wait, so that the switch will not have
	// all that the view says.
	Partial bool
	// Guarded says that nothing may be removed by a comparison; see Queue.Guard.
	Guarded bool
}

// minMarked is how many units may be marked for a node at least before it is no
// longer worth noting which.
const minMarked = 1 << 12

// MaxMarked is how many units may be marked for one node in a view: beyond that
// all of its units are compiled, as they were and as they are. It bounds the
// memory that a slow switch, or one change of a great many ports, can take, and
// compiling everything then costs little more.
func MaxMarked(v *pipeline.View) int { return max(minMarked, v.Topo.NumPorts()/8) }
