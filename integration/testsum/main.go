// Command testsum reads the output of "go test -json" and prints at its end which tests
// took longest, which failed, which were skipped and why, and then the counts:
//
//	go test -json ./... | testsum
//
// Its last line is "N passed, N failed, N skipped"; only tests without
// subtests count, and a package that does not build is a failure. It exits
// with 1 when something failed, and with -mayskip also when another test was skipped.
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
)

func main() {
	mayskip := flag.String("mayskip", "", "fail on tests that were skipped, except those whose names match the `regexp`")
	flag.Parse()
	allowed, err := regexp.Compile("^(?:" + *mayskip + ")$")
	if err != nil {
		fmt.Fprintln(os.Stderr, "testsum: -mayskip:", err)
		os.Exit(2)
	}
	sum, err := read(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testsum:", err)
		os.Exit(2)
	}
	sum.print(os.Stdout)
	unexpected := sum.skippedBut(allowed)
	if *mayskip != "" && len(unexpected) > 0 {
		fmt.Printf("skipped and must not be: %v\n", unexpected)
		os.Exit(1)
	}
	if len(sum.failed) > 0 {
		os.Exit(1)
	}
}
