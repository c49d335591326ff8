package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
)

type drainOptions struct {
	app           *app
	force, dryRun bool
	output        output
	wait          waitFlag
}

func newNodeDrainCmd(a *app) *cobra.Command {
	o := &drainOptions{app: a}
	cmd := &cobra.Command{
		Use:   "drain NODE",
		Short: "Delete the ports that are pinned to a node",
		Long: `Delete the ports that are pinned to a node, all in one transaction, before the
node is removed. Ports that are not pinned stay declared: they are bound again
where their interface shows up next.

A bound port belongs to a container that would lose its network. If the node has a
bound port, pinned or not, nothing is changed and the exit code is 5. Stop or move
those containers first, or disconnect them with --force. The command always prints the
ports and what happens to each; --dry-run does only that, with the same exit code.`,
		Example: `  sdnctl node drain node1 --dry-run
  sdnctl node drain node1 --wait`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) },

		ValidArgsFunction: a.completeNames(api.KindNode, 1),
	}
	cmd.Flags().BoolVar(&o.force, "force", false, "also delete ports that are bound")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "only say what would be done")
	o.wait.add(a, cmd)
	o.output.flags(a, cmd)
	return cmd
}

func (o *drainOptions) run(ctx context.Context, node string) error {
	client, err := o.app.client()
	if err != nil {
		return err
	}
	defer client.Close()
	client = o.wait.before(client)
	found, err := portsOnNodes(ctx, client, []string{node})
	if err != nil {
		return err
	}
	if err := o.app.printNodePorts(&o.output, found); err != nil {
		return err
	}
	if err := refuse(append(found.pinned, found.bound...), o.force); err != nil {
		return err
	}
	if len(found.pinned) == 0 {
		return nil
	}
	var req api.ApplyRequest
	for _, p := range found.pinned {
		req.Delete = append(req.Delete, api.Key{Kind: api.KindPort, Name: p.Name})
	}
	return o.app.deleteAll(ctx, client, req, o.dryRun, &o.wait)
}
