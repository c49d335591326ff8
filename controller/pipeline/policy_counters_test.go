package pipeline_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestPolicyCounters: the flows that count what a policy decides on a node are those of its
// rules, those of connections that they have let in, and those that deny its subjects by
// default, and no other policy's.
func TestPolicyCounters(t *testing.T) {
	b := newContractBed(t, []topology.Family{topology.IPv4}, topology.Stretched, false, 6, 20)
	b.shop()
	b.apply(web(1),
		put(model.KindPolicy, "first", model.PolicySpec{Tier: model.TierAdmin, Subject: with("app", "web"), Ingress: []model.PolicyRule{{Action: model.ActionDeny, Peers: peers(with("app", "web"))}}}),
		put(model.KindPolicy, "out", model.PolicySpec{Subject: with("app", "lb"), Egress: []model.PolicyRule{{Peers: peers(with("app", "web"))}}}),
		put(model.KindPolicy, "kept", model.PolicySpec{Tier: model.TierBaseline, OnChange: model.OnChangeKeep, Subject: with("app", "web"), Isolates: []model.PolicyDirection{model.Ingress}, Ingress: []model.PolicyRule{{}}}),
		put(model.KindPolicy, "tried", model.PolicySpec{Subject: with("app", "web"), Mode: model.ModeShadow, Ingress: []model.PolicyRule{
			{Action: model.ActionDeny, Ports: tcpPorts(1)}, {Ports: []model.PolicyPort{{Protocol: model.ProtocolTCP, Name: "http"}}}}}))
	for _, tt := range []struct {
		policy string
		nodes  []string
		on     string
		want   []string
	}{
		{"web", []string{"n1", "n2"}, "n1", []string{"ingress-application ingress 0", "ingress-application ingress -1", "verdict ingress 0 known"}},
		{"first", []string{"n1", "n2"}, "n2", []string{"ingress-admin ingress 0"}},
		{"out", []string{"n1", "n2", "n3", "n4", "n5"}, "n1", []string{"egress-application egress 0", "egress-application egress -1"}},
		{"out", []string{"n1", "n2", "n3", "n4", "n5"}, "n4", []string{"egress-application egress -1"}},
		{"web", []string{"n1", "n2"}, "n6", nil},
		{"kept", []string{"n1", "n2"}, "n1", []string{"ingress-baseline ingress 0", "ingress-baseline ingress -1 kept", "ingress-baseline ingress -1", "verdict ingress 0 known"}},
		{"tried", []string{"n1", "n2"}, "n1", []string{"shadow-ingress-application ingress 0", "shadow-ingress-application ingress 1"}},
	} {
		if diff := cmp.Diff(tt.nodes, b.view.NodesOfPolicy(tt.policy)); diff != "" {
			t.Errorf("%s: nodes (-want +got)\n%s", tt.policy, diff)
		}
		p, _ := b.view.Topo.Policy(tt.policy)
		flows := map[openflow.Cookie]bool{}
		for _, msg := range compile(b.view, tt.on) {
			if mod, err := openflow.DecodeFlowMod(msg); err == nil {
				flows[mod.Flow.Cookie] = true
			}
		}
		var got []string
		for _, c := range b.view.PolicyCounters(tt.on, p) {
			line := fmt.Sprintf("%s %s %d", pipeline.TableName(c.Table), c.Direction, c.Rule)
			if c.Known {
				line += " known"
			}
			if c.Kept {
				line += " kept"
			}
			if got = append(got, line); !flows[c.Cookie] {
				t.Errorf("%s on %s: %s: the node has no such flow", tt.policy, tt.on, line)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s on %s (-want +got)\n%s", tt.policy, tt.on, diff)
		}
	}
	p, _ := b.view.Topo.Policy("web")
	// "tried" has the same subject in shadow mode, so the shadow tables have the rule, too.
	if n, want := b.view.FlowsOfPolicy("n1", p), ingressRule(1, 1, 1, 1)+shadowRule(1, 1, 1, 1); n != want {
		t.Errorf("web makes %d flows on n1, want %d", n, want)
	}
	tried, _ := b.view.Topo.Policy("tried")
	if n := b.view.FlowsOfPolicy("n1", tried); n == 0 {
		t.Error("a policy in shadow mode makes no flows")
	}
	of := map[string]int{}
	for _, l := range b.view.RuleLoads("n1") {
		of[l.Policy.Name] += l.Flows
	}
	if of["tried"] == 0 || of["web"] == 0 {
		t.Errorf("flows by policy: %v", of)
	}
}
