package cli

import (
	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/pki"
)

type pkiServerOptions struct{ pkiOptions }

func newPKIServerCmd(a *app) *cobra.Command {
	o := &pkiServerOptions{pkiOptions{app: a}}
	cmd := &cobra.Command{
		Use:   "server ADDRESS...",
		Short: "Renew sdnd's certificate",
		Long: `Create sdnd's certificate for the addresses and names under which clients reach the
API. A running sdnd uses the new certificate without a restart and without dropping
connections.`,
		Example: `  sudo sdnctl pki server 192.168.50.10 sdn.example.org --force`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			ca, err := o.authority()
			if err != nil {
				return err
			}
			return o.issue(ca, args)
		},
	}
	o.flags(cmd, 825)
	return cmd
}

func (o *pkiServerOptions) issue(ca *pki.Authority, hosts []string) error {
	issued, err := ca.IssueServer(hosts, o.app.env.Now(), o.lasts())
	if err != nil {
		return err
	}
	return o.write(serverName, issued)
}
