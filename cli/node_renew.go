package cli

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/cli/nodeconfig"
	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/pki"
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

func (o *renewOptions) run(ctx context.Context) error {
	c, err := readNodeConfig(o.app.env)
	if err != nil {
		return fmt.Errorf("%w; only a node that has joined with a certificate has one to renew", err)
	}
	// Whatever --host says: nobody but the node gets a certificate for it so.
	client, err := c.client(o.app.env)
	if err != nil {
		return err
	}
	defer client.Close()
	files := pki.Files{CA: c.CA, Cert: c.Cert, Key: c.Key}
	_, end, err := files.CheckClient(o.app.env.Now())
	if err != nil {
		return fmt.Errorf("%w; invite the node again: sdnctl node invite %s", err, nodeconfig.ShellQuote(c.Node))
	}
	if o.within > 0 && end.Sub(o.app.env.Now()) > o.within {
		o.app.note("the certificate is valid until %s", end.Format(time.DateOnly))
		return nil
	}
	key, err := os.ReadFile(c.Key)
	if err != nil {
		return err
	}
	request, err := pki.RequestFor(key)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Key, err)
	}
	got, err := client.Renew(ctx, c.Node, api.RenewRequest{Request: string(request)})
	if err != nil {
		return err
	}
	if err := pki.WriteFile(c.Cert, []byte(got.Certificate), 0o644); err != nil {
		return err
	}
	// Open vSwitch reads a certificate anew only when the file of its key is newer too.
	now := o.app.env.Now()
	if err := os.Chtimes(c.Key, now, now); err != nil {
		return err
	}
	o.app.note("the certificate of node %s is valid until %s", c.Node, got.Expires.Format(time.DateOnly))
	return nil
}
