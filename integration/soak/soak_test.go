package main

import (
	"os"
	"strings"
	"testing"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// TestSoak is a run of some two minutes; "make soak" goes on for hours.
func TestSoak(t *testing.T) {
	if why := lab.Missing(); len(why) > 0 {
		t.Skipf("no lab here: %s", strings.Join(why, "; "))
	}
	o := options{ops: 1000, quiet: 50, seed: 1, bin: os.Getenv("SDNLAB_BIN")}
	if testing.Short() {
		o.ops = 250
	}
	if err := run(t.Context(), o, t.Output(), nil); err != nil {
		t.Fatal(err)
	}
}
