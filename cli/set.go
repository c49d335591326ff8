package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
)

type setOptions struct {
	app    *app
	kind   kindDef
	spec   specFlags
	labels labelFlag
	wait   waitFlag
	output output
}

func newSetCmd(a *app, k kindDef) *cobra.Command {
	o := &setOptions{app: a, kind: k}
	cmd := &cobra.Command{
		Use:   "set NAME",
		Short: "Change fields of a " + k.name(),
		Long: fmt.Sprintf(`Change the given fields of a %s and leave the others as they are. An empty value,
as in --%s=, sets a field back to its default.`, k.name(), k.optional),
		Example: fmt.Sprintf("  sdnctl %s set %s\n  sdnctl %[1]s set NAME --label tier=web --label old-", k.name(), k.change),
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) },

		ValidArgsFunction: a.completeNames(k.kind, 1),
	}
	o.spec = k.flags(a, cmd)
	o.labels.add(cmd, "label to set as `key=value`, or to remove as key-; may be repeated")
	o.wait.add(a, cmd)
	o.output.flags(cmd)
	return cmd
}

func (o *setOptions) run(ctx context.Context, name string) error {
	if !o.spec.given() && len(o.labels.edits) == 0 {
		return usageErrorf("nothing to set: give at least one flag with a new value")
	}
	client, err := o.app.client()
	if err != nil {
		return err
	}
	defer client.Close()
	client = o.wait.before(client)
	object, err := client.Object(ctx, o.kind.kind, name)
	if err != nil {
		return err
	}
	var known api.Revision
	if object.Meta != nil {
		known = object.Meta.Revision
	}
	if object.Spec, err = o.spec.apply(object.Spec); err != nil {
		return err
	}
	object.Labels = o.labels.apply(object.Labels)
	object.Status, object.Meta = nil, nil
	after, err := client.Put(ctx, object, known)
	var refused *api.Error
	if errors.As(err, &refused) && refused.Code == api.CodePrecondition {
		return fmt.Errorf("%s was changed by someone else at the same moment, nothing was set; try again: %w", object.Ref(), err)
	} else if err != nil {
		return err
	}
	verb := "set"
	if after.Meta != nil && after.Meta.Revision == known {
		verb = "already is so"
	}
	if err := o.app.changed(&o.output, o.kind, verb, after); err != nil {
		return err
	}
	return o.wait.after(ctx, client, after.Meta.Revision)
}
