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
	cmd := newCommand(run)
	if err := cmd.ExecuteContext(untilSignal(os.Interrupt, syscall.SIGTERM)); err != nil {
		fmt.Fprintln(os.Stderr, "sdnd:", err)
		os.Exit(1)
	}
}

// untilSignal returns a context that ends with the first of some signals, which ends the daemon in
// order. A second one kills the process: signals do what they do by default before the context ends.
func untilSignal(ends ...os.Signal) context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	received := make(chan os.Signal, 1)
	signal.Notify(received, ends...)
	go func() { // until the first signal, or the end of the process
		first := <-received
		signal.Stop(received)
		cancel(fmt.Errorf("%v signal received", first))
	}()
	return ctx
}
