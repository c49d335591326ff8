package reconcile

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
)

// Forecast is what a change of the topology would do to the flows of nodes, if ports stay
// where they are.
type Forecast struct {
	// Policies are the nodes on which flows of policies may differ, by name.
	Policies []pipeline.PolicyLoad
	// Flows is nil if it was not asked for, or the change is too large to be counted.
	Flows *FlowForecast
	// After is the view after the change; nil if no policies are concerned and Flows was
	// not asked for.
	After *pipeline.View
}

// MaxSharing is how many rules may share a flow.
const MaxSharing = pipeline.MaxSharing

// MostFlows returns the node with the most flows of policies after the change. There must
// be one in f.Policies.
func (f Forecast) MostFlows() pipeline.PolicyLoad {
	return slices.MaxFunc(f.Policies, func(a, b pipeline.PolicyLoad) int { return cmp.Compare(a.After, b.After) })
}

// MostShared returns the node on which most rules share a flow after the change. There
// must be one in f.Policies.
func (f Forecast) MostShared() pipeline.PolicyLoad {
	return slices.MaxFunc(f.Policies, func(a, b pipeline.PolicyLoad) int { return cmp.Compare(a.Sharing, b.Sharing) })
}

// FlowForecast is what would be sent: flow-mods, groups and meters, without stamps, to how
// many nodes.
type FlowForecast struct{ Mods, Nodes int }

// maxForecast is how many units are compiled at most to count what would be sent.
const maxForecast = 100_000

// Forecast returns what a planned change of a snapshot would do. Counting what would be
// sent takes as long as compiling it. The snapshot may be one that is not committed yet.
func (f *Fabric) Forecast(before *topology.Snapshot, r topology.Result, flows bool) Forecast {
	return f.forecasts.of(f.View, before, r, flows)
}

// forecasts has the view of the topology that was planned last: while the store commits
// several changes together, each is planned on the one before.
type forecasts struct {
	mu   sync.Mutex
	last *pipeline.View
}

func (f *forecasts) of(now func() *pipeline.View, before *topology.Snapshot, r topology.Result, flows bool) Forecast {
	if !flows && !topology.HasIdentities(before) && !topology.HasIdentities(r.Next) {
		return Forecast{}
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
	out := ForecastFrom(was, r, flows)
	f.last = out.After
	return out
}

// ForecastFrom is Forecast for a change of what a view is of.
func ForecastFrom(was *pipeline.View, r topology.Result, flows bool) Forecast {
	u := pipeline.Update{
		Topo: r.Next, Changes: r.Changes, Blocks: r.Blocks,
		Identities: r.Identities, Numberings: r.Numberings, Identified: r.Identified,
	}
	is := was.Next(u)
	out := Forecast{Policies: pipeline.PolicyLoads(was, is, u), After: is}
	if flows {
		out.Flows = countFlows(was, is, u)
	}
	return out
}

// countFlows counts what takes nodes from one view to the next.
func countFlows(was, is *pipeline.View, u pipeline.Update) *FlowForecast {
	marked := map[string]map[pipeline.Unit]*pipeline.View{}
	n := 0
	pipeline.Affected(was, is, u, func(node string, unit pipeline.Unit) {
		if n++; n > maxForecast {
			return
		}
		if marked[node] == nil {
			marked[node] = map[pipeline.Unit]*pipeline.View{}
		}
		marked[node][unit] = was
	})
	if n > maxForecast {
		return nil
	}
	var out FlowForecast
	var d pipeline.Delta
	for node, units := range marked {
		d.Compute(is, node, maps.All(units))
		if mods := len(d.Removed()) + len(d.Added()); mods > 0 {
			out.Mods, out.Nodes = out.Mods+mods, out.Nodes+1
		}
	}
	return &out
}
