package policymodel_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sdnctl/sdnctl/integration/policymodel"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// shop returns two routed networks with both families, ports with labels, and port groups.
func shop(t testing.TB) *topology.Snapshot {
	ops := []topology.Op{
		put(topology.KindNetwork, "blue", nil, topology.NetworkSpec{Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.0.0.0/24")}, {Prefix: netip.MustParsePrefix("fd00:0:0:1::/64")}}}),
		put(topology.KindNetwork, "green", nil, topology.NetworkSpec{Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.0.1.0/24")}}}),
		put(topology.KindRouter, "main", nil, topology.RouterSpec{Networks: []string{"blue", "green"}}),
		put(model.KindPortGroup, "front", nil, model.PortGroupSpec{Selector: &model.Selector{MatchLabels: map[string]string{"tier": "front"}}}),
		put(model.KindPortGroup, "some", nil, model.PortGroupSpec{Ports: []string{"p1", "p4"}}),
	}
	for i := range 6 {
		labels := map[string]string{"app": []string{"web", "db", "lb"}[i%3]}
		if i%2 == 0 {
			labels["tier"] = []string{"front", "back"}[i/2%2]
		}
		ops = append(ops, put(topology.KindPort, fmt.Sprintf("p%d", i+1), labels, topology.PortSpec{Network: []string{"blue", "green"}[i/3]}))
	}
	return plan(t, topology.NewSnapshot(), ops...)
}

// TestRandom: all random policies are valid, and there are verdicts of every kind.
func TestRandom(t *testing.T) {
	s := shop(t)
	rapid.Check(t, func(t *rapid.T) {
		r := policymodel.NewRandom(func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "") }, s)
		if _, err := topology.Plan(s, r.Ops(8), time.Time{}); err != nil {
			t.Fatal(err)
		}
	})
	kinds := map[string]int{}
	for seed := range uint64(30) {
		r := policymodel.NewRandom(rand.New(rand.NewPCG(seed, 0)).IntN, s)
		next := plan(t, s, r.Ops(4)...)
		next = plan(t, next, put(model.KindPolicy, "more", nil, policymodel.NewRandom(rand.New(rand.NewPCG(seed, 1)).IntN, next).Policy()))
		for _, c := range policymodel.Matrix(next, policymodel.Probes()) {
			switch {
			case c.By == "":
				kinds["no rule decides"]++
			case c.Allowed:
				kinds["a rule allows"]++
			default:
				kinds["denied"]++
			}
		}
	}
	total := kinds["no rule decides"] + kinds["a rule allows"] + kinds["denied"]
	for kind, n := range kinds {
		if n < total/20 {
			t.Errorf("%s: %d of %d", kind, n, total)
		}
	}
	t.Log(kinds)
}
