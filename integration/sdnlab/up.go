package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/spf13/cobra"
)

func newUp() *cobra.Command {
	var (
		nodes int
		bare  bool
		ipv6  bool
	)
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Bring a lab up and print its id",
		Long: `Bring a lab up and print its id: nodes node1, node2, … at 172.16.56.2, .3, …
and, unless --bare, sdnd at 172.16.56.1. sdnd and sdnctl are taken from the
directory of sdnlab itself. The nodes have not joined yet; for that:

  sdnlab exec node1 -- sdnctl node join node1 --controller 172.16.56.1 …`,
		Example: "  export SDNLAB=$(sdnlab up --nodes 2)",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			self, err := os.Executable()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), 2*time.Minute)
			defer cancel()
			l, err := lab.Up(ctx, lab.Options{Nodes: nodes, BinDir: filepath.Dir(self), IPv6: ipv6})
			if err != nil {
				return err
			}
			if !bare {
				if err := l.Controller.Start(ctx); err != nil {
					clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
					defer cancel()
					return fmt.Errorf("%w (the lab is taken down again: %v)", err, errOr(l.Down(clean), "done"))
				}
			}
			fmt.Fprintln(cmd.OutOrStdout(), l.ID)
			return nil
		},
	}
	cmd.Flags().IntVar(&nodes, "nodes", 2, "number of nodes, 1 to 200")
	cmd.Flags().BoolVar(&bare, "bare", false, "without sdnd")
	cmd.Flags().BoolVar(&ipv6, "ipv6", false, "with IPv6 on the underlay too: sdnd at fd00:56::1, node1 at fd00:56::2, …")
	return cmd
}

func errOr(err error, otherwise string) any {
	if err != nil {
		return err
	}
	return otherwise
}

func newDown() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "down [ID]...",
		Short: "Take labs down, also what a crash left of them",
		RunE: func(cmd *cobra.Command, ids []string) error {
			// Taking down is finished even when Ctrl-C is pressed once more.
			ctx, cancel := context.WithTimeout(context.WithoutCancel(cmd.Context()), time.Minute)
			defer cancel()
			if all {
				return lab.DownAll(ctx)
			}
			if len(ids) == 0 {
				l, err := theLab(cmd)
				if err != nil {
					return err
				}
				ids = []string{l.ID}
			}
			for _, id := range ids {
				l, err := lab.Find(id)
				if err != nil {
					return err
				}
				if err := l.Down(ctx); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "every lab on this machine, whoever started it")
	return cmd
}

func newList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the labs on this machine, one id per line",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ids, err := lab.List()
			for _, id := range ids {
				fmt.Fprintln(cmd.OutOrStdout(), id)
			}
			return err
		},
	}
}
