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
		Long: `Create a certificate authority and sdnd's certificate, which is valid for the
addresses and names under which clients reach the API. An existing authority is
never replaced.`,
		Example: `  sudo sdnctl pki init 192.168.50.10 sdn.example.org
  sdnctl pki init 127.0.0.1 --dir ./pki`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return o.run(args) },
	}
	cmd.Flags().StringVar(&o.dir, "dir", defaultPKI, "`folder` of the authority and of all that it signs; made if missing")
	cmd.Flags().IntVar(&o.days, "days", 3650, "for how many `days` the authority is good")
	cmd.Flags().IntVar(&o.serverDays, "server-days", 825, "for how many `days` the certificate of sdnd is good")
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
		return fmt.Errorf("%w; the certificates that it has signed would be worthless without it; to create another one, give another folder with --dir", err)
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
