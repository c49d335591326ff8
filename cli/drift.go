package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
)

type driftOptions struct {
	app    *app
	output output
}

func newDriftCmd(a *app) *cobra.Command {
	o := &driftOptions{app: a}
	cmd := &cobra.Command{
		Use:   "drift [NODE]",
		Short: "List external flow changes that sdnd reverted",
		Long: `List the changes of flows that sdnd did not make: what was done, when, to the flow
of which object, and the flow before and after. sdnd has undone all of them. It
remembers the newest thousand since it started.`,
		Example: `  sdnctl drift
  sdnctl drift node1 -o yaml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			node := ""
			if len(args) > 0 {
				node = args[0]
			}
			return o.run(cmd.Context(), node)
		},

		ValidArgsFunction: a.completeNames(api.KindNode, 1),
	}
	o.output.flags(a, cmd)
	return cmd
}

func (o *driftOptions) run(ctx context.Context, node string) error {
	return fetch(ctx, o.app, &o.output, func(ctx context.Context, client *api.Client) (api.Drifts, error) {
		return client.Drifts(ctx, node)
	}, o.print)
}

func (o *driftOptions) print(drifts api.Drifts) error {
	if len(drifts.Items) == 0 {
		o.app.note("no external flow changes since sdnd started")
		return nil
	}
	now := o.app.env.Now()
	return printTable(&o.output, []column[api.Drift]{
		{header: "AGE", cell: func(d api.Drift) string { return age(now, d.Time) }},
		{header: "NODE", cell: func(d api.Drift) string { return d.Node }},
		{header: "WHAT", cell: func(d api.Drift) string { return d.What }},
		{header: "TABLE", cell: func(d api.Drift) string { return d.Table }},
		{header: "OBJECT", cell: func(d api.Drift) string { return d.Object }},
		{header: "DETECTED-BY", wide: true, cell: func(d api.Drift) string { return d.By }},
		{header: "BEFORE", cell: func(d api.Drift) string { return d.Before }},
		{header: "AFTER", cell: func(d api.Drift) string { return d.After }},
	}, drifts.Items)
}
