package integration

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// binVar names the directory of the programs under test; TestMain sets it when
// it has built them.
const binVar = "SDNLAB_BIN"

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if len(lab.Missing()) == 0 && os.Getenv(binVar) == "" {
		dir, err := os.MkdirTemp("", "sdnlab-bin")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		build := exec.Command("go", "build", "-o", dir+"/", "../controller/sdnd", "../cli/sdnctl", "./sdnlab", "./bench/dnsbare")
		build.Stdout, build.Stderr = os.Stderr, os.Stderr
		if err := build.Run(); err != nil {
			fmt.Fprintln(os.Stderr, "build the programs under test:", err)
			return 1
		}
		os.Setenv(binVar, dir)
	}
	return m.Run()
}
