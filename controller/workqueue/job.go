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
	// Full: what the switch has is unknown; it is read and compared.
	Full
	// Wiped: the switch is no longer the node's, and should have nothing.
	Wiped
)

// String returns the name of the scope.
func (s Scope) String() string {
	return [...]string{"Nothing", "Units", "Wide", "Full", "Wiped"}[s]
}

// Marks are units that may differ from what a switch has, each with the view just before the
// unit was first marked. The unit did not change between that view and the one that the switch
// was last sent, so nobody need keep the latter.
type Marks map[pipeline.Unit]*pipeline.View

// Job is work for a node's switch.
type Job struct {
	// View is what the switch should have.
	View  *pipeline.View
	Scope Scope
	// Units are the units that may differ, if the scope is Units or Wide. If it is Wide, all
	// others may differ too, from what they were in the view Since.
	Units Marks
	Since *pipeline.View
	// Held is not nil if some of the units had to wait while later changes were sent. It has
	// the units that still wait. The flows that they had before may belong to other units by
	// now.
	Held map[pipeline.Unit]bool
	// Partial says that some units still wait, so that the switch will not have everything that
	// the view says.
	Partial bool
	// Guarded says that a comparison may remove nothing; see Queue.Guard.
	Guarded bool
}

// minMarked is the least number of units of a node that are marked one by one before all of
// them count as marked.
const minMarked = 1 << 12

// MaxMarked is the number of units that may be marked for one node in a view. Beyond that, all
// units of the node are compiled as they were and as they are. It bounds the memory that a slow
// switch, or one change of very many ports, can take, and compiling everything costs little
// more then.
func MaxMarked(v *pipeline.View) int { return max(minMarked, v.Topo.NumPorts()/8) }
