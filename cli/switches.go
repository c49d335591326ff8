package cli

import (
	"cmp"
	"context"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
)

type switchesOptions struct {
	app    *app
	output output
}

func newSwitchesCmd(a *app) *cobra.Command {
	o := &switchesOptions{app: a}
	cmd := &cobra.Command{
		Use:   "switches",
		Short: "List connected switches that are not assigned to a node",
		Long: `List the switches that are connected to sdnd and belong to no declared node. They
are quarantined: they get no flows until a node is declared for them.`,
		Example: `  sdnctl switches
  sdnctl node adopt 00004e7c25b01a4f node3 --tunnel-ip 192.168.50.13`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.output.flags(a, cmd)
	return cmd
}

func (o *switchesOptions) run(ctx context.Context) error {
	return fetch(ctx, o.app, &o.output, func(ctx context.Context, client *api.Client) (api.Switches, error) {
		return client.Switches(ctx)
	}, o.print)
}

func (o *switchesOptions) print(switches api.Switches) error {
	if len(switches.Items) == 0 {
		o.app.note("every connected switch belongs to a node")
		return nil
	}
	now := o.app.env.Now()
	return printTable(&o.output, []column[api.Switch]{
		{header: "DATAPATH-ID", cell: func(s api.Switch) string { return s.DatapathID }},
		{header: "ADDRESS", cell: func(s api.Switch) string { return s.Address }},
		{header: "OVS", cell: func(s api.Switch) string { return s.OVSVersion }},
		{header: "CONNECTED", cell: func(s api.Switch) string { return age(now, s.Since) }},
		{header: "REASON", cell: func(s api.Switch) string { return s.Reason }},
		{header: "ACTION", cell: func(s api.Switch) string { return cmp.Or(s.Adopt, s.Action) }},
	}, switches.Items)
}
