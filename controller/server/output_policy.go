package server

import (
	"iter"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

func (v view) policy(o *topology.Policy) *api.Policy {
	return &api.Policy{
		Kind: api.KindPolicy, Name: o.Name, Labels: o.Labels, Spec: o.Spec,
		Status: &api.PolicyStatus{
			ID: o.ID, Subject: *groupStatus(v.snap.Selected(&o.Spec.Subject)), Rules: len(o.Spec.Ingress) + len(o.Spec.Egress),
		},
		Meta: metaOf(&o.Meta),
	}
}

// subjects yields the ports that a policy applies to, sorted by name. network and node, unless
// "", narrow them as in all. The error is a *problem.
func (v view) subjects(policy, network, node string) (iter.Seq[topology.Object], error) {
	ref := refOf(api.KindPolicy, policy)
	o, ok := v.snap.Object(ref)
	if !ok || !v.sees(o) {
		return nil, notFound(ref)
	}
	return v.narrowed(v.snap.Selected(&o.(*topology.Policy).Spec.Subject), network, node), nil
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
