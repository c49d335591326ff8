package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func newIPAMCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "ipam",
		Short:   "Inspect IP allocations",
		Example: "  sdnctl ipam check",
		Args:    cobra.ArbitraryArgs,
		RunE:    runGroup,
	}
	cmd.AddCommand(newIPAMCheckCmd(a))
	return cmd
}

type ipamCheckOptions struct {
	app    *app
	output output
}

func newIPAMCheckCmd(a *app) *cobra.Command {
	o := &ipamCheckOptions{app: a}
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check IP allocations against the ports",
		Long: `Compute from the ports which addresses are in use, and compare the result with what
sdnd has stored and with what it has in memory. No address may be in use twice, and
none may be marked as in use without a port. Changes are possible meanwhile.

The exit code is 0 if there is no difference, 1 if there is one, and another value
if the command failed.`,
		Example: `  sdnctl ipam check
  sdnctl ipam check -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.output.flags(a, cmd)
	return cmd
}

func (o *ipamCheckOptions) run(ctx context.Context) error {
	client, err := o.app.client()
	if err != nil {
		return err
	}
	defer client.Close()
	r, err := client.CheckIPAM(ctx)
	switch {
	case err != nil && exitCode(err) == ExitFailure: // exit code 1 is reserved for inconsistencies
		return codedError{ExitUsage, err}
	case err != nil:
		return err
	case !o.output.table():
		err = o.output.data(r)
	case r.OK:
		_, err = fmt.Fprintf(o.output.w, "OK: revision %d, %d addresses of %d ports, %d blocks\n", r.Revision, r.Locks, r.Ports, r.Blocks)
	default:
		for _, d := range r.Differences {
			if _, err = fmt.Fprintln(o.output.w, d); err != nil {
				return err
			}
		}
	}
	if err == nil && !r.OK {
		return errDifferent
	}
	return err
}
