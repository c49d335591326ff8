package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
)

type deleteOptions struct {
	app           *app
	kind          kindDef
	selector      string
	ignoreMissing bool
	dryRun        bool
	// node is --node of port, cascade that of node; both kinds have force.
	node    string
	cascade bool
	force   bool
	wait    waitFlag
}

func newDeleteCmd(a *app, k kindDef) *cobra.Command {
	o := &deleteOptions{app: a, kind: k}
	cmd := &cobra.Command{
		Use:     "delete {NAME... | -l SELECTOR}",
		Aliases: []string{"rm"},
		Short:   "Delete " + k.kind.Plural(),
		Long:    fmt.Sprintf("Delete %s, all in one transaction: either all of them are deleted or none.", k.kind.Plural()),
		Example: fmt.Sprintf("  sdnctl %s delete NAME\n  sdnctl %[1]s delete -l tier=web --wait", k.name()),
		Args: func(_ *cobra.Command, args []string) error {
			return o.check(len(args))
		},
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args) },

		ValidArgsFunction: a.completeNames(k.kind, -1),
	}
	addSelector(cmd, &o.selector, "delete those whose labels match the `selector`, such as tier=web")
	cmd.Flags().BoolVar(&o.ignoreMissing, "ignore-not-found", false, "a name that does not exist is no error")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "only say what would be deleted")
	o.ofNodes(cmd)
	o.wait.add(a, cmd)
	return cmd
}

// ofNodes adds the flags that the kinds port and node have.
func (o *deleteOptions) ofNodes(cmd *cobra.Command) {
	switch o.kind.kind {
	case api.KindPort:
		cmd.Flags().StringVar(&o.node, "node", "", "delete those that are pinned to or bound on a `node`")
		mustCompleteFunc(cmd, "node", o.app.completeNames(api.KindNode, 0))
		cmd.Flags().BoolVar(&o.force, "force", false, "with --node, also delete ports that are bound")
		cmd.Use = "delete {NAME... | -l SELECTOR | --node NODE}"
		cmd.Long += `

With --node, bound ports are deleted only with --force, because their containers lose
their network. Without --force, nothing is changed if a port is bound, and the exit
code is 5.`
		cmd.Example += "\n  sdnctl port delete --node node1 --dry-run"
	case api.KindNode:
		cmd.Flags().BoolVar(&o.cascade, "cascade", false, "also delete the ports that are pinned to them")
		cmd.Flags().BoolVar(&o.force, "force", false, "with --cascade, also when ports are bound there")
		cmd.Long += `

A node to which ports are pinned can be deleted only together with them, with --cascade
(or after 'sdnctl node drain'). If a port is bound on the node, --force is necessary as
well; without it nothing is changed and the exit code is 5.`
		cmd.Example += "\n  sdnctl node delete node1 --cascade"
	}
}

// check returns an error for options that contradict each other.
func (o *deleteOptions) check(names int) error {
	ways := 0
	for _, given := range []bool{names > 0, o.selector != "", o.node != ""} {
		if given {
			ways++
		}
	}
	switch {
	case ways != 1 && o.kind.kind == api.KindPort:
		return fmt.Errorf("give either names, a selector (-l) or --node")
	case ways != 1:
		return fmt.Errorf("give either names or a selector (-l)")
	case o.force && o.node == "" && !o.cascade:
		return fmt.Errorf("--force goes with --node or --cascade")
	}
	return nil
}

func (o *deleteOptions) run(ctx context.Context, names []string) error {
	client, err := o.app.client()
	if err != nil {
		return err
	}
	defer client.Close()
	client = o.wait.before(client)
	if o.node != "" {
		if names, err = o.onNode(ctx, client); err != nil {
			return err
		}
	}
	if o.selector != "" || o.ignoreMissing {
		if names, err = o.existing(ctx, client, names); err != nil {
			return err
		}
	}
	if len(names) == 0 {
		o.app.note("there is nothing to delete")
		return nil
	}
	var req api.ApplyRequest
	if o.cascade {
		found, err := portsOnNodes(ctx, client, names)
		if err != nil {
			return err
		}
		if err := refuse(append(found.pinned, found.bound...), o.force); err != nil {
			return err
		}
		for _, p := range found.pinned {
			req.Delete = append(req.Delete, api.Key{Kind: api.KindPort, Name: p.Name})
		}
	}
	for _, name := range names {
		req.Delete = append(req.Delete, api.Key{Kind: o.kind.kind, Name: name})
	}
	return o.app.deleteAll(ctx, client, req, o.dryRun, &o.wait)
}

// deleteAll deletes objects in one transaction, or prints what it would delete.
func (a *app) deleteAll(ctx context.Context, client *api.Client, req api.ApplyRequest, dryRun bool, wait *waitFlag) error {
	req.DryRun = dryRun
	result, err := client.Apply(ctx, req)
	if err != nil {
		return err
	}
	for _, c := range result.Changes {
		if dryRun {
			a.note("%s would be deleted", c.Object)
		} else {
			a.note("%s deleted, revision %d", c.Object, result.Revision)
		}
	}
	if dryRun {
		return nil
	}
	return wait.after(ctx, client, result.Revision)
}

// onNode returns the names of the ports that are pinned to or bound on the node
// of --node.
func (o *deleteOptions) onNode(ctx context.Context, client *api.Client) ([]string, error) {
	found, err := portsOnNodes(ctx, client, []string{o.node})
	if err != nil {
		return nil, err
	}
	ports := append(found.pinned, found.bound...)
	if err := refuse(ports, o.force); err != nil {
		return nil, err
	}
	var names []string
	for _, p := range ports {
		names = append(names, p.Name)
	}
	return names, nil
}

// existing returns the names that the selector matches, or those of names
// that exist.
func (o *deleteOptions) existing(ctx context.Context, client *api.Client, names []string) ([]string, error) {
	list, err := client.Objects(ctx, o.kind.kind, api.ListOptions{Label: o.selector})
	if err != nil {
		return nil, err
	}
	wanted := make(map[string]bool, len(names))
	for _, n := range names {
		wanted[n] = true
	}
	var found []string
	for _, object := range list.Items {
		if o.selector != "" || wanted[object.Name] {
			found = append(found, object.Name)
		}
	}
	return found, nil
}
