package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/pki"
)

type pkiInitOptions struct {
	pkiOptions
	serverDays int
}

func newPKIInitCmd(a *app) *cobra.Command {
	o := &pkiInitOptions{pkiOptions: pkiOptions{app: a}}
	cmd := &cobra.Command{
		Use:   "init ADDRESS...",
		Short: "Create a certificate authority and sdnd's certificate",
		Long: `Create a certificate authority (CA) and sdnd's certificate, which is valid for the
addresses and names under which clients reach the API. An existing CA is never
replaced.`,
		Example: `  sudo sdnctl pki init 192.168.50.10 sdn.example.org
  sdnctl pki init 127.0.0.1 --dir ./pki`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return o.run(args) },
	}
	cmd.Flags().StringVar(&o.dir, "dir", defaultPKI, "`folder` of the CA and of all that it signs; created if it does not exist")
	cmd.Flags().IntVar(&o.days, "days", 3650, "validity of the CA's certificate in `days`")
	cmd.Flags().IntVar(&o.serverDays, "server-days", 825, "validity of sdnd's certificate in `days`")
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	return cmd
}

func (o *pkiInitOptions) run(hosts []string) error {
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return err
	}
	ca, err := pki.NewAuthority("sdnctl authority", o.app.env.Now(), o.lasts())
	if err != nil {
		return err
	}
	enc, err := ca.Encode()
	if err != nil {
		return err
	}
	if err := enc.Write(o.path(caName, ".crt"), o.path(caName, ".key"), false); err != nil {
		return fmt.Errorf("%w; nobody could use the certificates that it signed if it were replaced; to create another CA, give another folder with --dir", err)
	}
	if _, err := fmt.Fprintf(o.app.env.Out, "%s\n%s\n", o.path(caName, ".crt"), o.path(caName, ".key")); err != nil {
		return err
	}
	server := pkiServerOptions{pkiOptions: o.pkiOptions}
	server.days = o.serverDays
	if err := server.issue(ca, hosts); err != nil {
		return err
	}
	o.app.note("start sdnd with: --tls-ca %s --tls-cert %s --tls-key %s\nthen, for each node: sdnctl pki node NAME",
		o.path(caName, ".crt"), o.path(serverName, ".crt"), o.path(serverName, ".key"))
	return nil
}
