package cli

import (
	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/cli/nodeconfig"
	"github.com/sdnctl/sdnctl/controller/pki"
)

type pkiNodeOptions struct{ pkiOptions }

func newPKINodeCmd(a *app) *cobra.Command {
	o := &pkiNodeOptions{pkiOptions{app: a}}
	cmd := &cobra.Command{
		Use:   "node NAME",
		Short: "Create a node's certificate",
		Long: `Create the certificate with which a machine proves that it is node NAME. It does not
allow the machine to act as another node or as sdnd.`,
		Example: `  sudo sdnctl pki node node1
  sudo sdnctl pki node node1 --days 90 --force`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return o.run(args[0]) },
	}
	o.flags(cmd, 825)
	return cmd
}

func (o *pkiNodeOptions) run(name string) error {
	ca, err := o.authority()
	if err != nil {
		return err
	}
	issued, err := ca.IssueClient(pki.Identity{Kind: pki.Node, Name: name}, o.app.env.Now(), o.lasts())
	if err != nil {
		return usageError{err}
	}
	file := "node-" + name
	if err := o.write(file, issued); err != nil {
		return err
	}
	o.app.note("copy these and %s to a permanent folder on the node, then run there:\nsdnctl node join %s --controller ADDRESS --ca %s.crt --cert %s.crt --key %s.key",
		o.path(caName, ".crt"), nodeconfig.ShellQuote(name), caName, file, file)
	return nil
}
