package server

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology"
)

// TestPolicyBudget: a dry run says how many flows policies make on a node at most. A change
// that would make more than allowed is refused, with the rule that makes the most, as a dry
// run or not. A change that makes fewer is accepted even if they are still too many.
func TestPolicyBudget(t *testing.T) {
	b := newBed(t, func(c *Config) { c.MaxPolicyFlows = 20 })
	b.ok("POST", "/v1/nodes", `{"name":"node1","spec":{"tunnelIP":"192.168.50.11"}}`, nil)
	b.ok("POST", "/v1/networks", `{"name":"blue","spec":{"cidr":"10.0.0.0/24"}}`, nil)
	for _, p := range []string{"web", "lb"} {
		b.ok("POST", "/v1/ports", fmt.Sprintf(`{"name":%q,"labels":{"app":%[1]q},"spec":{"network":"blue","node":"node1"}}`, p), nil)
	}
	policy := func(dry bool, ports int) string {
		var list []string
		for i := range ports {
			list = append(list, fmt.Sprintf(`"tcp/%d"`, 1000+2*i))
		}
		return fmt.Sprintf(`{"dryRun":%t,"objects":[
			{"kind":"PortGroup","name":"first","spec":{"ports":["lb"]}},
			{"kind":"Policy","name":"web","spec":{"subject":{"selector":{"matchLabels":{"app":"web"}}},"ingress":[
				{"peers":[{"selector":{"matchLabels":{"app":"web"}}}]},
				{"peers":[{"selector":{"matchLabels":{"app":"lb"}}}],"ports":[%s]}]}}]}`, dry, strings.Join(list, ","))
	}
	var r api.ApplyResult
	if err := json.Unmarshal(b.ok("POST", "/v1/apply", policy(true, 2), nil), &r); err != nil {
		t.Fatal(err)
	}
	f := r.Forecast
	if f == nil || f.FlowMods == nil || *f.Nodes != 1 || f.PolicyFlows == nil || f.PolicyFlows.Node != "node1" || f.PolicyFlows.Before != 0 || f.PolicyFlows.Limit != 20 {
		t.Fatalf("forecast %+v", f)
	}
	if *f.FlowMods <= f.PolicyFlows.After || f.PolicyFlows.After < 10 {
		t.Errorf("%d flow-mods, of which %d are of policies", *f.FlowMods, f.PolicyFlows.After)
	}
	for _, dry := range []bool{true, false} {
		p := b.refused("POST", "/v1/apply", policy(dry, 40), nil)
		if p.Code != api.CodeExhausted || len(p.Errors) != 1 || p.Errors[0].Index != 1 || p.Errors[0].Object != "policy/web" || p.Errors[0].Field != "spec.ingress[1]" ||
			!strings.Contains(p.Errors[0].Message, "on node node1, 0 now; at most 20 are allowed") {
			t.Errorf("dry run %t: %+v", dry, p)
		}
	}
	b.ok("POST", "/v1/apply", policy(false, 2), nil)
	b.server.cfg.MaxPolicyFlows = 5
	b.ok("POST", "/v1/apply", policy(false, 1), nil) // fewer than before
	b.refused("POST", "/v1/apply", policy(false, 3), nil)
}

// TestPolicyBudgetTogether: changes that are committed together are counted together.
func TestPolicyBudgetTogether(t *testing.T) {
	const limit = 60
	b := newBed(t, func(c *Config) { c.MaxPolicyFlows = limit })
	b.ok("POST", "/v1/nodes", `{"name":"node1","spec":{"tunnelIP":"192.168.50.11"}}`, nil)
	b.ok("POST", "/v1/networks", `{"name":"blue","spec":{"cidr":"10.0.0.0/24"}}`, nil)
	b.ok("POST", "/v1/ports", `{"name":"web","labels":{"app":"web"},"spec":{"network":"blue","node":"node1"}}`, nil)
	var group sync.WaitGroup
	for i := range 40 {
		group.Go(func() {
			b.raw("POST", "/v1/policies", fmt.Sprintf(`{"name":"p%d","spec":{"priority":%[1]d,"subject":{"selector":{"matchLabels":{"app":"web"}}},"ingress":[{"ports":["tcp/%[1]d"]}]}}`, i+1), nil)
		})
	}
	group.Wait()
	snap := b.store.Snapshot()
	ops := []topology.Op{}
	for p := range snap.Policies() {
		ops = append(ops, topology.Op{Verb: topology.Delete, Ref: p.Ref()})
	}
	r, err := topology.Plan(snap, ops, clock())
	if err != nil {
		t.Fatal(err)
	}
	has := b.fabric.Forecast(snap, r, false).Policies
	if len(has) != 1 || has[0].Before > limit || has[0].Before < limit/2 || has[0].After != 0 {
		t.Errorf("%+v, want at most %d flows and not many fewer, and none without policies", has, limit)
	}
}
