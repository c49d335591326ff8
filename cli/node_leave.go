package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

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

It is refused while ports are attached to the bridge that came after the node
joined: they would lose their network. Move or remove them first, with 'sdnctl
node drain' and on this machine. To sdnd the node stays declared until 'sdnctl
node delete'.

Without --bridge it is the bridge that joined, whatever its name is.`,
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
	m := o.sw.machine(o.app.env)
	now, err := m.Read(ctx, o.sw.bridge)
	if err != nil {
		return err
	}
	if !named && now.Bridge.Node() == "" && len(now.Others) == 1 {
		o.sw.bridge = now.Others[0]
		if now, err = m.Read(ctx, o.sw.bridge); err != nil {
			return err
		}
	}
	u, err := nodeconfig.Leave(now, o.sw.bridge, o.force)
	var used *nodeconfig.PortsInUseError
	var other *nodeconfig.OtherBridgeError
	if errors.As(err, &used) || errors.As(err, &other) {
		return codedError{ExitConflict, err}
	}
	if err != nil {
		return err
	}
	for _, note := range u.Notes {
		o.app.note("note: %s", note)
	}
	if u.Empty() {
		o.app.note("this machine is not a node, there is nothing to undo")
		return nil
	}
	if o.sw.print {
		_, err := fmt.Fprint(o.app.env.Out, u.Script(o.sw.bridge, m.Globals()))
		return err
	}
	o.app.note("%s", u.Script(o.sw.bridge, m.Globals()))
	if err := undo(ctx, m, o.sw.bridge, u); err != nil {
		return err
	}
	if err := forgetNode(o.app.env); err != nil {
		return err
	}
	name := now.Bridge.Node()
	if name == "" {
		name = "NAME"
	}
	o.app.note("this machine is no longer a node; to remove it from the topology: sdnctl node delete %s", nodeconfig.ShellQuote(name))
	return nil
}
