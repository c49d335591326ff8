package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
)

type statusOptions struct {
	app      *app
	output   output
	exitCode bool
}

func newStatusCmd(a *app) *cobra.Command {
	o := &statusOptions{app: a}
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the overall state, and what needs attention",
		Long: `Show how many objects there are, and list every problem: which node, network, service or
port has it, why, since when, and how to fix it. docs/conditions.md lists all reasons.

With --exit-code the exit code is 9 if there is any error or warning. This is meant
for monitoring.`,
		Example: `  sdnctl status
  sdnctl status --exit-code
  sdnctl status -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	cmd.Flags().BoolVar(&o.exitCode, "exit-code", false, "exit with 9 if there is an error or a warning")
	o.output.flags(a, cmd)
	return cmd
}

func (o *statusOptions) run(ctx context.Context) error {
	client, err := o.app.client()
	if err != nil {
		return err
	}
	defer client.Close()
	s, err := client.Status(ctx)
	if err != nil {
		return err
	}
	if !o.output.table() {
		if err := o.output.data(s); err != nil {
			return err
		}
		return o.judge(s)
	}
	o.print(s)
	return o.judge(s)
}

// print prints the status for people: what is declared, and then each condition with its
// reason, time and remedy.
func (o *statusOptions) print(s api.Status) {
	w, now := o.output.w, o.app.env.Now()
	fmt.Fprintf(w, "sdnd %s, up %s, revision %d\n", s.Version, age(now, s.StartedAt), s.Revision)
	fmt.Fprintf(w, "%s, %s, %s, %s", count(s.Nodes, "node"), count(s.Networks, "network"), count(s.Routers, "router"), count(s.Ports, "port"))
	if s.Services > 0 {
		fmt.Fprintf(w, ", %s", count(s.Services, "service"))
	}
	if s.Policies > 0 {
		fmt.Fprintf(w, ", %s", count(s.Policies, "policy"))
	}
	fmt.Fprintln(w)
	fmt.Fprintf(w, "nodes: %d connected, %d in sync, %d ready; ports: %d bound, %d not bound, %d ready\n",
		s.NodesConnected, s.NodesInSync, s.NodesReady, s.PortsBound, s.Ports-s.PortsBound, s.PortsReady)
	switch {
	case len(s.Reasons) == 0:
		fmt.Fprintln(w, "everything is ready")
	case s.Ready:
		fmt.Fprintf(w, "everything is ready, with %s:\n", count(s.Warnings, "warning"))
	default:
		fmt.Fprintf(w, "not everything is ready: %s\n", reasonsText(s.Reasons))
	}
	shown := 0
	for _, object := range s.Objects {
		for _, c := range object.Conditions {
			shown++
			fmt.Fprintf(w, "\n%s: %s (%s, since %s)\n  %s\n  fix: %s\n", object.Object, c.Reason, c.Severity, age(now, c.Since), c.Message, c.Action)
		}
	}
	all := 0
	for _, r := range s.Reasons {
		all += r.Count
	}
	if all > shown && shown > 0 {
		fmt.Fprintf(w, "\nand %d more; see: sdnctl node list, sdnctl network list, sdnctl router list, sdnctl service list, sdnctl floatingip list, sdnctl egressip list, sdnctl port list\n", all-shown)
	}
	if s.PortsDropping > 0 {
		fmt.Fprintf(w, "port security: %s dropped of %s that sent from another MAC or address, or with a VLAN tag; see: sdnctl port list -o wide\n",
			count(int(s.DroppedPackets), "packet"), count(s.PortsDropping, "port"))
	}
	if s.Drifts > 0 {
		fmt.Fprintf(w, "%s of flows by others reverted since sdnd started; see: sdnctl drift\n", count(int(s.Drifts), "change"))
	}
	for _, text := range s.Insecure {
		fmt.Fprintf(w, "insecure: %s\n", text)
	}
	if s.Switches > 0 {
		fmt.Fprintf(w, "%s not assigned to a node; see: sdnctl switches\n", count(s.Switches, "switch"))
	}
}

// reasonsText counts the conditions by reason.
func reasonsText(all []api.ReasonCount) string {
	parts := make([]string, len(all))
	for i, r := range all {
		parts[i] = fmt.Sprintf("%d %s", r.Count, r.Reason)
	}
	return strings.Join(parts, ", ")
}

// judge returns the error for --exit-code.
func (o *statusOptions) judge(s api.Status) error {
	if !o.exitCode || len(s.Reasons) == 0 {
		return nil
	}
	return codedError{ExitNotReady, errNotReady}
}

// count returns a number with its noun.
func count(n int, thing string) string {
	switch {
	case n == 1:
	case strings.HasSuffix(thing, "h"):
		thing += "es"
	case strings.HasSuffix(thing, "y"):
		thing = strings.TrimSuffix(thing, "y") + "ies"
	default:
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
