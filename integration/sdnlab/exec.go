package main

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// hubName stands for the controller's machine in place of a node's name.
const hubName = "controller"

func newExec() *cobra.Command {
	return &cobra.Command{
		Use:   "exec NODE -- COMMAND [ARG]...",
		Short: "Run a command on a node, or where the controller runs",
		Long: `Run a command on a node (node1, …) or where sdnd runs ("controller").
There, ovs-vsctl, ovs-ofctl and ovs-appctl reach the node's own Open vSwitch,
docker and ovs-docker the lab's own dockerd, and sdnctl the lab's sdnd.`,
		Example: "  sdnlab exec node1 -- ovs-ofctl -O OpenFlow13 dump-flows br-int",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := theLab(cmd)
			if err != nil {
				return err
			}
			if args[0] == hubName {
				return attach(cmd, l.Controller.Command(cmd.Context(), args[1:]...))
			}
			n, err := l.Node(args[0])
			if err != nil {
				return err
			}
			return attach(cmd, n.Command(cmd.Context(), args[1:]...))
		},
	}
}

func newController() *cobra.Command {
	cmd := &cobra.Command{Use: "controller", Short: "Start, stop and kill sdnd"}
	verb := func(name, short string, stop syscall.Signal, start bool) {
		cmd.AddCommand(&cobra.Command{
			Use: name, Short: short, Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				l, err := theLab(cmd)
				if err != nil {
					return err
				}
				ctx, cancel := context.WithTimeout(cmd.Context(), 30*time.Second)
				defer cancel()
				if stop != 0 {
					if err := l.Controller.Stop(ctx, stop); err != nil {
						return err
					}
				}
				if start {
					return l.Controller.Start(ctx)
				}
				return nil
			},
		})
	}
	verb("start", "Start sdnd and wait until it is ready", 0, true)
	verb("stop", "Stop sdnd in the orderly way", syscall.SIGTERM, false)
	verb("kill", "Kill sdnd as kill -9 does", syscall.SIGKILL, false)
	verb("restart", "Stop sdnd in the orderly way and start it again", syscall.SIGTERM, true)
	cmd.AddCommand(&cobra.Command{
		Use: "log", Short: "Print the name of sdnd's log file", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := theLab(cmd)
			if err == nil {
				fmt.Fprintln(cmd.OutOrStdout(), l.Controller.LogFile)
			}
			return err
		},
	})
	return cmd
}

func newRestart() *cobra.Command {
	var kill bool
	cmd := &cobra.Command{
		Use:   "restart-switch NODE",
		Short: "Restart a node's ovs-vswitchd",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := theLab(cmd)
			if err != nil {
				return err
			}
			n, err := l.Node(args[0])
			if err != nil {
				return err
			}
			sig := syscall.SIGTERM
			if kill {
				sig = syscall.SIGKILL
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), 30*time.Second)
			defer cancel()
			return n.RestartVSwitchd(ctx, sig)
		},
	}
	cmd.Flags().BoolVar(&kill, "kill", false, "end it as kill -9 does")
	return cmd
}
