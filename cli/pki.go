package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/pki"
)

// The default folder of the certificate authority (CA), and the names of files in it without
// their suffix.
const (
	defaultPKI = "/etc/sdnctl/pki"
	caName     = "ca"
	serverName = "sdnd"
)

// newPKICmd makes the commands for users who have no certificates yet.
func newPKICmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pki",
		Short: "Create certificates for sdnd, nodes and users",
		Long: `Create a certificate authority (CA), and certificates for sdnd, for each node and
for users of the API. They are files in one folder. ca.key must never leave the machine.
Certificates of another CA also work if they have a URI that says who they are
for: sdnctl://node/NAME or sdnctl://user/NAME?role=ROLE.`,
		Example: `  sudo sdnctl pki init 192.168.50.10
  sudo sdnctl pki node node1`,
		Args: cobra.ArbitraryArgs,
		RunE: runGroup,
	}
	cmd.AddCommand(newPKIInitCmd(a), newPKIServerCmd(a), newPKINodeCmd(a), newPKIUserCmd(a), newPKIShowCmd(a))
	return cmd
}

// pkiOptions are the options that the commands for certificates share.
type pkiOptions struct {
	app   *app
	dir   string
	days  int
	force bool
}

func (o *pkiOptions) flags(cmd *cobra.Command, days int) {
	cmd.Flags().StringVar(&o.dir, "dir", defaultPKI, "`folder` of the CA and of all that it signs")
	cmd.Flags().IntVar(&o.days, "days", days, "validity of the certificate in `days`")
	cmd.Flags().BoolVar(&o.force, "force", false, "replace files that exist")
	cmd.ValidArgsFunction = cobra.NoFileCompletions
}

func (o *pkiOptions) lasts() time.Duration { return time.Duration(o.days) * 24 * time.Hour }

// path returns a file of the folder.
func (o *pkiOptions) path(name, suffix string) string { return filepath.Join(o.dir, name+suffix) }

// authority reads the CA of the folder.
func (o *pkiOptions) authority() (*pki.Authority, error) {
	cert, key := o.path(caName, ".crt"), o.path(caName, ".key")
	in, err := pki.Read(cert, key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no certificate authority in %s: create one with 'sdnctl pki init', or give its folder with --dir", o.dir)
	}
	if err != nil {
		return nil, err
	}
	ca, err := pki.ParseAuthority(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cert, err)
	}
	return ca, nil
}

// write writes a certificate with its key and prints their names.
func (o *pkiOptions) write(name string, i pki.Issued) error {
	cert, key := o.path(name, ".crt"), o.path(name, ".key")
	err := i.Write(cert, key, o.force)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w; to replace it, for example because it is about to expire, give --force", err)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(o.app.env.Out, "%s\n%s\n", cert, key)
	return err
}
