package reconcile

import (
	"github.com/sdnctl/sdnctl/controller/forecast"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/controller/worker"
	"github.com/sdnctl/sdnctl/topology"
)

// NodeStatus returns the status of a declared node's switch.
func (f *Fabric) NodeStatus(node string) (status.Node, bool) { return f.board.Node(node) }

// Switches returns the switches that get no flows, by datapath id: those that are connected but
// are no node's, and those refused because they do not speak OpenFlow 1.3.
func (f *Fabric) Switches() []status.Switch { return f.board.Switches() }

// Acks returns the nodes that have yet to confirm a revision; see status.Board.
func (f *Fabric) Acks(rev topology.Revision) status.Acks { return f.board.Acks(rev) }

// Subscribe calls fn with each node, network or port whose status or conditions
// change, until cancel is called. fn must be quick and must not call the Fabric.
func (f *Fabric) Subscribe(fn func(topology.Ref)) (cancel func()) { return f.board.Subscribe(fn) }

// Summary returns how many objects have conditions, and the worst of these objects.
func (f *Fabric) Summary(worst int) status.Summary {
	s := f.board.Summary(worst)
	s.Dropping, s.DroppedPackets = f.drops.Sum()
	s.Drifts = f.drifts.count()
	return s
}

// Forecast returns what a planned change of a snapshot would do; see forecast.Planner.
func (f *Fabric) Forecast(before *topology.Snapshot, r topology.Result, flows bool) forecast.Effect {
	return f.planner.Effect(f.View, before, r, flows)
}

// Drifts returns what others did to the flows of a node, or of all nodes if node is "", oldest
// first: the newest thousand since the daemon started.
func (f *Fabric) Drifts(node string) []worker.Drift {
	f.drifts.mu.Lock()
	defer f.drifts.mu.Unlock()
	var out []worker.Drift
	for _, d := range f.drifts.all {
		if node == "" || d.Node == node {
			out = append(out, d)
		}
	}
	return out
}
