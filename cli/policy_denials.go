package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
)

func newPolicyDenialsCmd(a *app) *cobra.Command {
	o := &output{}
	watch := 3 * time.Second
	cmd := &cobra.Command{
		Use:   "denials NAME",
		Short: "Watch for a while what a policy denies",
		Long: `Watch what a policy denies, and show who asked whom for what and which rule denied it,
the newest first. While somebody watches, the switches of the nodes that have flows of
the policy note each denied connection of TCP, UDP, SCTP or ICMP once: up to 64 of each
protocol and family, for a minute. Nothing is sent to sdnd, and nothing is noted while
nobody watches. A node that is away, or that has denied more than its switch notes, is
named. If no node could be watched, the exit code is 9.

RULE "default" is what no rule decided: the tier denies it. What a rule rejects is not
shown, as its sender gets an answer.`,
		Example: "  sdnctl policy denials web\n  sdnctl policy denials web --for 10s -o json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return fetch(cmd.Context(), a, o, func(ctx context.Context, client *api.Client) (api.PolicyDenials, error) {
				return client.PolicyDenials(ctx, args[0], watch)
			}, func(d api.PolicyDenials) error { return printPolicyDenials(a, o, d) })
		},
		ValidArgsFunction: a.completeNames(api.KindPolicy, 1),
	}
	o.flags(a, cmd)
	cmd.Flags().DurationVar(&watch, "for", watch, "how long to watch, at most 30s")
	return cmd
}

func printPolicyDenials(a *app, o *output, d api.PolicyDenials) error {
	if len(d.Nodes) == 0 {
		a.note("installed on no node: none has a port that the policy concerns")
		return nil
	}
	watched := 0
	for _, n := range d.Nodes {
		if n.Watched {
			watched++
		}
		switch {
		case !n.Watched:
			a.note("node %s was not watched: %s", n.Node, n.Reason)
		case n.Full:
			a.note("node %s has denied more within a minute than its switch notes", n.Node)
		}
	}
	switch {
	case len(d.Denials) > 0:
	case watched == 0:
		return codedError{ExitNotReady, errors.New("the denials of the policy are unknown: no node could be watched")}
	case watched < len(d.Nodes):
		a.note("nothing was denied on the %s watched", count(watched, "node"))
		return nil
	default:
		a.note("nothing was denied")
		return nil
	}
	return printTable(o, policyDenialColumns(), d.Denials)
}

func policyDenialColumns() []column[api.PolicyDenial] {
	end := func(address, port string) string {
		if port == "" {
			return address
		}
		return fmt.Sprintf("%s (%s)", address, port)
	}
	return []column[api.PolicyDenial]{
		{header: "SEEN", cell: func(d api.PolicyDenial) string { return d.Seen.Local().Format(time.TimeOnly) }},
		{header: "NODE", cell: func(d api.PolicyDenial) string { return d.Node }},
		{header: "FROM", cell: func(d api.PolicyDenial) string { return end(d.Source, d.SourcePort) }},
		{header: "TO", cell: func(d api.PolicyDenial) string { return end(d.Destination, d.DestinationPort) }},
		{header: "WHAT", cell: func(d api.PolicyDenial) string { return d.What.String() }},
		{header: "RULE", cell: func(d api.PolicyDenial) string {
			if d.Rule == nil {
				return fmt.Sprintf("%s default", d.Direction)
			}
			return fmt.Sprintf("%s %d", d.Direction, *d.Rule+1)
		}},
	}
}
