// Package forecast computes what a planned change of the topology would do to the flows of
// nodes, before it is committed. It is pure but for the view that a Planner remembers.
package forecast

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
)

// Effect is what a change of the topology would do to the flows of nodes, if ports stay
// where they are.
type Effect struct {
	// Policies are the nodes on which flows of policies may differ, by name.
	Policies []pipeline.PolicyLoad
	// Flows is nil if it was not asked for, or the change is too large to be counted.
	Flows *Flows
	// After is the view after the change; nil if no policies are concerned and Flows was
	// not asked for.
	After *pipeline.View
}

// MaxAlike is how many rules of one direction, tier and priority a node can have that only
// allow.
const MaxAlike = pipeline.MaxAlike

// MostFlows returns the node with the most flows of policies after the change. There must
// be one in f.Policies.
func (f Effect) MostFlows() pipeline.PolicyLoad {
	return slices.MaxFunc(f.Policies, func(a, b pipeline.PolicyLoad) int { return cmp.Compare(a.After, b.After) })
}

// MostAlike returns the node with the most rules of one direction, tier and priority after
// the change. There must be one in f.Policies.
func (f Effect) MostAlike() pipeline.PolicyLoad {
	return slices.MaxFunc(f.Policies, func(a, b pipeline.PolicyLoad) int { return cmp.Compare(a.Alike, b.Alike) })
}

// Flows counts what would be sent: Mods flow-mods, group-mods and meter-mods, without stamps,
// to Nodes nodes.
type Flows struct{ Mods, Nodes int }

// maxUnits is the largest number of units that are compiled to count what would be sent.
const maxUnits = 100_000

// Planner computes the effects of changes that are planned one after the other. It has the
// view of the topology that was planned last: while the store commits several changes
// together, each is planned on the one before. The zero Planner is usable. It is safe for
// concurrent use.
type Planner struct {
	mu     sync.Mutex
	last   *pipeline.View
	counts pipeline.PolicyCounts
}

// Effect returns what a planned change of a snapshot would do; now returns the newest view.
// The snapshot may be one that is not committed yet. With flows it counts what would be sent,
// which takes as long as compiling it.
func (f *Planner) Effect(now func() *pipeline.View, before *topology.Snapshot, r topology.Result, flows bool) Effect {
	if !flows && !topology.HasIdentities(before) && !topology.HasIdentities(r.Next) {
		return Effect{}
	}
	was := now()
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case was.Topo == before:
	case f.last != nil && f.last.Topo == before:
		was = f.last
	default:
		was = was.Under(before)
	}
	out := from(&f.counts, was, r, flows)
	f.last = out.After
	return out
}

// From returns what a planned change of the topology of a view would do.
func From(was *pipeline.View, r topology.Result, flows bool) Effect {
	return from(new(pipeline.PolicyCounts), was, r, flows)
}

func from(counts *pipeline.PolicyCounts, was *pipeline.View, r topology.Result, flows bool) Effect {
	u := pipeline.Update{
		Topo: r.Next, Changes: r.Changes, Blocks: r.Blocks,
		Identities: r.Identities, Numberings: r.Numberings, Identified: r.Identified,
	}
	is := was.Next(u)
	out := Effect{Policies: counts.Loads(was, is, u), After: is}
	if flows {
		out.Flows = countFlows(was, is, u)
	}
	return out
}

// countFlows counts what takes nodes from one view to the next.
func countFlows(was, is *pipeline.View, u pipeline.Update) *Flows {
	marked := map[string]map[pipeline.Unit]*pipeline.View{}
	n := 0
	pipeline.Affected(was, is, u, func(node string, unit pipeline.Unit) {
		if n++; n > maxUnits {
			return
		}
		if marked[node] == nil {
			marked[node] = map[pipeline.Unit]*pipeline.View{}
		}
		marked[node][unit] = was
	})
	if n > maxUnits {
		return nil
	}
	var out Flows
	var d pipeline.Delta
	for node, units := range marked {
		d.Compute(is, node, maps.All(units))
		if mods := len(d.Removed()) + len(d.Added()); mods > 0 {
			out.Mods, out.Nodes = out.Mods+mods, out.Nodes+1
		}
	}
	return &out
}
