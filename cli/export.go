package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
)

type exportOptions struct {
	app      *app
	selector string
	pin      bool
	format   string
	w        io.Writer
}

func newExportCmd(a *app) *cobra.Command {
	o := &exportOptions{app: a}
	cmd := &cobra.Command{
		Use:   "export [KIND]...",
		Short: "Print the topology as files that can be applied",
		Long: `Print the declared objects in a form that 'sdnctl apply' accepts. Without KIND,
print all objects.

Values that sdnd allocated (addresses, MACs, VNIs, blocks) are not declared and not
printed. With --pin they are, so that a new sdnd allocates the same.`,
		Example: `  sdnctl export > topology.yaml
  sdnctl export network router -l team=web
  sdnctl export --pin -o json > topology.json`,
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args) },
		Args: func(_ *cobra.Command, args []string) error {
			_, err := parseKinds(args)
			return err
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			var names []string
			for _, k := range api.Kinds() {
				names = append(names, k.Lower())
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
	addSelector(cmd, &o.selector, "only objects whose labels match the `selector`")
	cmd.Flags().BoolVar(&o.pin, "pin", false, "declare what was allocated, too")
	cmd.Flags().StringVarP(&o.format, "output", "o", formatYAML, "`format` of the output: yaml or json")
	mustComplete(cmd, "output", formatYAML, formatJSON)
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		o.w = cmd.OutOrStdout()
		if o.format != formatYAML && o.format != formatJSON {
			return usageErrorf("-o %s: want yaml or json", o.format)
		}
		return nil
	}
	return cmd
}

// parseKinds reads kinds and returns them in the order of listing; all kinds if none is
// given.
func parseKinds(args []string) ([]api.Kind, error) {
	if len(args) == 0 {
		return api.Kinds(), nil
	}
	var given []api.Kind
	for _, arg := range args {
		k, err := api.ParseKind(arg)
		if err != nil {
			return nil, err
		}
		given = append(given, k)
	}
	return slices.DeleteFunc(api.Kinds(), func(k api.Kind) bool { return !slices.Contains(given, k) }), nil
}

func (o *exportOptions) run(ctx context.Context, args []string) error {
	kinds, err := parseKinds(args)
	if err != nil {
		return usageError{err}
	}
	client, err := o.app.client()
	if err != nil {
		return err
	}
	defer client.Close()
	var objects []api.Object
	for _, k := range kinds {
		list, err := client.Objects(ctx, k, api.ListOptions{Label: o.selector})
		if err != nil {
			return err
		}
		for _, object := range list.Items {
			if o.pin {
				if object.Spec, err = pinned(object); err != nil {
					return fmt.Errorf("%s: %w", object.Ref(), err)
				}
			}
			objects = append(objects, declared(object))
		}
	}
	return o.print(objects)
}

func (o *exportOptions) print(objects []api.Object) error {
	w := bufio.NewWriter(o.w)
	if o.format == formatJSON {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		// The form of an api.ApplyRequest, which apply reads.
		if err := enc.Encode(api.ApplyRequest{Objects: objects}); err != nil {
			return err
		}
		return w.Flush()
	}
	for i, object := range objects {
		if i > 0 {
			fmt.Fprintln(w, "---")
		}
		if err := writeYAML(w, object); err != nil {
			return err
		}
	}
	return w.Flush()
}
