package policymodel

import (
	"slices"
	"time"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// JudgeKnown returns the verdict about continuing a connection that has been answered. by has, for
// each direction, the name of the policy whose rule allowed it, "" for none. If that policy keeps
// connections, the connection is treated as if the policy's first rule in the direction allowed
// everything.
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
