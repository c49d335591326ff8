package policymodel_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/sdnctl/sdnctl/integration/policymodel"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestJudge: the tiers, priorities and isolation, about a connection from p1, which is web
// of tier front, to p2, a db, or from outside.
func TestJudge(t *testing.T) {
	apps := func(app string) model.PolicySelection {
		return model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": app}}}
	}
	rule := func(a model.PolicyAction, from string) model.PolicyRule {
		r := model.PolicyRule{Action: a}
		if from != "" {
			r.Peers = []model.PolicyPeer{{PolicySelection: apps(from)}}
		}
		return r
	}
	db := func(tier model.PolicyTier, priority int, ingress ...model.PolicyRule) model.PolicySpec {
		return model.PolicySpec{Tier: tier, Priority: priority, Subject: apps("db"), Ingress: ingress}
	}
	isolate := db("application", 500)
	isolate.Isolates = []model.PolicyDirection{model.Ingress}
	isolateAdmin := db("admin", 500)
	isolateAdmin.Isolates = isolate.Isolates
	isolateBaseline := db("baseline", 500)
	isolateBaseline.Isolates = isolate.Isolates
	allow, deny, pass := model.ActionAllow, model.ActionDeny, model.ActionPass
	for _, tt := range []struct {
		name     string
		policies []model.PolicySpec // named a, b, c…
		want     policymodel.Verdict
	}{
		{"no policy", nil, policymodel.Verdict{Allowed: true}},
		{"isolation", []model.PolicySpec{isolate}, policymodel.Verdict{By: "policy/a isolates ingress"}},
		{"an allow opens the isolation of another policy", []model.PolicySpec{isolate, db("application", 900, rule(allow, "web"))}, policymodel.Verdict{Allowed: true, By: "policy/b ingress rule 1"}},
		{"a rule isolates in the application tier", []model.PolicySpec{db("application", 500, rule(allow, "lb"))}, policymodel.Verdict{By: "policy/a isolates ingress"}},
		{"a rule does not isolate in other tiers", []model.PolicySpec{db("admin", 500, rule(allow, "lb")), db("baseline", 500, rule(allow, "lb"))}, policymodel.Verdict{Allowed: true}},
		{"admin before application", []model.PolicySpec{db("application", 0, rule(allow, "web")), db("admin", 900, rule(deny, "web"))}, policymodel.Verdict{By: "policy/b ingress rule 1"}},
		{"admin allows what the application tier denies", []model.PolicySpec{isolate, db("admin", 900, rule(allow, "web"))}, policymodel.Verdict{Allowed: true, By: "policy/b ingress rule 1"}},
		{"the lower number first", []model.PolicySpec{db("admin", 2, rule(deny, "")), db("admin", 1, rule(allow, "web"))}, policymodel.Verdict{Allowed: true, By: "policy/b ingress rule 1"}},
		{"the first rule first", []model.PolicySpec{db("admin", 1, rule(allow, "lb"), rule(allow, "web"), rule(deny, "web"))}, policymodel.Verdict{Allowed: true, By: "policy/a ingress rule 2"}},
		{"equal priority: a policy that denies first", []model.PolicySpec{db("application", 1, rule(allow, "")), db("application", 1, rule(deny, "web"))}, policymodel.Verdict{By: "policy/b ingress rule 1"}},
		{"pass skips the isolation of its tier", []model.PolicySpec{isolateAdmin, db("admin", 900, rule(pass, "web"), rule(deny, ""))}, policymodel.Verdict{Allowed: true}},
		{"pass leaves it to the next tier", []model.PolicySpec{isolate, db("admin", 0, rule(pass, ""))}, policymodel.Verdict{By: "policy/a isolates ingress"}},
		{"isolation of the admin tier hides the application tier", []model.PolicySpec{isolateAdmin, db("application", 0, rule(allow, "web"))}, policymodel.Verdict{By: "policy/a isolates ingress"}},
		{"baseline isolates what nobody says", []model.PolicySpec{isolateBaseline}, policymodel.Verdict{By: "policy/a isolates ingress"}},
		{"baseline is overruled", []model.PolicySpec{isolateBaseline, db("application", 0, rule(allow, "web"))}, policymodel.Verdict{Allowed: true, By: "policy/b ingress rule 1"}},
		{"the sender is isolated", []model.PolicySpec{db("admin", 0, rule(allow, "")), {Tier: "application", Subject: apps("web"), Isolates: []model.PolicyDirection{model.Egress}}}, policymodel.Verdict{By: "policy/b isolates egress"}},
		{"ingress of the sender is not asked", []model.PolicySpec{{Tier: "application", Subject: apps("web"), Isolates: []model.PolicyDirection{model.Ingress}}}, policymodel.Verdict{Allowed: true}},
		{"an address of a port", []model.PolicySpec{isolate, db("application", 0, model.PolicyRule{Action: allow, Peers: []model.PolicyPeer{{CIDR: netip.MustParsePrefix("10.0.0.0/29")}}})}, policymodel.Verdict{Allowed: true, By: "policy/b ingress rule 1"}},
		{"an exception", []model.PolicySpec{isolate, db("application", 0, model.PolicyRule{Action: allow, Peers: []model.PolicyPeer{{CIDR: netip.MustParsePrefix("10.0.0.0/8"), Except: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/29")}}}})}, policymodel.Verdict{By: "policy/b isolates ingress"}},
		{"another port", []model.PolicySpec{isolate, db("application", 0, model.PolicyRule{Action: allow, Ports: policymodel.Probes()[1:]})}, policymodel.Verdict{By: "policy/b isolates ingress"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := shop(t)
			for i, p := range tt.policies {
				s = plan(t, s, put(model.KindPolicy, fmt.Sprintf("%c", 'a'+i), nil, p))
			}
			from, _ := s.Port("p1")
			to, _ := s.Port("p2")
			got := policymodel.Judge(s, policymodel.End{Port: from, Addr: from.Addresses[0]}, policymodel.End{Port: to, Addr: to.Addresses[0]}, policymodel.Probes()[0])
			if got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
		})
	}
}

// TestJudgeOutside: a selector never picks what is no port, a CIDR does, and nobody asks
// about the policies of an end outside.
func TestJudgeOutside(t *testing.T) {
	s := shop(t)
	all := model.PolicySelection{Selector: &model.Selector{}}
	notDB := model.PolicySelection{Selector: &model.Selector{MatchExpressions: []model.Requirement{{Key: "app", Operator: model.SelectNotIn, Values: []string{"db"}}}}}
	s = plan(t, s, put(model.KindPolicy, "all", nil, model.PolicySpec{Subject: all, Ingress: []model.PolicyRule{
		{Peers: []model.PolicyPeer{{PolicySelection: notDB}}, Ports: policymodel.Probes()[:1]},
		{Peers: []model.PolicyPeer{{CIDR: netip.MustParsePrefix("203.0.113.0/24")}}, Ports: policymodel.Probes()[1:2]},
	}}))
	p, _ := s.Port("p1")
	in, out := policymodel.End{Port: p, Addr: p.Addresses[0]}, policymodel.End{Addr: netip.MustParseAddr("203.0.113.7")}
	for i, want := range []bool{false, true} {
		if v := policymodel.Judge(s, out, in, policymodel.Probes()[i]); v.Allowed != want {
			t.Errorf("from outside, %s: %+v", policymodel.Probes()[i], v)
		}
	}
	if v := policymodel.Judge(s, in, out, policymodel.Probes()[0]); !v.Allowed || v.By != "" {
		t.Errorf("to the outside: %+v", v)
	}
}

// TestMatrix: only what has a path and a family.
func TestMatrix(t *testing.T) {
	s := plan(t, shop(t), topology.Op{Verb: topology.Delete, Ref: topology.Ref{Kind: topology.KindRouter, Name: "main"}})
	perWhat := map[string]int{}
	for _, c := range policymodel.Matrix(s, policymodel.Probes()) {
		perWhat[c.What.String()]++
	}
	// Three ports of blue with both families, and three of green with one.
	if perWhat["tcp/80"] != 6*3 || perWhat["icmp/8"] != 6*2 || perWhat["icmpv6/128"] != 6 {
		t.Errorf("%v", perWhat)
	}
}
