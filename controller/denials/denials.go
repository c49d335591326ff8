// Package denials logs the connections that policies deny, for policies that ask for it.
package denials

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/reconcile"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

const (
	// readEvery is how often the switches are asked what was denied.
	readEvery = 5 * time.Second
	// renewEvery is how often the samples of a node are renewed. It is shorter than the
	// shortest time for which anybody else installs them.
	renewEvery = reconcile.MaxDenialWatch
	// samplePeriod is how long samples last that nobody renews.
	samplePeriod = 2 * renewEvery
	// maxLines is how many denials of all policies are logged each time the switches are
	// asked. The policies share it evenly.
	maxLines = 50
)

// Switches are asked what they have denied.
type Switches interface {
	// View returns what is declared, and where its ports are.
	View() *pipeline.View
	// SampleDenials has the nodes note what policies deny, and says at each one that does
	// not why.
	SampleDenials(ctx context.Context, nodes []reconcile.DenialNode, period time.Duration)
	// ReadDenials reads what the nodes have noted about some policies.
	ReadDenials(ctx context.Context, v *pipeline.View, nodes []reconcile.DenialNode, policies []*topology.Policy) []reconcile.NodeDenial
}

// Log logs denied connections. Make it with New.
type Log struct {
	switches Switches
	out      *slog.Logger
	now      func() time.Time
	// renewed is when the samples of each node were last installed.
	renewed map[string]time.Time
	// seen is when each denial that the switches still keep was denied first.
	seen map[denial]time.Time
	// full are the nodes whose switches kept no more denials when they were last read.
	full map[string]bool
}

// denial is what makes a denied connection one that was logged before.
type denial struct {
	node, policy, source, destination string
	direction                         model.PolicyDirection
	rule                              int
	what                              model.PolicyPort
}

// New returns a Log of what switches deny, which reads the time from now.
func New(switches Switches, out *slog.Logger, now func() time.Time) *Log {
	return &Log{switches: switches, out: out, now: now, renewed: map[string]time.Time{}, seen: map[denial]time.Time{}, full: map[string]bool{}}
}

// Run logs until ctx ends, and returns nil then.
func (l *Log) Run(ctx context.Context) error {
	t := time.NewTicker(readEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			l.read(ctx)
		}
	}
}

// read logs what was denied since it was called last.
func (l *Log) read(ctx context.Context) {
	v := l.switches.View()
	policies, nodes := logged(v)
	gone := func(node string) bool {
		return !slices.ContainsFunc(nodes, func(n reconcile.DenialNode) bool { return n.Node == node })
	}
	maps.DeleteFunc(l.renewed, func(node string, _ time.Time) bool { return gone(node) })
	maps.DeleteFunc(l.full, func(node string, _ bool) bool { return gone(node) })
	if len(nodes) == 0 {
		clear(l.seen)
		return
	}
	l.renew(ctx, nodes)
	found := l.switches.ReadDenials(ctx, v, nodes, policies)
	slices.SortStableFunc(found, func(a, b reconcile.NodeDenial) int { return a.Seen.Compare(b.Seen) })
	l.write(l.unseen(found, nodes))
	l.writeFull(nodes)
}

// logged returns the policies whose denials are logged, and the nodes that have flows of
// them, by name.
func logged(v *pipeline.View) (policies []*topology.Policy, nodes []reconcile.DenialNode) {
	names := map[string]bool{}
	for p := range v.Topo.Policies() {
		if p.Spec.LogDenials && p.Spec.Mode != model.ModeShadow {
			policies = append(policies, p)
			for _, node := range v.NodesOfPolicy(p.Name) {
				names[node] = true
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		nodes = append(nodes, reconcile.DenialNode{Node: name, Watched: true})
	}
	return policies, nodes
}

// renew installs samples on the nodes whose samples are missing or end soon.
func (l *Log) renew(ctx context.Context, nodes []reconcile.DenialNode) {
	now := l.now()
	var due []reconcile.DenialNode
	for _, n := range nodes {
		if last, ok := l.renewed[n.Node]; !ok || now.Sub(last) >= renewEvery {
			due = append(due, n)
		}
	}
	l.switches.SampleDenials(ctx, due, samplePeriod)
	for _, n := range due {
		if n.Watched {
			l.renewed[n.Node] = now
		}
	}
}

// unseen returns those denials that were not logged before. Denials of a node that was not
// read stay known.
func (l *Log) unseen(found []reconcile.NodeDenial, nodes []reconcile.DenialNode) (fresh []reconcile.NodeDenial) {
	known := map[denial]time.Time{}
	for _, d := range found {
		k := denial{d.Node, d.Policy, d.Source.String(), d.Destination.String(), d.Direction, d.Rule, d.What}
		// Seen is computed from the flow's age when it is read, so that two readings of one flow
		// differ a little. A flow that was learned anew is a minute younger.
		if last, ok := l.seen[k]; !ok || d.Seen.Sub(last) > time.Second {
			fresh = append(fresh, d)
		}
		known[k] = d.Seen
	}
	for k, at := range l.seen {
		if slices.ContainsFunc(nodes, func(n reconcile.DenialNode) bool { return n.Node == k.node && !n.Watched }) {
			known[k] = at
		}
	}
	l.seen = known
	return fresh
}

// write logs denials, of each policy no more than its share.
func (l *Log) write(fresh []reconcile.NodeDenial) {
	of := map[string]int{}
	for _, d := range fresh {
		of[d.Policy]++
	}
	share := max(1, maxLines/max(1, len(of)))
	written := map[string]int{}
	for _, d := range fresh {
		if written[d.Policy]++; written[d.Policy] <= share {
			l.out.Info("policy denied a connection", attributes(d)...)
		}
	}
	for _, policy := range slices.Sorted(maps.Keys(of)) {
		if n := of[policy] - share; n > 0 {
			l.out.Info("policy denied more connections than are logged", "policy", policy, "not_logged", n)
		}
	}
}

// writeFull logs nodes that deny more than their switches keep, each when that begins.
func (l *Log) writeFull(nodes []reconcile.DenialNode) {
	for _, n := range nodes {
		if n.Full && !l.full[n.Node] {
			l.out.Info("a node denies more connections than its switch keeps; some are not logged", "node", n.Node)
		}
		if n.Watched {
			l.full[n.Node] = n.Full
		}
	}
}

func attributes(d reconcile.NodeDenial) []any {
	name := func(p *topology.Port) string {
		if p == nil {
			return ""
		}
		return p.Name
	}
	rule := "default"
	if d.Rule >= 0 {
		rule = strconv.Itoa(d.Rule + 1)
	}
	return []any{
		"policy", d.Policy, "direction", string(d.Direction), "rule", rule, "node", d.Node, "seen", d.Seen.UTC().Format(time.RFC3339),
		"source", d.Source.String(), "source_port", name(d.SourcePort),
		"destination", d.Destination.String(), "destination_port", name(d.DestinationPort), "what", d.What.String(),
	}
}
