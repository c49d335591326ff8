package status

import (
	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/topology"
)

// Summary counts the conditions of all objects.
type Summary struct {
	// Connected and InSync are the numbers of nodes whose switch is connected, and of those that
	// have confirmed all changes that affect them.
	Connected, InSync int
	// Reasons counts the objects that have a condition, by its reason. Reasons that no object
	// has are absent.
	Reasons map[condition.Reason]int
	// All counts the objects of all kinds that have conditions, Nodes and Ports those of two.
	All, Nodes, Ports Tally
	// Worst are the first objects that have conditions: those with errors first, then as
	// condition.Compare orders them.
	Worst []topology.Ref
	// Dropping is the number of ports whose packets were dropped in the last minute, and
	// DroppedPackets that of the packets dropped since these ports were plugged in.
	Dropping       int
	DroppedPackets uint64
	// Drifts is the number of changes by others that were detected since the start.
	Drifts uint64
}

// Tally counts objects: those with an error, and those that have only
// warnings.
type Tally struct{ Errors, Warnings int }

// Summarize returns the summary of a tracker's objects, with up to worst objects in Worst. Its
// cost does not depend on the number of objects.
func Summarize(t *condition.Tracker, worst int) Summary {
	s := Summary{Reasons: map[condition.Reason]int{}, Worst: t.First(worst)}
	for _, d := range condition.Reasons() {
		if n := t.Count(d.Reason); n > 0 {
			s.Reasons[d.Reason] = n
		}
	}
	s.All.Errors, s.All.Warnings = t.All()
	s.Nodes.Errors, s.Nodes.Warnings = t.Kind(topology.KindNode)
	s.Ports.Errors, s.Ports.Warnings = t.Kind(topology.KindPort)
	return s
}

// Summary returns the summary of all objects, without drops and drifts; see Summarize.
func (b *Board) Summary(worst int) Summary {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refresh()
	s := Summarize(b.conditions, worst)
	s.Connected, s.InSync = b.connected, b.inSync
	return s
}
