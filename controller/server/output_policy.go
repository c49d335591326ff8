package server

import (
	"cmp"
	"context"
	"iter"
	"net/http"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/reconcile"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// policy shows a policy.
func (v view) policy(o *topology.Policy) *api.Policy {
	return &api.Policy{
		Kind: api.KindPolicy, Name: o.Name, Labels: o.Labels, Spec: o.Spec,
		Status: &api.PolicyStatus{
			ID: o.ID, Subject: *groupStatus(v.snap.Selected(&o.Spec.Subject)), Rules: len(o.Spec.Ingress) + len(o.Spec.Egress),
		},
		Meta: metaOf(&o.Meta),
	}
}

// subjects yields the ports that a policy applies to, sorted by name. network and node filter
// them as in all. The error is a *problem.
func (v view) subjects(policy, network, node string) (iter.Seq[topology.Object], error) {
	ref := refOf(api.KindPolicy, policy)
	o, ok := v.snap.Object(ref)
	if !ok || !v.sees(o) {
		return nil, notFound(ref)
	}
	return v.filter(v.snap.Selected(&o.(*topology.Policy).Spec.Subject), network, node), nil
}

// policyCounters reads the counters of a policy from the nodes.
func (s *Server) policyCounters(ctx context.Context, in *nameInput) (*output[api.PolicyCounters], error) {
	ref := refOf(api.KindPolicy, in.Name)
	v := s.viewFor(ctx)
	o, ok := v.snap.Object(ref)
	if !ok || !v.sees(o) {
		return nil, notFound(ref)
	}
	r, err := s.cfg.Fabric.PolicyCounters(ctx, in.Name)
	if err != nil {
		return nil, newProblem(http.StatusServiceUnavailable, api.CodeUnavailable, "counters of %s: %v", ref, err)
	}
	return &output[api.PolicyCounters]{Body: policyCountersOf(o.(*topology.Policy), r)}, nil
}

// policyCountersOf converts a reading of a policy's counters to its form in the API.
func policyCountersOf(p *topology.Policy, r reconcile.PolicyReading) api.PolicyCounters {
	out := api.PolicyCounters{Policy: p.Name, Mode: cmp.Or(p.Spec.Mode, model.ModeEnforce), Complete: true, Rules: []api.PolicyRuleCounters{}, Defaults: []api.PolicyDefaultDenials{}, Nodes: []api.PolicyNode{}}
	for _, x := range r.Rules {
		rules := p.Spec.Rules(x.Direction)
		if x.Index >= len(rules) {
			continue // the policy has fewer rules now
		}
		rule := rules[x.Index]
		c := api.PolicyRuleCounters{Direction: x.Direction, Index: x.Index, Name: rule.Name, Action: rule.Action, Packets: x.Packets, Bytes: x.Bytes}
		if p.Spec.Mode != model.ModeShadow && x.Direction == model.Ingress && (rule.Action == model.ActionAllow || rule.Action == model.ActionPass) {
			c.Connections = &x.Connections
		}
		out.Rules = append(out.Rules, c)
	}
	for _, d := range r.Defaults {
		out.Defaults = append(out.Defaults, api.PolicyDefaultDenials{Direction: d.Direction, Tier: p.Spec.Tier, Packets: d.Packets, Bytes: d.Bytes})
	}
	for _, k := range r.Kept {
		out.Kept = append(out.Kept, api.PolicyKept(k))
	}
	for _, n := range r.Nodes {
		out.Complete = out.Complete && n.Counted
		out.Nodes = append(out.Nodes, api.PolicyNode(n))
	}
	return out
}

func examplePolicyCounters() api.PolicyCounters {
	connections := uint64(14)
	return api.PolicyCounters{
		Policy:   "web",
		Mode:     model.ModeEnforce,
		Rules:    []api.PolicyRuleCounters{{Direction: model.Ingress, Name: "from the load balancer", Action: model.ActionAllow, Packets: 120, Bytes: 9600, Connections: &connections}},
		Defaults: []api.PolicyDefaultDenials{{Direction: model.Ingress, Tier: model.TierApplication, Packets: 7, Bytes: 518}},
		Nodes: []api.PolicyNode{
			{Node: "node1", Flows: 9, Confirmed: true, Counted: true},
			{Node: "node2", Flows: 9, Reason: "its switch is not connected"},
		},
	}
}

func examplePolicy() api.Policy {
	selector := func(app string) *model.Selector {
		return &model.Selector{MatchLabels: map[string]string{"app": app}}
	}
	return api.Policy{
		Kind: api.KindPolicy, Name: "web",
		Spec: model.PolicySpec{
			Tier: model.TierApplication, Priority: model.DefaultPolicyPriority,
			Subject:  model.PolicySelection{Selector: selector("web")},
			Isolates: []model.PolicyDirection{model.Ingress},
			Ingress: []model.PolicyRule{{
				Name: "from the load balancer", Action: model.ActionAllow,
				Peers: []model.PolicyPeer{{PolicySelection: model.PolicySelection{Selector: selector("lb")}}},
				Ports: []model.PolicyPort{{Protocol: model.ProtocolTCP, First: 80, Last: 80}},
			}},
		},
		Status: &api.PolicyStatus{ID: 1, Subject: api.PortGroupStatus{Count: 2, Ports: []string{"web1", "web2"}}, Rules: 1},
		Meta:   exampleMeta(),
	}
}
