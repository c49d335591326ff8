package cli

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

type adoptOptions struct {
	app      *app
	tunnelIP string
	wait     waitFlag
	labels   labelFlag
	output   output
}

func newNodeAdoptCmd(a *app) *cobra.Command {
	o := &adoptOptions{app: a}
	cmd := &cobra.Command{
		Use:   "adopt DATAPATH-ID NAME",
		Short: "Declare a node for a connected switch",
		Long: `Declare a node for a switch that is connected to sdnd and belongs to no node.
'sdnctl switches' lists such switches. They get no flows until then.`,
		Example: `  sdnctl node adopt 00004e7c25b01a4f node3 --tunnel-ip 192.168.50.13`,
		Args:    cobra.ExactArgs(2),
		RunE:    func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0], args[1]) },

		ValidArgsFunction: a.completeSwitches,
	}
	cmd.Flags().StringVar(&o.tunnelIP, "tunnel-ip", "", "`address` of the node's VXLAN endpoint (default: the address the switch connects from)")
	mustComplete(cmd, "tunnel-ip")
	o.labels.add(cmd, "label as `key=value`; may be repeated, or several separated by commas")
	o.wait.add(a, cmd)
	o.output.flags(a, cmd)
	return cmd
}

func (o *adoptOptions) run(ctx context.Context, id, name string) error {
	dpid, err := model.ParseDatapathID(id)
	if err != nil {
		return usageError{err}
	}
	client, err := o.app.client()
	if err != nil {
		return err
	}
	defer client.Close()
	client = o.wait.before(client)
	sw, err := findSwitch(ctx, client, dpid.String())
	if err != nil {
		return err
	}
	if o.tunnelIP == "" {
		if o.tunnelIP, err = addressOf(sw); err != nil {
			return err
		}
	}
	spec := model.NodeSpec{DatapathID: dpid}
	if err := model.SetText(&spec.TunnelIP, o.tunnelIP); err != nil {
		return usageErrorf("--tunnel-ip %s: %w", o.tunnelIP, err)
	}
	object, err := api.NewObject(name, o.labels.apply(nil), spec)
	if err != nil {
		return err
	}
	created, err := client.Create(ctx, object)
	if err != nil {
		return err
	}
	if err := o.app.changed(&o.output, nodeKind(), "created", created); err != nil {
		return err
	}
	return o.wait.after(ctx, client, created.Meta.Revision)
}

// findSwitch finds a switch that no node claims.
func findSwitch(ctx context.Context, client *api.Client, id string) (api.Switch, error) {
	switches, err := client.Switches(ctx)
	if err != nil {
		return api.Switch{}, err
	}
	for _, sw := range switches.Items {
		if sw.DatapathID == id {
			return sw, nil
		}
	}
	return api.Switch{}, codedError{ExitNotFound, fmt.Errorf("no unclaimed switch %s is connected; see: sdnctl switches (to declare a node before its switch connects, use: sdnctl node create)", id)}
}

// addressOf guesses the tunnel IP of a switch.
func addressOf(sw api.Switch) (string, error) {
	a, err := netip.ParseAddrPort(sw.Address)
	if err != nil || a.Addr().IsLoopback() {
		return "", usageError{errors.New("the switch's address is not a usable tunnel IP; give --tunnel-ip")}
	}
	return a.Addr().Unmap().String(), nil
}

// completeSwitches completes the datapath ids of unclaimed switches.
func (a *app) completeSwitches(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
	defer cancel()
	client, err := a.client()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer client.Close()
	switches, err := client.Switches(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var ids []cobra.Completion
	for _, sw := range switches.Items {
		ids = append(ids, cobra.CompletionWithDesc(sw.DatapathID, sw.Address))
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}
