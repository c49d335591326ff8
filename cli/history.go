package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
)

// shownChanges is how many changes a line of history lists, except with -o wide.
const shownChanges = 3

type historyOptions struct {
	app    *app
	from   uint64
	limit  int
	author string
	object string
	output output
}

func newHistoryCmd(a *app) *cobra.Command {
	o := &historyOptions{app: a}
	cmd := &cobra.Command{
		Use:   "history [REVISION | OBJECT]",
		Short: "List the changes of the topology, or show one",
		Long: `List the revisions of the topology, newest first: when each was made, by whom, and
what it changed. With OBJECT, such as port/web, list the revisions that changed
the object. With REVISION, show all of one revision.`,
		Example: `  sdnctl history
  sdnctl history 42
  sdnctl history port/web
  sdnctl history --author alice@laptop
  sdnctl history --limit 100 -o wide`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args) },

		ValidArgsFunction: a.completeObjects(1),
	}
	cmd.Flags().StringVar(&o.author, "author", "", "only revisions of an `author`, as the list shows them")
	mustComplete(cmd, "author")
	cmd.Flags().Uint64Var(&o.from, "from", 0, "begin with this `revision` and go back from it (default the newest)")
	cmd.Flags().IntVar(&o.limit, "limit", 20, "`number` of revisions to list")
	o.output.flags(a, cmd)
	return cmd
}

func (o *historyOptions) run(ctx context.Context, args []string) error {
	client, err := o.app.client()
	if err != nil {
		return err
	}
	defer client.Close()
	switch {
	case len(args) == 1 && strings.Contains(args[0], "/"):
		o.object = args[0]
	case len(args) == 1:
		return o.one(ctx, client, args[0])
	}
	h, err := client.History(ctx, api.HistoryOptions{From: api.Revision(o.from), Limit: o.limit, Object: o.object, Author: o.author})
	if err != nil {
		return err
	}
	if !o.output.table() {
		return o.output.data(h)
	}
	if len(h.Entries) == 0 {
		if o.object != "" || o.author != "" {
			o.app.note("no revision in the history matches")
		} else {
			o.app.note("the history is empty")
		}
		return nil
	}
	return printTable(&o.output, []column[api.HistoryEntry]{
		{header: "REVISION", cell: func(e api.HistoryEntry) string { return number(e.Revision) }},
		{header: "TIME", cell: func(e api.HistoryEntry) string { return e.Time.Local().Format(time.DateTime) }},
		{header: "AUTHOR", cell: func(e api.HistoryEntry) string { return e.Author }},
		{header: "CHANGES", cell: func(e api.HistoryEntry) string { return o.changes(e.Changes) }},
	}, h.Entries)
}

// changes lists the changes of a revision on one line.
func (o *historyOptions) changes(changes []api.Change) string {
	var parts []string
	for i, c := range changes {
		if i == shownChanges && o.output.format != formatWide {
			parts = append(parts, fmt.Sprintf("and %d more", len(changes)-i))
			break
		}
		parts = append(parts, changeText(c, false))
	}
	return strings.Join(parts, ", ")
}

// one prints one revision in full.
func (o *historyOptions) one(ctx context.Context, client *api.Client, arg string) error {
	rev, err := strconv.ParseUint(arg, 10, 64)
	if err != nil || rev == 0 {
		return usageErrorf("%q is neither a revision, a number above 0, nor an object such as port/web", arg)
	}
	h, err := client.History(ctx, api.HistoryOptions{From: api.Revision(rev), Limit: 1})
	if err != nil {
		return err
	}
	if len(h.Entries) == 0 || h.Entries[0].Revision != api.Revision(rev) {
		return codedError{ExitNotFound, fmt.Errorf("there is no revision %d; list them with: sdnctl history", rev)}
	}
	e := h.Entries[0]
	if !o.output.table() {
		return o.output.data(e)
	}
	fmt.Fprintf(o.output.w, "revision %d, %s, by %s\n", e.Revision, e.Time.Local().Format(time.DateTime), e.Author)
	return writeChanges(o.output.w, e.Changes)
}
