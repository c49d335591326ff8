package reconcile

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/sdnctl/sdnctl/controller/pipeline"
)

// TestBlame: a machine that loses what all others send has all faults; a single fault is the sender's.
func TestBlame(t *testing.T) {
	for _, tt := range []struct{ failing, want string }{
		{"", ""},
		{"a>b", "a: to b"},
		{"b>a", "a: from b"},
		{"a>c b>c d>c", "c: from a, from b, from d"},
		{"a>c c>a b>c a>d", "a: both c, to d; b: to c"},
		{"a>b c>d", "a: to b; c: to d"},
	} {
		failing := map[pipeline.TunnelPath]pipeline.TunnelFault{}
		for _, of := range strings.Fields(tt.failing) {
			from, to, _ := strings.Cut(of, ">")
			failing[pipeline.TunnelPath{From: from, To: to}] = pipeline.TunnelFault{Network: "blue"}
		}
		blamed := blame(failing)
		var got []string
		for _, node := range slices.Sorted(maps.Keys(blamed)) {
			var of []string
			for _, f := range blamed[node] {
				of = append(of, fmt.Sprintf("%s %s", map[[2]bool]string{{true, false}: "to", {false, true}: "from", {true, true}: "both"}[[2]bool{f.Out, f.In}], f.Peer))
			}
			got = append(got, node+": "+strings.Join(of, ", "))
		}
		if text := strings.Join(got, "; "); text != tt.want {
			t.Errorf("%q: %q, want %q", tt.failing, text, tt.want)
		}
	}
}
