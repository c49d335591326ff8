package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
)

type createOptions struct {
	app    *app
	kind   kindDef
	spec   specFlags
	labels labelFlag
	wait   waitFlag
	output output
}

func newCreateCmd(a *app, k kindDef) *cobra.Command {
	o := &createOptions{app: a, kind: k}
	cmd := &cobra.Command{
		Use:     "create NAME",
		Short:   "Create " + k.aName(),
		Long:    fmt.Sprintf("Create %s: %s.\n\nValues that you do not give are allocated or derived, and printed. It is an error if the %s exists already.", k.aName(), k.is, k.name()),
		Example: fmt.Sprintf("  sdnctl %s create %s\n  sdnctl %[1]s create %s --label owner=ops --wait", k.name(), k.example),
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) },

		ValidArgsFunction: cobra.NoFileCompletions,
	}
	o.spec = k.flags(a, cmd)
	for _, f := range k.required {
		if err := cmd.MarkFlagRequired(f); err != nil {
			panic(err) // the flag is in the same definition
		}
	}
	o.labels.add(cmd, "label as `key=value`; may be repeated, or several separated by commas")
	o.wait.add(a, cmd)
	o.wait.addBound(cmd)
	o.output.flags(a, cmd)
	return cmd
}

func (o *createOptions) run(ctx context.Context, name string) error {
	client, err := o.app.client()
	if err != nil {
		return err
	}
	defer client.Close()
	client = o.wait.before(client)
	spec, err := o.spec.apply(nil)
	if err != nil {
		return err
	}
	created, err := client.Create(ctx, api.Object{Kind: o.kind.kind, Name: name, Labels: o.labels.apply(nil), Spec: spec})
	if err != nil {
		return err
	}
	if err := o.app.changed(&o.output, o.kind, "created", created); err != nil {
		return err
	}
	return o.wait.after(ctx, client, created.Meta.Revision, api.Key{Kind: o.kind.kind, Name: name})
}

// changed prints an object that was created or set.
func (a *app) changed(o *output, k kindDef, verb string, object api.Object) error {
	if object.Meta == nil {
		return fmt.Errorf("sdnd answered without the revision of %s", object.Ref())
	}
	a.note("%s %s, revision %d", object.Ref(), verb, object.Meta.Revision)
	if !o.table() {
		return o.data(object)
	}
	return k.print(o, a.env.Now(), []api.Object{object})
}
