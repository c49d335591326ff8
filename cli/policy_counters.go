package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

func newPolicyCountersCmd(a *app) *cobra.Command {
	o := &output{}
	cmd := &cobra.Command{
		Use:   "counters NAME",
		Short: "Show where a policy is installed and what its rules have decided",
		Long: `Show on which nodes a policy has flows, whether their switches have confirmed them,
and what its rules have decided, summed over these nodes. The switches are asked when
the command runs. A node that is away is not in the sums, and the output says so.

Counters begin when a node gets the flows: with the policy, with a change of the rule
or of who its subjects and peers are, or with a port that it concerns. PACKETS are those
that a rule decided about, which replies are not; of a rule that denies they are the
denials. CONNECTIONS are packets before the first reply, so one of TCP is one, unless
it is sent again. DEFAULT is what was denied because no rule decided; all policies of
the tier that isolate the same ports count there.

Of a policy with onChange: keep, KEPT is what belongs to connections that its rules have
allowed, after the first reply, whether they still allow them or not; rules count only what
comes before.

Of a policy in shadow mode ACTION says "would deny", and the counters are of packets that
it would decide about if it were in force beside the policies that are.`,
		Example: "  sdnctl policy counters web\n  sdnctl policy counters web -o json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return fetch(cmd.Context(), a, o, func(ctx context.Context, client *api.Client) (api.PolicyCounters, error) {
				return client.PolicyCounters(ctx, args[0])
			}, func(c api.PolicyCounters) error { return printPolicyCounters(a, o, c) })
		},
		ValidArgsFunction: a.completeNames(api.KindPolicy, 1),
	}
	o.flags(a, cmd)
	return cmd
}

// showPolicyCounters prints the counters below the details of a policy.
func showPolicyCounters(ctx context.Context, a *app, client *api.Client, o *output, policy string) error {
	c, err := client.PolicyCounters(ctx, policy)
	if err != nil {
		return err
	}
	fmt.Fprintln(o.w)
	return printPolicyCounters(a, o, c)
}

func printPolicyCounters(a *app, o *output, c api.PolicyCounters) error {
	if len(c.Nodes) == 0 {
		a.note("installed on no node: none has a port that the policy concerns")
		return nil
	}
	if err := printTable(o, policyNodeColumns(), c.Nodes); err != nil {
		return err
	}
	fmt.Fprintln(o.w)
	if err := printTable(o, policyRuleColumns(), policyRuleRows(c)); err != nil {
		return err
	}
	if !c.Complete {
		a.note("not all nodes are in these sums: the table of nodes says which are missing, and why")
	}
	return nil
}

func policyNodeColumns() []column[api.PolicyNode] {
	return []column[api.PolicyNode]{
		{header: "NODE", cell: func(n api.PolicyNode) string { return n.Node }},
		{header: "FLOWS", cell: func(n api.PolicyNode) string { return fmt.Sprint(n.Flows) }},
		{header: "CONFIRMED", cell: func(n api.PolicyNode) string { return yesNo(n.Confirmed) }},
		{header: "COUNTED", cell: func(n api.PolicyNode) string { return yesNo(n.Counted) }},
		{header: "WHY NOT", cell: func(n api.PolicyNode) string { return n.Reason }},
	}
}

// policyRuleRow is a line of counters: a rule's, or that of the default.
type policyRuleRow struct {
	rule, action   string
	packets, bytes uint64
	connections    *uint64
}

func policyRuleRows(c api.PolicyCounters) (rows []policyRuleRow) {
	would := ""
	if c.Mode == model.ModeShadow {
		would = "would "
	}
	for _, r := range c.Rules {
		rows = append(rows, policyRuleRow{fmt.Sprintf("%s %d", r.Direction, r.Index+1), would + string(r.Action), r.Packets, r.Bytes, r.Connections})
	}
	for _, k := range c.Kept {
		rows = append(rows, policyRuleRow{fmt.Sprintf("%s kept", k.Direction), "allow", k.Packets, k.Bytes, nil})
	}
	for _, d := range c.Defaults {
		rows = append(rows, policyRuleRow{fmt.Sprintf("%s default", d.Direction), would + "deny", d.Packets, d.Bytes, nil})
	}
	return rows
}

func policyRuleColumns() []column[policyRuleRow] {
	return []column[policyRuleRow]{
		{header: "RULE", cell: func(r policyRuleRow) string { return r.rule }},
		{header: "ACTION", cell: func(r policyRuleRow) string { return r.action }},
		{header: "PACKETS", cell: func(r policyRuleRow) string { return fmt.Sprint(r.packets) }},
		{header: "BYTES", cell: func(r policyRuleRow) string { return fmt.Sprint(r.bytes) }},
		{header: "CONNECTIONS", cell: func(r policyRuleRow) string {
			if r.connections == nil {
				return ""
			}
			return fmt.Sprint(*r.connections)
		}},
	}
}
