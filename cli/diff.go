package cli

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
)

type diffOptions struct {
	app    *app
	files  fileFlags
	output output
}

func newDiffCmd(a *app) *cobra.Command {
	o := &diffOptions{app: a}
	cmd := &cobra.Command{
		Use:   "diff -f FILE...",
		Short: "Show what apply would change",
		Long: `Show what 'sdnctl apply' with the same flags would change, without changing it: the
objects, how many flows on how many nodes, and the largest number of flows that
policies would make on one node.

The exit code is 0 if nothing would change, 1 if something would, and another
value if the command failed.`,
		Example: `  sdnctl diff -f topology.yaml
  sdnctl diff -f topology/ --prune -l team=web`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.files.take(cmd, args); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	o.files.add(cmd)
	o.output.flags(a, cmd)
	return cmd
}

func (o *diffOptions) run(ctx context.Context) error {
	client, err := o.app.client()
	if err != nil {
		return err
	}
	defer client.Close()
	result, _, err := o.files.send(ctx, o.app, client, true)
	switch {
	case err == nil:
	case exitCode(err) == ExitFailure: // exit code 1 is reserved for a difference
		return codedError{ExitUsage, err}
	default:
		return err
	}
	if o.output.table() {
		err = writeChanges(o.output.w, result.Changes)
		o.app.noteForecast(result.Forecast)
	} else {
		err = o.output.data(result)
	}
	if err == nil && len(result.Changes) > 0 {
		return errDifferent
	}
	return err
}

// writeChanges writes each change as a unified diff of the object as declared.
func writeChanges(w io.Writer, changes []api.Change) error {
	return writeDiffs(w, changes, declaration)
}

// declaration returns the lines of an object as a file would declare it.
func declaration(o *api.Object) ([]string, error) {
	if o == nil {
		return nil, nil
	}
	var b strings.Builder
	if err := writeYAML(&b, declared(*o)); err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n"), nil
}

// declared is the part of an object that users declare.
func declared(o api.Object) api.Object {
	return api.Object{Kind: o.Kind, Name: o.Name, Labels: o.Labels, Spec: o.Spec}
}
