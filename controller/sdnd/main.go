// Command sdnd is the controller daemon: it keeps the declared topology in one
// file, serves the API, and keeps every Open vSwitch that connects equal to
// what the topology asks for.
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
	// After the first signal the next one kills, as without us.
	context.AfterFunc(ctx, stop)
	cmd := newCommand(run)
	if err := cmd.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "sdnd:", err)
		os.Exit(1)
	}
}
