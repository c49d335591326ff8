package cli

import (
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/pki"
)

type pkiShowOptions struct {
	app    *app
	dir    string
	output output
}

// shownCertificate has the properties of a certificate that are printed.
type shownCertificate struct {
	File    string    `json:"file"`
	For     string    `json:"for"`
	Role    string    `json:"role,omitempty"`
	Issuer  string    `json:"issuer"`
	Expires time.Time `json:"expires"`
}

func newPKIShowCmd(a *app) *cobra.Command {
	o := &pkiShowOptions{app: a}
	cmd := &cobra.Command{
		Use:   "show [FILE...]",
		Short: "List certificates, their owners and when they expire",
		Long: `Show who certificates belong to and when they expire. Without FILE, show those in the
folder of the CA.`,
		Example: `  sdnctl pki show
  sdnctl pki show node-node1.crt -o json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error { return o.run(args) },
	}
	cmd.Flags().StringVar(&o.dir, "dir", defaultPKI, "`folder` of the CA")
	o.output.flags(a, cmd)
	return cmd
}

func (o *pkiShowOptions) run(files []string) error {
	if len(files) == 0 {
		var err error
		if files, err = filepath.Glob(filepath.Join(o.dir, "*.crt")); err != nil {
			return err
		}
		if len(files) == 0 {
			return fmt.Errorf("there is no certificate in %s: create some with 'sdnctl pki init', or give another folder with --dir", o.dir)
		}
	}
	var shown []shownCertificate
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		certs, err := pki.ParseCertificates(data)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for _, c := range certs {
			shown = append(shown, showCertificate(name, c))
		}
	}
	if !o.output.table() {
		return o.output.data(shown)
	}
	now := o.app.env.Now()
	return printTable(&o.output, []column[shownCertificate]{
		{header: "FILE", cell: func(s shownCertificate) string { return s.File }},
		{header: "FOR", cell: func(s shownCertificate) string { return s.For }},
		{header: "ROLE", cell: func(s shownCertificate) string { return s.Role }},
		{header: "EXPIRES", cell: func(s shownCertificate) string {
			if !s.Expires.After(now) {
				return s.Expires.Format(time.DateOnly) + " (expired)"
			}
			return fmt.Sprintf("%s (in %d days)", s.Expires.Format(time.DateOnly), int(s.Expires.Sub(now).Hours()/24))
		}},
		{header: "ISSUER", wide: true, cell: func(s shownCertificate) string { return s.Issuer }},
	}, shown)
}

func showCertificate(file string, c *x509.Certificate) shownCertificate {
	s := shownCertificate{File: file, Issuer: c.Issuer.CommonName, Expires: c.NotAfter.UTC()}
	who, err := pki.IdentityOf(c)
	switch {
	case err == nil:
		s.For, s.Role = who.String(), string(who.Role)
	case c.IsCA:
		s.For = "authority"
	default:
		for _, ip := range c.IPAddresses {
			s.For += " " + ip.String()
		}
		s.For = strings.TrimSpace("server" + s.For + " " + strings.Join(c.DNSNames, " "))
	}
	return s
}
