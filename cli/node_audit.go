package cli

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
)

type nodeAuditOptions struct {
	app    *app
	output output
}

func newNodeAuditCmd(a *app) *cobra.Command {
	o := &nodeAuditOptions{app: a}
	cmd := &cobra.Command{
		Use:   "audit NODE",
		Short: "Compare a node's switch with the declared state, and repair it",
		Long: `Read all flows of the node's switch and compare them with the flows that it should
have. The verdict is "equal", "differs" (sdnd has repaired the differences) or
"unknown" (the switch could not be read). sdnd also does this regularly by itself.

The exit code is 0 if the switch was equal, and 1 otherwise.`,
		Example: `  sdnctl node audit node1`,
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) },

		ValidArgsFunction: a.completeNames(api.KindNode, 1),
	}
	o.output.flags(a, cmd)
	return cmd
}

func (o *nodeAuditOptions) run(ctx context.Context, node string) error {
	client, err := o.app.client()
	if err != nil {
		return err
	}
	defer client.Close()
	audit, err := client.Audit(ctx, node)
	if err != nil {
		return err
	}
	if o.output.table() {
		err = printTable(&o.output, []column[api.Audit]{
			{header: "NODE", cell: func(a api.Audit) string { return a.Node }},
			{header: "VERDICT", cell: func(a api.Audit) string { return a.Verdict }},
			{header: "FOREIGN", cell: func(a api.Audit) string { return strconv.Itoa(a.Foreign) }},
			{header: "MISSING", cell: func(a api.Audit) string { return strconv.Itoa(a.Missing) }},
			{header: "REASON", cell: func(a api.Audit) string { return a.Reason }},
		}, []api.Audit{audit})
	} else {
		err = o.output.data(audit)
	}
	if err == nil && audit.Verdict != "equal" {
		err = errDifferent
	}
	return err
}
