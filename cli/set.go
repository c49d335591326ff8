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
	// selector selects the objects; "" if they are named.
	selector string
	wait     waitFlag
	output   output
}

func newSetCmd(a *app, k kindDef) *cobra.Command {
	o := &setOptions{app: a, kind: k}
	cmd := &cobra.Command{
		Use:   "set {NAME... | -l SELECTOR}",
		Short: "Change fields of " + k.aName(),
		Long: fmt.Sprintf(`Change the given fields of one or several %s and leave the other fields as they
are. An empty value, as in --%s=, resets a field to its default. Each object makes
a revision of its own. If one change is refused, the ones before it remain.`, k.kind.Plural(), k.optional),
		Example: fmt.Sprintf("  sdnctl %s set %s\n  sdnctl %[1]s set NAME --label tier=web --label old-\n  sdnctl %[1]s set -l tier=web --label tier=front", k.name(), k.change),
		Args:    cobra.ArbitraryArgs,
		RunE:    func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args) },

		ValidArgsFunction: a.completeNames(k.kind, -1),
	}
	o.spec = k.flags(a, cmd)
	o.labels.add(cmd, "label to set as `key=value`, or to remove as key-; may be repeated")
	addSelector(cmd, &o.selector, "change all objects whose labels match the `selector`, instead of named ones")
	o.wait.add(a, cmd)
	o.wait.addBound(cmd)
	o.output.flags(a, cmd)
	return cmd
}

func (o *setOptions) run(ctx context.Context, names []string) error {
	switch {
	case !o.spec.given() && len(o.labels.edits) == 0:
		return usageErrorf("nothing to set: give at least one flag with a new value")
	case (len(names) == 0) == (o.selector == ""):
		return usageErrorf("set needs either names or -l SELECTOR")
	}
	client, err := o.app.client()
	if err != nil {
		return err
	}
	defer client.Close()
	client = o.wait.before(client)
	objects, err := o.objects(ctx, client, names)
	if err != nil {
		return err
	}
	var last api.Revision
	var keys []api.Key
	for _, object := range objects {
		revision, err := o.one(ctx, client, object)
		if err != nil {
			return err
		}
		last = max(last, revision)
		keys = append(keys, api.Key{Kind: object.Kind, Name: object.Name})
	}
	return o.wait.after(ctx, client, last, keys...)
}

// objects returns the objects to change.
func (o *setOptions) objects(ctx context.Context, client *api.Client, names []string) ([]api.Object, error) {
	if o.selector != "" {
		list, err := client.Objects(ctx, o.kind.kind, api.ListOptions{Label: o.selector})
		if err == nil && len(list.Items) == 0 {
			err = codedError{ExitNotFound, fmt.Errorf("no %s match %s", o.kind.kind.Plural(), o.selector)}
		}
		return list.Items, err
	}
	objects := make([]api.Object, len(names))
	for i, name := range names {
		var err error
		if objects[i], err = client.Object(ctx, o.kind.kind, name); err != nil {
			return nil, err
		}
	}
	return objects, nil
}

// one changes an object and returns the revision that last changed it.
func (o *setOptions) one(ctx context.Context, client *api.Client, object api.Object) (api.Revision, error) {
	var known api.Revision
	if object.Meta != nil {
		known = object.Meta.Revision
	}
	var err error
	if object.Spec, err = o.spec.apply(object.Spec); err != nil {
		return 0, err
	}
	object.Labels = o.labels.apply(object.Labels)
	object.Status, object.Meta = nil, nil
	after, err := client.Put(ctx, object, known)
	var refused *api.Error
	if errors.As(err, &refused) && refused.Code == api.CodePrecondition {
		return 0, fmt.Errorf("%s was changed by someone else at the same time, so this change was not made; try again: %w", object.Ref(), err)
	} else if err != nil {
		return 0, err
	}
	verb := "set"
	if after.Meta != nil && after.Meta.Revision == known {
		verb = "unchanged"
	}
	return after.Meta.Revision, o.app.changed(&o.output, o.kind, verb, after)
}
