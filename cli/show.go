package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
)

type showOptions struct {
	app    *app
	kind   kindDef
	output output
}

func newShowCmd(a *app, k kindDef) *cobra.Command {
	o := &showOptions{app: a, kind: k}
	cmd := &cobra.Command{
		Use:     "show NAME...",
		Aliases: []string{"get"},
		Short:   fmt.Sprintf("Show the details of %s", k.aName()),
		Example: fmt.Sprintf("  sdnctl %s show NAME\n  sdnctl %[1]s show NAME -o yaml", k.name()),
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args) },

		ValidArgsFunction: a.completeNames(k.kind, -1),
	}
	o.output.flags(a, cmd)
	return cmd
}

func (o *showOptions) run(ctx context.Context, names []string) error {
	client, err := o.app.client()
	if err != nil {
		return err
	}
	defer client.Close()
	objects := make([]api.Object, len(names))
	for i, name := range names {
		if objects[i], err = client.Object(ctx, o.kind.kind, name); err != nil {
			return err
		}
	}
	if o.output.format == formatJSON && len(objects) > 1 {
		return o.output.data(objects) // one value, which one program can read
	}
	for i, object := range objects {
		if i > 0 {
			fmt.Fprint(o.output.w, o.separator())
		}
		if o.output.table() {
			err = o.kind.details(&o.output, o.app.env.Now(), object)
			if err == nil && o.kind.more != nil {
				err = o.kind.more(ctx, o.app, client, &o.output, object.Name)
			}
		} else {
			err = o.output.data(object)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// separator returns the text between two objects.
func (o *showOptions) separator() string {
	if o.output.format == formatYAML {
		return "---\n"
	}
	return "\n"
}
