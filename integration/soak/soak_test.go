package main

import (
	"os"
	"strings"
	"testing"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// TestSoak is a short run; "make soak" is a longer one.
func TestSoak(t *testing.T) {
	if why := lab.Missing(); len(why) > 0 {
		t.Skipf("no lab here: %s", strings.Join(why, "; "))
	}
	o := options{ops: 250, quiet: 50, seed: 1, bin: os.Getenv("SDNLAB_BIN")}
	if testing.Short() {
		o.ops = 50
	}
	if err := run(t.Context(), o, t.Output()); err != nil {
		t.Fatal(err)
	}
}
