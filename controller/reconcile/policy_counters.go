package reconcile

import (
	"context"
	"fmt"
	"slices"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/worker"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// PolicyReading is what the switches say of a policy, summed over nodes. The counters of a
// flow begin when it is installed on a node: with the policy, with a change of it, or when
// ports that it concerns come to the node.
type PolicyReading struct {
	// Rules are those of both directions, ingress first, in order.
	Rules []RuleCount
	// Defaults are what the policy's tier denies its subjects by default, by direction;
	// only of directions that the policy isolates.
	Defaults []DefaultCount
	// Kept are the packets of connections that the policy keeps, by direction; only if it
	// keeps any.
	Kept []KeptCount
	// Nodes are those that have flows of it, by name.
	Nodes []PolicyNode
}

// RuleCount is what a rule has decided.
type RuleCount struct {
	Direction model.PolicyDirection
	// Index is the place of the rule among those of the direction, from 0.
	Index          int
	Packets, Bytes uint64
	// Connections is how many of the packets were not yet of a connection that the rule had let
	// in: one for each connection of TCP, if none was sent again. Only of ingress rules
	// that let connections in.
	Connections uint64
	// known are the packets of connections that the rule had let in.
	known uint64
}

// DefaultCount is what was denied because no rule decided.
type DefaultCount struct {
	Direction      model.PolicyDirection
	Packets, Bytes uint64
}

// KeptCount is what has passed as part of connections that rules of the policy have allowed.
type KeptCount struct {
	Direction      model.PolicyDirection
	Packets, Bytes uint64
}

// PolicyNode is a node that has flows of a policy.
type PolicyNode struct {
	Node string
	// Flows are those of the policy, with those that other policies share.
	Flows int
	// Confirmed says that the switch has all flows of the newest revision; else Reason
	// says why not.
	Confirmed bool
	// Counted says that the node's counters are in the sums.
	Counted bool
	Reason  string
}

// PolicyCounters asks the switches of the nodes that have flows of a policy what these have
// counted. A node that is not connected or does not answer in time is not counted, which
// its PolicyNode says.
func (f *Fabric) PolicyCounters(ctx context.Context, policy string) (PolicyReading, error) {
	v := f.View()
	p, ok := v.Topo.Policy(policy)
	if !ok {
		return PolicyReading{}, fmt.Errorf("policy %q does not exist", policy)
	}
	r := newPolicyReading(p)
	nodes := v.NodesOfPolicy(policy)
	counts := make([]map[openflow.Cookie]worker.Count, len(nodes))
	counters := make([][]pipeline.PolicyCounter, len(nodes))
	reasons := f.askNodes(ctx, nodes, func(ctx context.Context, i int, on *peer) (err error) {
		counters[i] = v.PolicyCounters(nodes[i], p)
		counts[i], err = f.workers.FlowCounts(ctx, on.sess, func(yield func(openflow.TableID, openflow.Cookie) bool) {
			for _, c := range counters[i] {
				if !yield(c.Table, c.Cookie) {
					return
				}
			}
		})
		return err
	})
	for i, node := range nodes {
		r.Nodes = append(r.Nodes, f.policyNode(v, node, p, reasons[i]))
		if reasons[i] != "" {
			continue
		}
		for _, c := range counters[i] {
			r.count(c, counts[i][c.Cookie])
		}
	}
	r.settle()
	return r, context.Cause(ctx)
}

// settle finds out of what all nodes have counted how many connections rules let in. The
// two counters of a rule are read a moment apart.
func (r *PolicyReading) settle() {
	for i := range r.Rules {
		if x := &r.Rules[i]; x.Direction == model.Ingress && x.Packets > x.known {
			x.Connections = x.Packets - x.known
		}
	}
}

// newPolicyReading has a zero for everything that is counted.
func newPolicyReading(p *topology.Policy) (r PolicyReading) {
	for _, d := range model.PolicyDirections() {
		for i := range p.Spec.Rules(d) {
			r.Rules = append(r.Rules, RuleCount{Direction: d, Index: i})
		}
		if p.Spec.IsolatesIn(d) {
			r.Defaults = append(r.Defaults, DefaultCount{Direction: d})
		}
		if p.Spec.Keeps(d) {
			r.Kept = append(r.Kept, KeptCount{Direction: d})
		}
	}
	return r
}

// policyNode returns the state of a node that has flows of a policy. uncounted is why it was not
// counted, "" if it was.
func (f *Fabric) policyNode(v *pipeline.View, node string, p *topology.Policy, uncounted string) PolicyNode {
	n := PolicyNode{Node: node, Flows: v.FlowsOfPolicy(node, p), Counted: uncounted == "", Reason: uncounted}
	st, _ := f.NodeStatus(node)
	n.Confirmed = st.Connected && st.InSync
	if n.Reason == "" && !n.Confirmed {
		n.Reason = "its switch has not confirmed the newest revision"
	}
	return n
}

// count adds what one flow has counted.
func (r *PolicyReading) count(c pipeline.PolicyCounter, n worker.Count) {
	if c.Kept {
		if i := slices.IndexFunc(r.Kept, func(k KeptCount) bool { return k.Direction == c.Direction }); i >= 0 {
			r.Kept[i].Packets += n.Packets
			r.Kept[i].Bytes += n.Bytes
		}
		return
	}
	if c.Rule < 0 {
		if i := slices.IndexFunc(r.Defaults, func(d DefaultCount) bool { return d.Direction == c.Direction }); i >= 0 {
			r.Defaults[i].Packets += n.Packets
			r.Defaults[i].Bytes += n.Bytes
		}
		return
	}
	i := slices.IndexFunc(r.Rules, func(x RuleCount) bool { return x.Direction == c.Direction && x.Index == c.Rule })
	if i < 0 {
		return
	}
	x := &r.Rules[i]
	if c.Known {
		x.known += n.Packets
	} else {
		x.Packets += n.Packets
		x.Bytes += n.Bytes
	}
}
