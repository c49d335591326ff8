package cli

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
)

type flowsOptions struct {
	app    *app
	table  string
	object string
	state  string
	groups bool
	meters bool
	output output
}

func newFlowsCmd(a *app) *cobra.Command {
	o := &flowsOptions{app: a}
	states := []string{api.FlowInstalled, api.FlowMissing, api.FlowForeign}
	cmd := &cobra.Command{
		Use:   "flows NODE",
		Short: "List the flows, groups or meters of a node, and why each is there",
		Long: `List the flows that a node's switch should have. Each is shown with the object and
the rule that it comes from, and with the counters of the switch. A flow that the
switch does not have is "missing"; a flow that it should not have is "foreign".

-o wide also shows the actions.`,
		Example: `  sdnctl flows node1
  sdnctl flows node1 --object port/web1 -o wide
  sdnctl flows node1 --installed missing
  sdnctl flows node1 --groups -o wide`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) },
		PreRunE: func(*cobra.Command, []string) error {
			if o.state != "" && !slices.Contains(states, o.state) {
				return usageErrorf("--installed %s: want one of %s", o.state, strings.Join(states, ", "))
			}
			return nil
		},

		ValidArgsFunction: a.completeNames(api.KindNode, 1),
	}
	cmd.Flags().StringVar(&o.table, "table", "", "only those of a `table`, by name or number")
	cmd.Flags().StringVar(&o.object, "object", "", "only those of an `object`, such as port/web1")
	cmd.Flags().StringVar(&o.state, "installed", "", "only those in this `state`: yes, missing or foreign")
	cmd.Flags().BoolVar(&o.groups, "groups", false, "list groups instead of flows")
	cmd.Flags().BoolVar(&o.meters, "meters", false, "list meters instead of flows")
	cmd.MarkFlagsMutuallyExclusive("groups", "meters")
	cmd.MarkFlagsMutuallyExclusive("groups", "table")
	cmd.MarkFlagsMutuallyExclusive("meters", "table")
	mustComplete(cmd, "table", tableNames()...)
	mustCompleteFunc(cmd, "object", a.completeObjects(0))
	mustComplete(cmd, "installed", states...)
	o.output.flags(a, cmd)
	return cmd
}

// tables has the names of the tables of the pipeline. A test of controller/pipeline writes it.
//
//go:embed tables.txt
var tables string

// tableNames are the tables of the pipeline, for completion.
func tableNames() []string { return strings.Fields(tables) }

func (o *flowsOptions) run(ctx context.Context, node string) error {
	client, err := o.app.client()
	if err != nil {
		return err
	}
	defer client.Close()
	switch {
	case o.groups:
		return o.listGroups(ctx, client, node)
	case o.meters:
		return o.listMeters(ctx, client, node)
	}
	flows, err := client.Flows(ctx, node)
	if err != nil {
		return err
	}
	all := len(flows.Flows)
	flows.Flows = slices.DeleteFunc(flows.Flows, func(f api.Flow) bool { return !o.wanted(f) })
	if !o.output.table() {
		return o.output.data(flows)
	}
	if err := printTable(&o.output, flowColumns(), flows.Flows); err != nil {
		return err
	}
	countInstalled(o, "flows", all, flows.Flows, func(f api.Flow) string { return f.Installed })
	return nil
}

// countInstalled prints below a table how many items it lists.
func countInstalled[T any](o *flowsOptions, what string, all int, listed []T, installed func(T) string) {
	count := make(map[string]int)
	for _, item := range listed {
		count[installed(item)]++
	}
	o.app.note("%d of %d %s: %d installed, %d missing, %d foreign", len(listed), all, what,
		count[api.FlowInstalled], count[api.FlowMissing], count[api.FlowForeign])
}

// wanted reports whether a flow matches the filters.
func (o *flowsOptions) wanted(f api.Flow) bool {
	return (o.table == "" || strings.EqualFold(o.table, f.TableName) || o.table == strconv.Itoa(f.Table)) && o.matches(f.Object, f.Installed)
}

// matches reports whether the flows of an object match the filters.
func (o *flowsOptions) matches(object, installed string) bool {
	return (o.object == "" || strings.EqualFold(o.object, object)) && (o.state == "" || o.state == installed)
}

func flowColumns() []column[api.Flow] {
	return []column[api.Flow]{
		{header: "TABLE", cell: func(f api.Flow) string {
			if f.TableName == "" {
				return strconv.Itoa(f.Table)
			}
			return f.TableName
		}},
		{header: "NO", wide: true, cell: func(f api.Flow) string { return strconv.Itoa(f.Table) }},
		{header: "PRIO", cell: func(f api.Flow) string { return strconv.Itoa(f.Priority) }},
		{header: "COOKIE", wide: true, cell: func(f api.Flow) string { return f.Cookie }},
		{header: "INSTALLED", cell: func(f api.Flow) string { return f.Installed }},
		{header: "PACKETS", cell: func(f api.Flow) string { return fmt.Sprint(f.Packets) }},
		{header: "BYTES", wide: true, cell: func(f api.Flow) string { return fmt.Sprint(f.Bytes) }},
		{header: "MATCH", cell: func(f api.Flow) string { return f.Match }},
		{header: "ACTIONS", wide: true, cell: func(f api.Flow) string { return f.Actions }},
		{header: "OBJECT", cell: func(f api.Flow) string { return f.Object }},
		{header: "WHY", cell: func(f api.Flow) string { return f.Why }},
	}
}
