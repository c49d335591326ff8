package topology_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// anyLabels draws labels of few keys and values, so that they often match.
func anyLabels(t *rapid.T) map[string]string {
	return rapid.MapOfN(rapid.SampledFrom([]string{"app", "tier", "x"}), rapid.SampledFrom([]string{"a", "b", "c"}), 0, 3).Draw(t, "labels")
}

func anySelector(t *rapid.T) *model.Selector {
	s := &model.Selector{MatchLabels: anyLabels(t)}
	for range rapid.IntRange(0, 2).Draw(t, "expressions") {
		r := model.Requirement{Key: rapid.SampledFrom([]string{"app", "tier", "x", "y"}).Draw(t, "key")}
		r.Operator = rapid.SampledFrom([]model.SelectorOperator{model.SelectIn, model.SelectNotIn, model.SelectExists, model.SelectDoesNotExist}).Draw(t, "operator")
		if r.Operator == model.SelectIn || r.Operator == model.SelectNotIn {
			r.Values = rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", ""}), 1, 3).Draw(t, "values")
		}
		s.MatchExpressions = append(s.MatchExpressions, r)
	}
	return s
}

// TestMembers: the members of a group, which are found by an index of labels, are
// the ports that the selector matches, also after labels have changed and ports
// have gone.
func TestMembers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := topology.NewSnapshot()
		apply := func(ops ...topology.Op) {
			r, err := topology.Plan(s, ops, epoch)
			if err != nil {
				t.Fatal(err)
			}
			s = r.Next
		}
		apply(put(topology.KindNetwork, "blue", stretched("10.0.0.0/24")))
		for range rapid.IntRange(1, 20).Draw(t, "changes") {
			name := fmt.Sprintf("p%d", rapid.IntRange(0, 9).Draw(t, "port"))
			op := put(topology.KindPort, name, topology.PortSpec{Network: "blue"})
			op.Labels = anyLabels(t)
			if _, there := s.Port(name); there && rapid.Bool().Draw(t, "delete") {
				op = del(topology.KindPort, name)
			}
			apply(op)
		}
		apply(put(model.KindPortGroup, "g", model.PortGroupSpec{Selector: anySelector(t)}))
		g, _ := s.PortGroup("g")
		var got, want []string
		for p := range s.Members(g) {
			got = append(got, p.Name)
		}
		for p := range s.Ports() {
			if g.Spec.Selector.Matches(p.Labels) {
				want = append(want, p.Name)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("members of %s (-want +got):\n%s", g.Spec.Selector, diff)
		}
	})
}

// TestListedPorts: a group keeps the ports that it lists in use.
func TestListedPorts(t *testing.T) {
	list := func(ports ...string) topology.Op {
		return put(model.KindPortGroup, "g", model.PortGroupSpec{Ports: ports})
	}
	port := func(name string) topology.Op {
		return put(topology.KindPort, name, topology.PortSpec{Network: "blue"})
	}
	s := plan(t, topology.NewSnapshot(), list("b", "a"), port("a"), port("b"), put(topology.KindNetwork, "blue", stretched("10.0.0.0/24"))).Next
	g, _ := s.PortGroup("g")
	var got []string
	for p := range s.Members(g) {
		got = append(got, p.Name)
	}
	if diff := cmp.Diff([]string{"a", "b"}, got); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	for _, tt := range []struct {
		ops  []topology.Op
		want string // "" if it is right
	}{
		{[]topology.Op{del(topology.KindPort, "a")}, "port/a: in use by portgroup/g"},
		{[]topology.Op{del(topology.KindPort, "a"), list("b")}, ""},
		{[]topology.Op{del(topology.KindPort, "a"), del(model.KindPortGroup, "g")}, ""},
		{[]topology.Op{del(topology.KindPort, "a"), list("a")}, `spec.ports[0]: there is no port "a"`},
		{[]topology.Op{list("x")}, `spec.ports[0]: there is no port "x"`},
		{[]topology.Op{list("a", "a")}, "listed twice"},
		{[]topology.Op{list()}, "neither a selector nor ports"},
		{[]topology.Op{list(make([]string, model.MaxGroupPorts+1)...)}, "use a selector"},
		{[]topology.Op{put(model.KindPortGroup, "g", model.PortGroupSpec{Ports: []string{"a"}, Selector: &model.Selector{}})}, "both"},
		// What depends on a port with a mistake is not checked.
		{[]topology.Op{put(topology.KindPort, "c", topology.PortSpec{}), list("c")}, "port/c: spec.network: the port has no network"},
	} {
		_, err := topology.Plan(s, tt.ops, epoch)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%v: %v", tt.ops, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%v: %v, want %q", tt.ops, err, tt.want)
		}
	}
}
