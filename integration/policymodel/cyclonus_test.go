package policymodel_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/policymodel"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

func put(k topology.Kind, name string, labels map[string]string, spec topology.Spec) topology.Op {
	return topology.Op{Verb: topology.Put, Ref: topology.Ref{Kind: k, Name: name}, Labels: labels, Spec: spec}
}

func plan(t testing.TB, s *topology.Snapshot, ops ...topology.Op) *topology.Snapshot {
	t.Helper()
	r, err := topology.Plan(s, ops, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return r.Next
}

// TestCyclonus: the naive evaluator and Cyclonus have the same verdicts about Cyclonus' cases.
func TestCyclonus(t *testing.T) {
	cases, err := policymodel.Cyclonus()
	if err != nil {
		t.Fatal(err)
	}
	var families, allowed [2]int
	for _, c := range cases {
		s := plan(t, topology.NewSnapshot(), append(c.Policies, put(topology.KindNetwork, "pods", nil, topology.NetworkSpec{
			Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.0.0.0/24")}, {Prefix: netip.MustParsePrefix("fd00:0:0:1::/64")}},
		}))...)
		place := map[string]int{}
		for i, p := range c.Pods {
			s = plan(t, s, put(topology.KindPort, p.Name, p.Labels, topology.PortSpec{Network: "pods", IP: p.IP}))
			place[p.Name] = i
		}
		cells := 0
		for _, cell := range policymodel.Matrix(s, c.What) {
			if cell.Family != c.Family {
				continue
			}
			cells++
			want := c.Allowed(place[cell.From], place[cell.To], cell.What)
			if cell.Allowed != want {
				t.Errorf("case %s: %s; Cyclonus says allowed=%v", c.Name, cell, want)
			}
			if want {
				allowed[c.Family]++
			}
		}
		if n := len(c.Pods); cells != n*(n-1)*len(c.What) {
			t.Errorf("case %s: %d verdicts about %d ports", c.Name, cells, n)
		}
		families[c.Family] += cells
	}
	if len(cases) < 500 {
		t.Errorf("%d cases", len(cases))
	}
	for f, n := range families {
		if allowed[f] < n/10 || allowed[f] > n*9/10 {
			t.Errorf("%s: %d of %d are allowed", model.Family(f), allowed[f], n)
		}
	}
	t.Logf("%d cases, %v verdicts, %v allowed", len(cases), families, allowed)
}
