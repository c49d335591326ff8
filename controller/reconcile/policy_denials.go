package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
)

// MaxDenialWatch is how long PolicyDenials may watch.
const MaxDenialWatch = 30 * time.Second

// PolicyDenials is what switches have denied because of a policy.
type PolicyDenials struct {
	// Denials are the newest first.
	Denials []NodeDenial
	// Nodes are those that have flows of the policy, by name.
	Nodes []DenialNode
}

// NodeDenial is a connection that was denied on a node.
type NodeDenial struct {
	pipeline.Denial
	Node string
	// Seen is when it was denied first, of those times that the switch still knows of.
	Seen time.Time
}

// DenialNode is a node that has flows of a policy.
type DenialNode struct {
	Node string
	// Watched says that the node's denials are among the others; else Reason says why not.
	Watched bool
	// Full says that the switch has denied more connections than it keeps.
	Full   bool
	Reason string
}

// PolicyDenials watches for some time what a policy denies on the nodes that have flows of
// it, and returns that and what was denied up to a minute before, as far as somebody
// watched. A node that is not connected or does not answer is not watched.
func (f *Fabric) PolicyDenials(ctx context.Context, policy string, watch time.Duration) (PolicyDenials, error) {
	v := f.View()
	p, ok := v.Topo.Policy(policy)
	if !ok {
		return PolicyDenials{}, fmt.Errorf("policy %q does not exist", policy)
	}
	var r PolicyDenials
	for _, node := range v.NodesOfPolicy(policy) {
		r.Nodes = append(r.Nodes, DenialNode{Node: node, Watched: true})
	}
	// Longer than anybody watches: who watches at the same time does not end it for others.
	f.SampleDenials(ctx, r.Nodes, MaxDenialWatch+5*time.Second)
	timer := time.NewTimer(watch)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return PolicyDenials{}, context.Cause(ctx)
	}
	r.Denials = f.ReadDenials(ctx, v, r.Nodes, []*topology.Policy{p})
	slices.SortStableFunc(r.Denials, func(a, b NodeDenial) int { return cmp.Or(b.Seen.Compare(a.Seen), cmp.Compare(a.Node, b.Node)) })
	return r, context.Cause(ctx)
}

// SampleDenials has the nodes note for some time what policies deny. Each one that does not
// is not watched any more, and says why.
func (f *Fabric) SampleDenials(ctx context.Context, nodes []DenialNode, period time.Duration) {
	f.eachDenialNode(ctx, nodes, func(ctx context.Context, _ int, on *peer) error {
		return f.workers.SampleDenials(ctx, on.sess, period)
	})
}

// ReadDenials returns what the nodes have noted about some policies, node by node.
func (f *Fabric) ReadDenials(ctx context.Context, v *pipeline.View, nodes []DenialNode, policies []*topology.Policy) []NodeDenial {
	reader := v.NewDenialReader(policies)
	found := make([][]NodeDenial, len(nodes))
	f.eachDenialNode(ctx, nodes, func(ctx context.Context, i int, on *peer) error {
		learned, full, err := f.workers.LearnedDenials(ctx, on.sess)
		now := f.cfg.Now()
		nodes[i].Full = full
		for _, l := range learned {
			for _, d := range reader.Read(&l.Flow) {
				found[i] = append(found[i], NodeDenial{d, nodes[i].Node, now.Add(-l.Age)})
			}
		}
		return err
	})
	return slices.Concat(found...)
}

// eachDenialNode calls do for the nodes that are still watched, with the place of each, and
// notes why one is not any more.
func (f *Fabric) eachDenialNode(ctx context.Context, nodes []DenialNode, do func(context.Context, int, *peer) error) {
	var names []string
	var places []int
	for i, n := range nodes {
		if n.Watched {
			names, places = append(names, n.Node), append(places, i)
		}
	}
	reasons := f.askNodes(ctx, names, func(ctx context.Context, i int, on *peer) error { return do(ctx, places[i], on) })
	for i, reason := range reasons {
		n := &nodes[places[i]]
		n.Watched, n.Reason = reason == "", reason
	}
}
