// Command sdnlab brings a lab up on this machine, for scripts and for trying things out: nodes
// with Open vSwitch in network namespaces, a controller, and containers. Package lab describes
// it.
//
//	lab=$(sdnlab up --nodes 2)          # prints the lab's id
//	sdnlab exec node1 -- ovs-vsctl show
//	sdnlab container add node1 web1 --ip 10.244.1.3/24 --gw 10.244.1.1
//	sdnlab container exec web1 -- ping -c1 10.244.1.1
//	sdnlab down
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := newRoot().ExecuteContext(ctx)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() > 0 {
		os.Exit(exit.ExitCode()) // that of the command that was run in the lab
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sdnlab:", err)
		os.Exit(1)
	}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "sdnlab",
		Short:         "Nodes with Open vSwitch, a controller and containers on one machine",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.PersistentFlags().String("lab", "", "id of the lab (default: $SDNLAB, or the only one there is)")
	root.AddCommand(newUp(), newDown(), newList(), newExec(), newContainer(), newController(), newDocker(), newRestart())
	return root
}

// theLab returns the lab that a command names.
func theLab(cmd *cobra.Command) (*lab.Lab, error) {
	id, err := cmd.Flags().GetString("lab")
	if err != nil {
		return nil, err
	}
	if id == "" {
		id = os.Getenv("SDNLAB")
	}
	if id != "" {
		return lab.Open(id)
	}
	ids, err := lab.List()
	if err != nil {
		return nil, err
	}
	switch len(ids) {
	case 0:
		return nil, errors.New("no lab is up; bring one up with \"sdnlab up\"")
	case 1:
		return lab.Open(ids[0])
	}
	return nil, fmt.Errorf("several labs are up (%v): say which with --lab or $SDNLAB", ids)
}

// attach runs a command with this one's own input and output.
func attach(cmd *cobra.Command, c *exec.Cmd) error {
	c.Stdin, c.Stdout, c.Stderr = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
	return c.Run()
}
