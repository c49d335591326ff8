package policymodel

import (
	"slices"
	"time"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// JudgeKnown says whether a connection may go on that has been answered. By has, for each
// direction, the name of the policy one of whose rules allowed it, "" for none. A policy that
// keeps connections judges such a one as if its first rule in the direction allowed everything.
func JudgeKnown(s *topology.Snapshot, from, to End, what model.PolicyPort, by map[model.PolicyDirection]string) (Verdict, error) {
	for _, d := range model.PolicyDirections() {
		p, ok := s.Policy(by[d])
		if !ok || !p.Spec.Keeps(d) {
			continue
		}
		spec := p.Spec
		rules := map[model.PolicyDirection]*[]model.PolicyRule{model.Ingress: &spec.Ingress, model.Egress: &spec.Egress}[d]
		*rules = slices.Concat([]model.PolicyRule{{Action: model.ActionAllow}}, *rules)
		r, err := topology.Plan(s, []topology.Op{{Verb: topology.Put, Ref: p.Ref(), Labels: p.Labels, Spec: spec}}, time.Time{})
		if err != nil {
			return Verdict{}, err
		}
		s = r.Next
	}
	return Judge(s, from, to, what), nil
}
