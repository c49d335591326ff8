// Command sdnd is the controller daemon. It stores the declared topology in one file,
// serves the API, and keeps the flows, groups and meters of every Open vSwitch that
// connects as the topology asks for.
//
// It runs without any configuration. run.go is the wiring diagram; options.go
// has every option, with its default; sdnd.reference.yaml shows them as a file.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal ends the daemon in order. A second one kills the process.
	context.AfterFunc(ctx, stop)
	cmd := newCommand(run)
	if err := cmd.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "sdnd:", err)
		os.Exit(1)
	}
}
