package integration

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// binVar names the directory of the programs under test; TestMain sets it when
// it has built them.
const binVar = "SDNLAB_BIN"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := runMoreAtOnce(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(run(m))
}

// runMoreAtOnce has three parallel tests run for two processors, unless -parallel says
// otherwise: each has a lab of its own, and most of the time it waits.
func runMoreAtOnce() error {
	const name = "test.parallel"
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	if given {
		return nil
	}
	return flag.Set(name, strconv.Itoa((3*runtime.GOMAXPROCS(0)+1)/2))
}

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
