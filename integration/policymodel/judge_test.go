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
		{"baseline isolates what no rule decides", []model.PolicySpec{isolateBaseline}, policymodel.Verdict{By: "policy/a isolates ingress"}},
		{"baseline is overruled", []model.PolicySpec{isolateBaseline, db("application", 0, rule(allow, "web"))}, policymodel.Verdict{Allowed: true, By: "policy/b ingress rule 1"}},
		{"the sender is isolated", []model.PolicySpec{db("admin", 0, rule(allow, "")), {Tier: "application", Subject: apps("web"), Isolates: []model.PolicyDirection{model.Egress}}}, policymodel.Verdict{By: "policy/b isolates egress"}},
		{"ingress of the sender is not evaluated", []model.PolicySpec{{Tier: "application", Subject: apps("web"), Isolates: []model.PolicyDirection{model.Ingress}}}, policymodel.Verdict{Allowed: true}},
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

// TestJudgeOutside: a selector never selects an address outside, a CIDR does, and no policy
// applies to an end outside.
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

// TestJudgePitfalls: what went wrong elsewhere, by the rows of our table of pitfalls. The
// subject is db, and what is sent to it comes from p1, which is web of tier front, or from
// an address.
func TestJudgePitfalls(t *testing.T) {
	cidr := func(text string, except ...string) model.PolicyPeer {
		p := model.PolicyPeer{CIDR: netip.MustParsePrefix(text)}
		for _, e := range except {
			p.Except = append(p.Except, netip.MustParsePrefix(e))
		}
		return p
	}
	selector := func(key string, o model.SelectorOperator, values ...string) model.PolicyPeer {
		return model.PolicyPeer{PolicySelection: model.PolicySelection{Selector: &model.Selector{MatchExpressions: []model.Requirement{{Key: key, Operator: o, Values: values}}}}}
	}
	to := func(peers []model.PolicyPeer, ports ...string) model.PolicyRule {
		r := model.PolicyRule{Peers: peers}
		for _, text := range ports {
			r.Ports = append(r.Ports, what(t, text))
		}
		return r
	}
	anybody := []model.PolicyPeer(nil)
	holes := []model.PolicyRule{to([]model.PolicyPeer{cidr("10.254.0.0/16")}, "tcp/8080"), to([]model.PolicyPeer{cidr("0.0.0.0/0", "10.254.0.0/16")})}
	notFoo := []model.PolicyRule{to([]model.PolicyPeer{selector("app", model.SelectNotIn, "lb")})}
	for _, tt := range []struct {
		row, name string
		rules     []model.PolicyRule
		from      string // a port, or an address
		what      string
		allowed   bool
	}{
		{"P-POL-02", "in the hole, the port of the narrow rule", holes, "10.254.0.9", "tcp/8080", true},
		{"P-POL-02", "in the hole, another port", holes, "10.254.0.9", "tcp/22", false},
		{"P-POL-02", "outside of the hole", holes, "198.51.100.1", "tcp/22", true},
		{"P-POL-03", "any port beside one", []model.PolicyRule{to(anybody, "tcp", "tcp/80")}, "p1", "tcp/79", true},
		{"P-POL-03", "any port of another protocol", []model.PolicyRule{to(anybody, "tcp", "tcp/80")}, "p1", "udp/80", false},
		{"P-POL-04", "below a range", []model.PolicyRule{to(anybody, "tcp/8000-8010")}, "p1", "tcp/7999", false},
		{"P-POL-04", "first of a range", []model.PolicyRule{to(anybody, "tcp/8000-8010")}, "p1", "tcp/8000", true},
		{"P-POL-04", "within a range", []model.PolicyRule{to(anybody, "tcp/8000-8010")}, "p1", "tcp/8007", true},
		{"P-POL-04", "last of a range", []model.PolicyRule{to(anybody, "tcp/8000-8010")}, "p1", "tcp/8010", true},
		{"P-POL-04", "above a range", []model.PolicyRule{to(anybody, "tcp/8000-8010")}, "p1", "tcp/8011", false},
		{"P-POL-04", "the whole range", []model.PolicyRule{to(anybody, "udp/1-65535")}, "p1", "udp/65535", true},
		{"P-POL-06", "NotIn picks a port", notFoo, "p1", "tcp/80", true},
		{"P-POL-06", "NotIn selects no address outside", notFoo, "203.0.113.7", "tcp/80", false},
		{"P-POL-16", "sctp", []model.PolicyRule{to(anybody, "sctp/3301")}, "p1", "sctp/3301", true},
		{"P-POL-16", "another port of sctp", []model.PolicyRule{to(anybody, "sctp/3301")}, "p1", "sctp/3302", false},
		{"P-POL-16", "sctp by a rule of tcp", []model.PolicyRule{to(anybody, "tcp/3301")}, "p1", "sctp/3301", false},
		{"P-POL-18", "NotIn its value", []model.PolicyRule{to([]model.PolicyPeer{selector("app", model.SelectNotIn, "web")})}, "p1", "tcp/80", false},
		{"P-POL-18", "NotIn without the key", []model.PolicyRule{to([]model.PolicyPeer{selector("zone", model.SelectNotIn, "a")})}, "p1", "tcp/80", true},
		{"P-POL-18", "DoesNotExist with the key", []model.PolicyRule{to([]model.PolicyPeer{selector("app", model.SelectDoesNotExist)})}, "p1", "tcp/80", false},
		{"P-POL-18", "an empty selector", []model.PolicyRule{to([]model.PolicyPeer{{PolicySelection: model.PolicySelection{Selector: &model.Selector{}}}})}, "p1", "tcp/80", true},
	} {
		t.Run(tt.row+"/"+tt.name, func(t *testing.T) {
			s := plan(t, shop(t), put(model.KindPolicy, "db", nil, model.PolicySpec{
				Subject: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "db"}}}, Ingress: tt.rules,
			}))
			db, _ := s.Port("p2")
			var from policymodel.End
			if p, ok := s.Port(tt.from); ok {
				from = policymodel.End{Port: p, Addr: p.Addresses[0]}
			} else {
				from.Addr = netip.MustParseAddr(tt.from)
			}
			if v := policymodel.Judge(s, from, policymodel.End{Port: db, Addr: db.Addresses[0]}, what(t, tt.what)); v.Allowed != tt.allowed {
				t.Errorf("%+v, want allowed=%v", v, tt.allowed)
			}
		})
	}
}

func what(t *testing.T, text string) (p model.PolicyPort) {
	t.Helper()
	if err := p.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return p
}
