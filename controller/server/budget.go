package server

import (
	"fmt"
	"slices"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/forecast"
	"github.com/sdnctl/sdnctl/topology"
)

// DefaultMaxPolicyFlows is the default of Config.MaxPolicyFlows. It is several times what a
// node with a hundred ports needs that have different policies each.
const DefaultMaxPolicyFlows = 20_000

// withinBudget returns a check of a planned change: the flows that policies need on a node
// may not exceed the limit, unless the change reduces them.
func (s *Server) withinBudget(t *transaction) func(*topology.Snapshot, topology.Result) error {
	return func(before *topology.Snapshot, r topology.Result) error {
		return s.overBudget(t, s.cfg.Fabric.Forecast(before, r, false))
	}
}

// overBudget returns the topology.Problems of a change that needs too many flows, nil if it
// does not. They name the node with the most flows, and the rule that needs most there.
func (s *Server) overBudget(t *transaction, f forecast.Effect) error {
	if len(f.Policies) == 0 {
		return nil
	}
	worst, alike := f.MostFlows(), f.MostAlike()
	switch {
	case alike.Alike > forecast.MaxAlike && alike.After > alike.Before:
		return t.tooMany(f, alike.Node,
			fmt.Sprintf("on node %s policies of one tier and priority would have %d rules that allow, more than the %d that a switch can be given", alike.Node, alike.Alike, forecast.MaxAlike),
			"give some of these policies another priority, or merge rules that differ only in their peers or ports")
	case s.cfg.MaxPolicyFlows > 0 && worst.After > s.cfg.MaxPolicyFlows && worst.After > worst.Before:
		return t.tooMany(f, worst.Node,
			fmt.Sprintf("policies would need %d flows on node %s, %d now; at most %d are allowed (--max-policy-flows of sdnd)", worst.After, worst.Node, worst.Before, s.cfg.MaxPolicyFlows),
			"distinguish fewer sets of ports in policies, use wider port ranges and shorter prefixes, or raise the limit")
	}
	return nil
}

// tooMany returns the problem of too many flows on a node. It refers to the rule that needs
// the most.
func (t *transaction) tooMany(f forecast.Effect, node, message, fix string) error {
	p := topology.Problem{Message: message, Fix: fix, Kind: topology.Exhausted}
	if rules := f.After.RuleLoads(node); len(rules) > 0 {
		r := rules[0]
		p.Ref, p.Field = r.Policy.Ref(), fmt.Sprintf("spec.%s[%d]", r.Direction, r.Index)
		p.Message += fmt.Sprintf("; this rule needs the most, %d", r.Flows)
	}
	if i := slices.IndexFunc(t.ops, func(o topology.Op) bool { return o.Ref == p.Ref }); i >= 0 {
		p.Op = i
	}
	return topology.Problems{p}
}

// forecastOf converts a forecast to its form in the API.
func (s *Server) forecastOf(f forecast.Effect) *api.Forecast {
	out := &api.Forecast{}
	if f.Flows != nil {
		out.FlowMods, out.Nodes = &f.Flows.Mods, &f.Flows.Nodes
	}
	if len(f.Policies) > 0 {
		worst := f.MostFlows()
		out.PolicyFlows = &api.PolicyFlows{Node: worst.Node, Before: worst.Before, After: worst.After, Limit: s.cfg.MaxPolicyFlows}
	}
	return out
}
