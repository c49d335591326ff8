package integration

import (
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/traffic"
	"github.com/sdnctl/sdnctl/topology/model"
)

// killedInChange: sdnd is killed at a random moment of a change of policies on three nodes.
// Connections that both sets of policies allow continue, those that both deny are never
// answered, and the stored policies are in force once sdnd runs again.
func killedInChange(t *testing.T, b *policyBed) {
	app := func(name string) model.PolicySelection {
		return model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": name}}}
	}
	rule := func(action model.PolicyAction, peer model.PolicySelection, port uint16) model.PolicyRule {
		return model.PolicyRule{Action: action, Peers: []model.PolicyPeer{{PolicySelection: peer}}, Ports: []model.PolicyPort{{Protocol: model.ProtocolTCP, First: port, Last: port}}}
	}
	// Each set opens ports of web to one application more than to db, and moves its rules.
	change := func(to int) api.ApplyRequest {
		one := []string{"lb", "nobody"}[to]
		rules := []model.PolicyRule{rule(model.ActionAllow, app("db"), 80), rule(model.ActionAllow, app(one), 80)}
		if to == 1 {
			rules[0], rules[1] = rules[1], rules[0]
		}
		return api.ApplyRequest{Objects: []api.Object{
			object(b.bed, "web", model.PolicySpec{Tier: model.TierApplication, Priority: 500, Subject: app("web"), Ingress: rules}),
			object(b.bed, "first", model.PolicySpec{Tier: model.TierAdmin, Priority: 10 + to, Subject: app("web"), Ingress: []model.PolicyRule{
				rule(model.ActionDeny, model.PolicySelection{Networks: []string{"green"}}, 8007), rule(model.ActionAllow, app(one), 8007)}}),
		}}
	}
	b.confirmed(must2(b.api.Apply(b.ctx, change(0))))
	t.Cleanup(b.noPolicies)
	b.revalidated()
	always := []stream{b.stream("green1", "green2", false, traffic.Echo), b.stream("green1", "pods4", true, traffic.Upload)}
	var never []traffic.Probe
	for _, all := range [][]exchange{b.to("pods1", "blue1", traffic.TCP, 80, 8007), b.to("blue3", "pods4", traffic.UDP, 53), b.to("green3", "blue3", traffic.TCP, 8007)} {
		for _, e := range all {
			never = append(never, e.Probe)
		}
	}
	unanswered := func(when string) {
		got, err := traffic.Ask(b.ctx, never, traffic.Patience(0))
		b.must(err)
		for i, v := range got {
			if v != traffic.Timeout {
				t.Errorf("%s: %v: %v", when, never[i], v)
			}
		}
	}
	random := rand.New(rand.NewPCG(9, 0))
	for round := range 3 {
		applied := make(chan error, 1)
		go func() {
			_, err := b.api.Apply(b.ctx, change((round+1)%2))
			applied <- err
		}()
		time.Sleep(time.Duration(random.IntN(20)) * time.Millisecond) // no condition: sdnd may be killed at any moment
		b.must(b.Controller.Stop(b.ctx, syscall.SIGKILL))
		t.Logf("round %d: %v", round, <-applied)
		unanswered("sdnd is killed")
		b.must(b.Controller.Start(b.ctx))
		unanswered("sdnd starts")
		b.settle()
		b.revalidated()
		b.goOn(always...)
		b.verdicts(append(b.to("blue4", "blue1", traffic.TCP, 80, 8007), append(b.to("green1", "blue3", traffic.TCP, 80, 8007), b.to("pods2", "pods4", traffic.TCP, 80, 8007)...)...), b.judge())
	}
	for _, s := range always {
		if r := s.Report(); r.Err != nil {
			t.Errorf("%v", r)
		}
	}
	stop(always...)
	b.verify()
}
