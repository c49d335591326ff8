// Command sdnctl declares a network topology to sdnd and shows its state; on
// a node it joins the machine's Open vSwitch. See "sdnctl --help".
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/sdnctl/sdnctl/cli"
	"github.com/sdnctl/sdnctl/controller/version"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(cli.Run(ctx, cli.OSEnv(version.String()), os.Args[1:]))
}
