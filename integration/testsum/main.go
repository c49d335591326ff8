// Command testsum reads the output of "go test -json" and prints at its end which tests
// failed, which were skipped and why, and then the counts:
//
//	go test -json ./... | testsum
//
// Its last line is "N passed, N failed, N skipped"; only tests without
// subtests count, and a package that does not build is a failure. It exits
// with 1 when something failed.
package main

import (
	"fmt"
	"os"
)

func main() {
	sum, err := read(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testsum:", err)
		os.Exit(2)
	}
	sum.print(os.Stdout)
	if len(sum.failed) > 0 {
		os.Exit(1)
	}
}
