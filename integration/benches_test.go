package integration

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/sdnctl/sdnctl/integration/bench"
	"github.com/sdnctl/sdnctl/integration/lab"
)

// TestBenches: the benches that need nothing but Open vSwitch give a figure of ours and of each baseline that is no
// program of its own, so that a change which breaks them is noticed before somebody measures.
func TestBenches(t *testing.T) {
	if why := lab.Missing(); len(why) > 0 {
		t.Skipf("no lab here: %s", strings.Join(why, "; "))
	}
	env, err := bench.NewEnv("..", os.Getenv(binVar), true)
	if err != nil {
		t.Fatal(err)
	}
	defer env.Close()
	lines := bench.Run(t.Context(), env, bench.Suite(), regexp.MustCompile("^(install/10k|reconnect/10k|port/commit|dns)$"))
	if err := bench.Failed(lines); err != nil {
		t.Error(err)
	}
	if len(lines) < 7 {
		t.Errorf("only %d lines", len(lines))
	}
	for _, l := range lines {
		if l.Theirs.Missing != "" && l.Baseline != "ofnet, in a bundle" {
			t.Errorf("%s: %s: %s", l.Name, l.Baseline, l.Theirs.Missing)
		}
	}
}
