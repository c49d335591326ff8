package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/cli/attach"
)

type detachOptions struct {
	app *app
	on  plugFlags
}

func newDetachCmd(a *app) *cobra.Command {
	o := &detachOptions{app: a}
	cmd := &cobra.Command{
		Use:   "detach NAME",
		Short: "Detach a container from its network (run on the node, as root)",
		Long: `Undo 'sdnctl attach NAME': remove the interface from the bridge and from the
container, and delete the port if attach declared it. A port that was declared
before stays. NAME is the name of the container or of the port. The container
need not exist any more.`,
		Example: `  sudo sdnctl detach web
  sudo sdnctl detach web --interface eth1`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) },

		ValidArgsFunction: cobra.NoFileCompletions,
	}
	o.on.add(a, cmd)
	return cmd
}

func (o *detachOptions) run(ctx context.Context, name string) error {
	client, node, err := o.on.node()
	if err != nil {
		return err
	}
	defer client.Close()
	port := o.on.port
	if port == "" {
		port = attach.PortName(name, o.on.iface)
	}
	removed, err := node.Detach(ctx, port)
	if err != nil {
		return err
	}
	o.app.note("%s", removedText(removed))
	return nil
}
