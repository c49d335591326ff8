package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
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
		Short: "Undo 'node join' on this machine (run it on the node, as root)",
		Long: `Remove from the Open vSwitch of this machine what 'sdnctl node join' made: the
bridge with its VXLAN port, the manager and the certificate. Other bridges and
managers stay.

While containers are still attached to the bridge it is refused: they would
lose their network. To sdnd the node stays declared until 'sdnctl node delete'.`,
		Example: `  sudo sdnctl node leave
  sdnctl node leave --print`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.sw.add(cmd)
	cmd.Flags().BoolVar(&o.force, "force", false, "remove the bridge although ports are attached to it, or another made it")
	return cmd
}

func (o *leaveOptions) run(ctx context.Context) error {
	if o.sw.print {
		return o.script()
	}
	now, err := readBridge(ctx, o.app.env, o.sw)
	if err != nil {
		return err
	}
	switch {
	case o.force:
	case now.exists && now.owner == "":
		return fmt.Errorf("bridge %s was not made by 'sdnctl node join'; remove it all the same with --force", o.sw.bridge)
	case len(now.ports) > 0:
		return fmt.Errorf("bridge %s still has the ports %s; detach them first, or remove it all the same with --force", o.sw.bridge, strings.Join(now.ports, ", "))
	}
	ssl, err := readSSL(ctx, o.app.env, o.sw)
	if err != nil {
		return err
	}
	if !now.exists && len(now.ours) == 0 && ssl.owner == "" {
		o.app.note("this machine is not a node, there is nothing to undo")
		return nil
	}
	v := newVsctl(o.app.env, o.sw.db, o.sw.noWait)
	if err := o.plan(v); err != nil {
		return err
	}
	now.removeManagers(v, "")
	if ssl.owner != "" {
		v.add("del-ssl")
	}
	o.app.note("%s", v.text())
	if err := v.run(ctx); err != nil {
		return err
	}
	name := now.owner
	if name == "" {
		name = "NAME"
	}
	o.app.note("this machine is no node any more; to forget it: sdnctl node delete %s", name)
	return nil
}

// plan collects what removes the bridge.
func (o *leaveOptions) plan(v *vsctl) error {
	s := v.switchService()
	return s.DeleteBridge(o.sw.bridge)
}

// script prints the same as commands for a shell. It can be run more than
// once.
func (o *leaveOptions) script() error {
	v := newVsctl(o.app.env, o.sw.db, o.sw.noWait)
	if err := o.plan(v); err != nil {
		return err
	}
	find, remove := newVsctl(o.app.env, o.sw.db, o.sw.noWait), newVsctl(o.app.env, o.sw.db, o.sw.noWait)
	find.add(findManagers("_uuid")...)
	remove.add("remove", "open_vswitch", ".", "manager_options")
	ssl, noSSL := newVsctl(o.app.env, o.sw.db, o.sw.noWait), newVsctl(o.app.env, o.sw.db, o.sw.noWait)
	ssl.add("--bare", "--columns=external_ids", "list", "ssl")
	noSSL.add("del-ssl")
	_, err := fmt.Fprintf(o.app.env.Out, "%s\nfor manager in $(%s); do\n    %s \"$manager\"\ndone\nif %s | grep -q %s; then %s; fi\n",
		v.text(), find.line(), remove.line(), ssl.line(), joinMark, noSSL.line())
	return err
}
