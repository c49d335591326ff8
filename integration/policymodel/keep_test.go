package policymodel_test

import (
	"fmt"
	"testing"

	"github.com/sdnctl/sdnctl/integration/policymodel"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestJudgeKnown: a connection from p1, a web, to p2, a db, that rules of the policy "a" have
// allowed.
func TestJudgeKnown(t *testing.T) {
	apps := func(app string) model.PolicySelection {
		return model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": app}}}
	}
	from := func(app string, action model.PolicyAction) []model.PolicyRule {
		return []model.PolicyRule{{Action: action, Peers: []model.PolicyPeer{{PolicySelection: apps(app)}}}}
	}
	in := []model.PolicyDirection{model.Ingress}
	keeps := model.PolicySpec{OnChange: model.OnChangeKeep, Priority: 500, Subject: apps("db"), Isolates: in, Ingress: from("lb", model.ActionAllow)}
	with := func(s model.PolicySpec, change func(*model.PolicySpec)) model.PolicySpec {
		change(&s)
		return s
	}
	deny := model.PolicySpec{Priority: 600, Subject: apps("db"), Isolates: []model.PolicyDirection{}, Ingress: from("web", model.ActionDeny)}
	before := with(deny, func(s *model.PolicySpec) { s.Priority = 400 })
	for _, tt := range []struct {
		name     string
		policies []model.PolicySpec
		by       model.PolicyDirection
		want     bool
	}{
		{"the rule is gone", []model.PolicySpec{keeps}, model.Ingress, true},
		{"it was never allowed", []model.PolicySpec{keeps}, "", false},
		{"it was allowed in the other direction", []model.PolicySpec{keeps}, model.Egress, false},
		{"the policy cuts", []model.PolicySpec{with(keeps, func(s *model.PolicySpec) { s.OnChange = model.OnChangeCut })}, model.Ingress, false},
		{"the rule denies now", []model.PolicySpec{with(keeps, func(s *model.PolicySpec) { s.Ingress = from("web", model.ActionDeny) })}, model.Ingress, true},
		{"the policy has other subjects now, and another isolates", []model.PolicySpec{
			with(keeps, func(s *model.PolicySpec) { s.Subject = apps("lb") }), with(deny, func(s *model.PolicySpec) { s.Ingress, s.Isolates = nil, in })}, model.Ingress, false},
		{"a later rule denies", []model.PolicySpec{keeps, deny}, model.Ingress, true},
		{"an earlier rule denies", []model.PolicySpec{keeps, before}, model.Ingress, false},
		{"a rule of an earlier tier denies", []model.PolicySpec{keeps, with(deny, func(s *model.PolicySpec) { s.Tier = model.TierAdmin })}, model.Ingress, false},
		{"a rule of the same priority denies", []model.PolicySpec{keeps, with(deny, func(s *model.PolicySpec) { s.Priority = 500 })}, model.Ingress, false},
		{"the policy is in shadow mode, and another isolates", []model.PolicySpec{
			with(keeps, func(s *model.PolicySpec) { s.Mode = model.ModeShadow }), with(deny, func(s *model.PolicySpec) { s.Ingress, s.Isolates = nil, in })}, model.Ingress, false},
		{"the sender's rule is gone", []model.PolicySpec{{OnChange: model.OnChangeKeep, Subject: apps("web"), Isolates: []model.PolicyDirection{model.Egress}}}, model.Egress, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := shop(t)
			for i, p := range tt.policies {
				s = plan(t, s, put(model.KindPolicy, fmt.Sprintf("%c", 'a'+i), nil, p))
			}
			from, _ := s.Port("p1")
			to, _ := s.Port("p2")
			v, err := policymodel.JudgeKnown(s, policymodel.End{Port: from, Addr: from.Addresses[0]}, policymodel.End{Port: to, Addr: to.Addresses[0]},
				policymodel.Probes()[0], map[model.PolicyDirection]string{tt.by: "a"})
			if err != nil || v.Allowed != tt.want {
				t.Errorf("%+v, %v, want %t", v, err, tt.want)
			}
		})
	}
}
