package cli

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/cli/membership"
	"github.com/sdnctl/sdnctl/cli/nodeconfig"
)

type leaveOptions struct {
	app   *app
	sw    switchFlags
	force bool
}

func newNodeLeaveCmd(a *app) *cobra.Command {
	o := &leaveOptions{app: a}
	cmd := &cobra.Command{
		Use:   "leave",
		Short: "Undo 'node join' on this machine (run on the node, as root)",
		Long: `Remove from the Open vSwitch of this machine what 'sdnctl node join' created, and
restore what it changed. A bridge that it created is deleted with its VXLAN port. A
bridge that existed before gets back its controllers, fail mode, datapath id and so
on. Other bridges and managers stay as they are.

The command refuses to run while ports are on the bridge that were added after the node
joined: they would lose their network. Move or remove them first, with 'sdnctl node
drain' and on this machine. The node stays declared until 'sdnctl node delete'.

Without --bridge the command undoes the bridge that joined, whatever its name is.`,
		Example: `  sudo sdnctl node leave
  sudo sdnctl node leave --print`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context(), cmd.Flags().Changed("bridge"))
		},
	}
	o.sw.add(cmd, "only print the commands for this machine, as a script")
	cmd.Flags().BoolVar(&o.force, "force", false, "also remove the ports that were attached since")
	return cmd
}

func (o *leaveOptions) run(ctx context.Context, named bool) error {
	leave := membership.Leave{Host: o.app.membershipHost(), DB: o.sw.db, Offline: o.sw.offline, Force: o.force}
	if named {
		leave.Bridge = o.sw.bridge
	}
	plan, err := leave.Plan(ctx)
	if err != nil {
		return err
	}
	for _, note := range plan.Notes {
		o.app.note("note: %s", note)
	}
	if plan.Empty() {
		o.app.note("this machine is not a node, there is nothing to undo")
		return nil
	}
	if o.sw.print {
		_, err := fmt.Fprint(o.app.env.Out, plan.Script())
		return err
	}
	o.app.note("%s", plan.Script())
	if err := plan.Run(ctx); err != nil {
		return err
	}
	o.app.note("this machine is no longer a node; to remove it from the topology: sdnctl node delete %s", nodeconfig.ShellQuote(cmp.Or(plan.Node, "NAME")))
	return nil
}
