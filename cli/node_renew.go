package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"
)

type renewOptions struct {
	app    *app
	within time.Duration
}

func newNodeRenewCmd(a *app) *cobra.Command {
	o := &renewOptions{app: a}
	cmd := &cobra.Command{
		Use:   "renew",
		Short: "Get a new certificate for this node (run it on the node, as root)",
		Long: `Get a new certificate for this node from sdnd. The node authenticates with its
present certificate and keeps its key. Open vSwitch uses the new certificate the next
time it connects; connections stay.

With --within, do so only if the certificate expires sooner than that. This is meant
for cron or a systemd timer. A node whose certificate has expired must be invited
again: sdnctl node invite NAME.`,
		Example: `  sudo sdnctl node renew
  sudo sdnctl node renew --within 2160h`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	cmd.Flags().DurationVar(&o.within, "within", 0, "only if the certificate ends within this `time`, such as 2160h for 90 days")
	mustComplete(cmd, "within")
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	return cmd
}

// run renews the certificate, authenticated as the node, whatever --host is: only the node
// itself may get a certificate this way.
func (o *renewOptions) run(ctx context.Context) error {
	r, err := o.app.membershipHost().Renew(ctx, o.within)
	switch {
	case err != nil:
		return err
	case !r.Renewed:
		o.app.note("the certificate is valid until %s", r.Expires.Format(time.DateOnly))
	default:
		o.app.note("the certificate of node %s is valid until %s", r.Node, r.Expires.Format(time.DateOnly))
	}
	return nil
}
