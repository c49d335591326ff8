package cli

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/cli/nodeconfig"
	"github.com/sdnctl/sdnctl/controller/pki"
)

// joinTLS is how "node join" has Open vSwitch speak TLS.
type joinTLS struct{ files pki.Files }

// flags adds the flags. On this command --ca, --cert and --key are the node's,
// not those of who runs it.
func (t *joinTLS) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&t.files.CA, "ca", "", "`file` with the authority of sdnd's certificate; Open vSwitch reads it there from now on")
	f.StringVar(&t.files.Cert, "cert", "", "`file` with this node's certificate, likewise ('sdnctl pki node NAME' makes it)")
	f.StringVar(&t.files.Key, "key", "", "`file` with the key of that certificate, likewise")
	cmd.MarkFlagsRequiredTogether("ca", "cert", "key")
}

func (t *joinTLS) used() bool { return t.files != pki.Files{} }

// scheme is that of connection methods (ovs-vsctl(8), "Connection Methods").
func (t *joinTLS) scheme() string {
	if t.used() {
		return "ssl:"
	}
	return "tcp:"
}

// check makes the names such as ovs-vswitchd can open, and refuses what sdnd
// would refuse. Files that are for another machine (print) are not looked into.
func (t *joinTLS) check(node string, print bool, now time.Time) error {
	if !t.used() {
		return nil
	}
	for _, name := range []*string{&t.files.CA, &t.files.Cert, &t.files.Key} {
		abs, err := filepath.Abs(*name)
		if err != nil {
			return err
		}
		*name = abs
	}
	if print {
		return nil
	}
	who, _, err := t.files.CheckClient(now)
	if err != nil {
		return fmt.Errorf("sdnd would refuse this certificate: %w", err)
	}
	if want := (pki.Identity{Kind: pki.Node, Name: node}); who != want {
		return fmt.Errorf("sdnd would refuse this certificate: %s is for %s, not for %s; make one with: sdnctl pki node %s", t.files.Cert, who, want, nodeconfig.ShellQuote(node))
	}
	return nil
}

// config is how Open vSwitch is to prove who it is; nil for plain TCP.
func (t *joinTLS) config() *nodeconfig.TLS {
	if !t.used() {
		return nil
	}
	return &nodeconfig.TLS{CA: t.files.CA, Cert: t.files.Cert, Key: t.files.Key}
}
