package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
)

type listOptions struct {
	app    *app
	kind   kindDef
	filter api.ListOptions
	output output
}

func newListCmd(a *app, k kindDef) *cobra.Command {
	o := &listOptions{app: a, kind: k}
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List " + k.kind.Plural(),
		Example: fmt.Sprintf("  sdnctl %s list\n  sdnctl %[1]s list -l tier=web -o wide", k.name()),
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	addSelector(cmd, &o.filter.Label, "only those whose labels match the `selector`, such as tier=web,!test")
	if k.kind == api.KindPort {
		cmd.Flags().StringVar(&o.filter.Network, "network", "", "only those of a `network`")
		mustCompleteFunc(cmd, "network", a.completeNames(api.KindNetwork, 0))
		cmd.Flags().StringVar(&o.filter.Group, "group", "", "only those of a port `group`")
		mustCompleteFunc(cmd, "group", a.completeNames(api.KindPortGroup, 0))
		cmd.Flags().StringVar(&o.filter.Policy, "policy", "", "only those that a `policy` applies to")
		mustCompleteFunc(cmd, "policy", a.completeNames(api.KindPolicy, 0))
	}
	if k.kind == api.KindPort || k.kind == api.KindNetwork {
		cmd.Flags().StringVar(&o.filter.Node, "node", "", "only those on a `node`")
		mustCompleteFunc(cmd, "node", a.completeNames(api.KindNode, 0))
	}
	o.output.flags(a, cmd)
	return cmd
}

// addSelector adds -l to a command.
func addSelector(cmd *cobra.Command, selector *string, usage string) {
	cmd.Flags().StringVarP(selector, "selector", "l", "", usage)
	mustComplete(cmd, "selector")
}

func (o *listOptions) run(ctx context.Context) error {
	client, err := o.app.client()
	if err != nil {
		return err
	}
	defer client.Close()
	list, err := client.Objects(ctx, o.kind.kind, o.filter)
	if err != nil {
		return err
	}
	if !o.output.table() {
		return o.output.data(list)
	}
	if len(list.Items) == 0 {
		if o.filter == (api.ListOptions{}) {
			o.app.note("there are no %s; make one with: sdnctl %s create %s", o.kind.kind.Plural(), o.kind.name(), o.kind.example)
		} else {
			o.app.note("no %s match", o.kind.kind.Plural())
		}
		return nil
	}
	return o.kind.print(&o.output, o.app.env.Now(), list.Items)
}
