// Command sdnctl declares a network topology to sdnd and shows what became of
// it; on a node it joins the machine's Open vSwitch. See "sdnctl --help".
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/sdnctl/sdnctl/cli"
)

// version is set when a release is built, with -ldflags "-X main.version=…".
var version = "devel"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(cli.Run(ctx, cli.OSEnv(version), os.Args[1:]))
}
