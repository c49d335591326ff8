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
		Long: `Make the certificate of sdnd for the addresses and names by which clients of the
API reach it. A running sdnd takes a new one without a restart, and without
dropping a connection.`,
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
