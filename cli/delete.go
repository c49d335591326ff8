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
	wait          waitFlag
}

func newDeleteCmd(a *app, k kindDef) *cobra.Command {
	o := &deleteOptions{app: a, kind: k}
	cmd := &cobra.Command{
		Use:     "delete {NAME... | -l SELECTOR}",
		Aliases: []string{"rm"},
		Short:   "Delete " + k.kind.Plural(),
		Long:    fmt.Sprintf("Delete %s, all in one transaction: either every one goes, or none.", k.kind.Plural()),
		Example: fmt.Sprintf("  sdnctl %s delete NAME\n  sdnctl %[1]s delete -l tier=web --wait", k.name()),
		Args: func(_ *cobra.Command, args []string) error {
			if (len(args) > 0) == (o.selector != "") {
				return fmt.Errorf("give either names or a selector (-l)")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args) },

		ValidArgsFunction: a.completeNames(k.kind, -1),
	}
	addSelector(cmd, &o.selector, "delete those whose labels match the `selector`, such as tier=web")
	cmd.Flags().BoolVar(&o.ignoreMissing, "ignore-not-found", false, "a name that does not exist is no error")
	o.wait.add(a, cmd)
	return cmd
}

func (o *deleteOptions) run(ctx context.Context, names []string) error {
	client, err := o.app.client()
	if err != nil {
		return err
	}
	defer client.Close()
	client = o.wait.before(client)
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
	for _, name := range names {
		req.Delete = append(req.Delete, api.Key{Kind: o.kind.kind, Name: name})
	}
	result, err := client.Apply(ctx, req)
	if err != nil {
		return err
	}
	for _, c := range result.Changes {
		o.app.note("%s deleted, revision %d", c.Object, result.Revision)
	}
	return o.wait.after(ctx, client, result.Revision)
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
