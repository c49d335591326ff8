package pipeline_test

import (
	"maps"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sdnctl/sdnctl/controller/pipeline"
)

// joinsIn returns the ports that have joined groups, with the numbers of these.
func joinsIn(v *pipeline.View) map[pipeline.Join]bool {
	all := map[pipeline.Join]bool{}
	for j := range v.Joins() {
		all[j] = true
	}
	return all
}

// checkJoins checks that what a view says has changed of the members of groups is the difference to the
// view before, and that no two groups have the same number.
func (w *world) checkJoins(t *rapid.T, before *pipeline.View) {
	want := joinsIn(before)
	for _, c := range w.view.JoinChanges(before) {
		if c.Left {
			delete(want, c.Join)
		} else {
			want[c.Join] = true
		}
	}
	got := joinsIn(w.view)
	if !maps.Equal(got, want) {
		t.Fatalf("members (-as said +as they are):\n%s", cmp.Diff(want, got))
	}
	type group struct{ network, address string }
	of := map[uint32]group{}
	for j := range got {
		p, _ := w.view.Topo.Port(j.Port)
		g := group{p.Spec.Network, j.Group.String()}
		if other, ok := of[j.Number]; ok && other != g {
			t.Fatalf("%v and %v have the number %d", g, other, j.Number)
		}
		of[j.Number] = g
	}
}
