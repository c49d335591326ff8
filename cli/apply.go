package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
)

// fileFlags are the flags that apply and diff share: the files, and the objects to prune.
type fileFlags struct {
	paths    []string
	prune    bool
	selector string
	all      bool
}

func (f *fileFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&f.paths, "filename", "f", nil, "`file` or directory to read, - for standard input; may be repeated")
	cmd.Flags().BoolVar(&f.prune, "prune", false, "delete objects that match -l (or all objects, with --all) and are not in the files")
	addSelector(cmd, &f.selector, "which objects --prune may delete: those whose labels match the `selector`")
	cmd.Flags().BoolVar(&f.all, "all", false, "--prune may delete every object")
}

// take adds the arguments, which are files like those of -f.
func (f *fileFlags) take(cmd *cobra.Command, args []string) error {
	f.paths = append(f.paths, args...)
	if len(f.paths) == 0 {
		return usageErrorf("%s needs a file: give it with -f, or - for standard input", cmd.CommandPath())
	}
	return nil
}

// request returns the transaction that applies the files.
func (f *fileFlags) request(l *loader) (api.ApplyRequest, error) {
	req := api.ApplyRequest{Objects: l.objects()}
	switch {
	case !f.prune && (f.selector != "" || f.all):
		return req, usageErrorf("-l and --all say what --prune may delete; give --prune, too")
	case f.prune && (f.selector != "") == f.all:
		return req, usageErrorf("--prune needs to know what it may delete: give -l SELECTOR, or --all")
	case f.prune && f.all:
		req.Prune = "*"
	case f.prune:
		req.Prune = f.selector
	}
	return req, nil
}

type applyOptions struct {
	app    *app
	files  fileFlags
	dryRun bool
	wait   waitFlag
	output output
}

func newApplyCmd(a *app) *cobra.Command {
	o := &applyOptions{app: a}
	cmd := &cobra.Command{
		Use:   "apply -f FILE...",
		Short: "Apply the objects in files",
		Long: `Create the objects that the files declare, and change those that exist and differ.
This is one transaction: either all of it is done or nothing. If nothing is done,
every mistake is listed with its file and line. Applying the same files again
changes nothing. The order of the objects does not matter. An empty file is an
error; to declare no objects, write an empty list: [].

With --dry-run nothing is changed. The command prints what would change, how many
flows on how many nodes that takes, and the largest number of flows that policies
would make on one node. A change that exceeds the limit for these (--max-policy-flows
of sdnd) is refused, also without --dry-run.

See 'sdnctl help files' for what a file holds.`,
		Example: `  sdnctl apply -f topology.yaml
  sdnctl apply -f topology/ --prune -l team=web --dry-run
  sdnctl export | ssh other sdnctl apply -f - --wait=10s`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.files.take(cmd, args); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	o.files.add(cmd)
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "only say what would change (see also: sdnctl diff)")
	o.wait.add(a, cmd)
	o.wait.addBound(cmd)
	o.output.flags(a, cmd)
	return cmd
}

func (o *applyOptions) run(ctx context.Context) error {
	client, err := o.app.client()
	if err != nil {
		return err
	}
	defer client.Close()
	client = o.wait.before(client)
	result, l, err := o.files.send(ctx, o.app, client, o.dryRun)
	if err != nil {
		return err
	}
	if o.output.table() {
		for _, c := range result.Changes {
			fmt.Fprintln(o.output.w, changeText(c, o.dryRun))
		}
	} else if err := o.output.data(result); err != nil {
		return err
	}
	o.app.note("%s", summary(result, len(l.found)))
	o.app.noteForecast(result.Forecast)
	if o.dryRun {
		return nil
	}
	return o.wait.after(ctx, client, result.Revision, written(result.Changes)...)
}

// send reads the files and sends the transaction, and returns every mistake
// that this side or the other finds.
func (f *fileFlags) send(ctx context.Context, a *app, client *api.Client, dryRun bool) (api.ApplyResult, *loader, error) {
	l := load(f.paths, a.env.In)
	req, err := f.request(l)
	if err != nil {
		return api.ApplyResult{}, l, err
	}
	if l.torn {
		return api.ApplyResult{}, l, l.merge(nil)
	}
	if len(l.found) == 0 && len(l.errs) == 0 && !l.listed {
		return api.ApplyResult{}, l, fmt.Errorf("%s: no objects found", strings.Join(f.paths, ", "))
	}
	// If there are mistakes already, nothing will be changed. The daemon checks the objects
	// all the same, so that the user sees every mistake at once.
	req.DryRun = dryRun || len(l.errs) > 0
	result, err := client.Apply(ctx, req)
	return result, l, l.merge(err)
}

// written returns the objects that changes created or changed.
func written(changes []api.Change) []api.Key {
	var keys []api.Key
	for _, c := range changes {
		if c.Verb != api.VerbDelete && c.After != nil {
			keys = append(keys, api.Key{Kind: c.After.Kind, Name: c.After.Name})
		}
	}
	return keys
}

// changeText describes a change, as in "port/web1 created".
func changeText(c api.Change, dryRun bool) string {
	done := map[string]string{api.VerbCreate: "created", api.VerbUpdate: "changed", api.VerbDelete: "deleted"}[c.Verb]
	if done == "" {
		done = c.Verb
	}
	if dryRun {
		done += " (dry run)"
	}
	return c.Object + " " + done
}

// summary counts what a transaction did to the objects given to it.
func summary(r api.ApplyResult, given int) string {
	count := make(map[string]int)
	for _, c := range r.Changes {
		count[c.Verb]++
	}
	unchanged := given - count[api.VerbCreate] - count[api.VerbUpdate]
	if len(r.Changes) == 0 && given == 1 {
		return fmt.Sprintf("nothing to change: the object is as declared (revision %d)", r.Revision)
	}
	if len(r.Changes) == 0 {
		return fmt.Sprintf("nothing to change: all %d objects are as declared (revision %d)", given, r.Revision)
	}
	text := fmt.Sprintf("%d created, %d changed, %d deleted, %d unchanged",
		count[api.VerbCreate], count[api.VerbUpdate], count[api.VerbDelete], unchanged)
	if r.DryRun {
		return "dry run, nothing was changed: " + text
	}
	return fmt.Sprintf("revision %d: %s", r.Revision, text)
}
