package reconcile_test

import (
	"flag"
	"testing"
	"testing/synctest"

	"github.com/sdnctl/sdnctl/integration/script"
)

var update = flag.Bool("update", false, "write what the scripts give into their files")

// TestScripts runs the scripts in testdata/scripts: events in, messages per switch out.
// scriptBed has the commands.
//
// A script runs in a bubble of testing/synctest. After each command everything runs until
// it waits; only "advance" lets time pass. So the outcome is the same each time.
func TestScripts(t *testing.T) {
	script.Run(t, "testdata/scripts/*.txt", *update, func(t *testing.T, text string) (got string) {
		synctest.Test(t, func(t *testing.T) {
			bed := newScriptBed(t)
			defer bed.stop()
			got = script.Play(t, text, bed.run)
		})
		return got
	})
}
