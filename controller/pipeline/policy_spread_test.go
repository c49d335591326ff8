package pipeline

import (
	"testing"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestSpread: rules that only allow have at most maxSharing at each priority, in their range;
// a node gets no more than MaxAlike of them.
func TestSpread(t *testing.T) {
	at := policyTable{model.Ingress, model.TierApplication, false}
	allow := []model.PolicyRule{{Action: model.ActionAllow}}
	o := &policies{rules: map[policyTable][]*policyRule{}}
	for i := range MaxAlike + 100 {
		p := &topology.Policy{Spec: model.PolicySpec{Priority: 500, Ingress: allow}}
		o.rules[at] = append(o.rules[at], &policyRule{PolicyRule: &allow[0], policy: p, number: uint32(i), priority: rulePriority(500, false, 0)})
	}
	o.spread()
	if len(o.rules[at]) != MaxAlike || o.alike != MaxAlike+100 {
		t.Errorf("%d rules of %d", len(o.rules[at]), o.alike)
	}
	count := map[uint16]int{}
	for _, r := range o.rules[at] {
		count[r.priority]++
		if r.priority > rulePriority(500, false, 0) || r.priority <= keptPriority(501, true) {
			t.Fatalf("priority %d", r.priority)
		}
	}
	for priority, n := range count {
		if n > maxSharing {
			t.Errorf("%d rules at priority %d", n, priority)
		}
	}
	if lowest := rulePriority(model.MaxPolicyPriority, false, 0) - rulePlaces; lowest <= prioIsolation {
		t.Errorf("priority %d is not above isolation", lowest)
	}
}
