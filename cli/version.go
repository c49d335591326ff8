package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

// versionTimeout is the longest time to wait for sdnd's version.
const versionTimeout = 2 * time.Second

type versionOptions struct {
	app        *app
	clientOnly bool
}

func newVersionCmd(a *app) *cobra.Command {
	o := &versionOptions{app: a}
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the versions of sdnctl and sdnd",
		Example: `  sdnctl version
  sdnctl version --client`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	cmd.Flags().BoolVar(&o.clientOnly, "client", false, "do not ask sdnd")
	return cmd
}

func (o *versionOptions) run(ctx context.Context) error {
	fmt.Fprintf(o.app.env.Out, "sdnctl %s\n", o.app.env.Version)
	if o.clientOnly {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, versionTimeout)
	defer cancel()
	client, err := o.app.client()
	if err != nil {
		return err
	}
	defer client.Close()
	s, err := client.Status(ctx)
	if err != nil {
		o.app.note("sdnd: %s", explain(err))
		return nil
	}
	fmt.Fprintf(o.app.env.Out, "sdnd %s\n", s.Version)
	return nil
}
