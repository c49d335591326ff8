package membership

import (
	"fmt"
	"path/filepath"

	"github.com/sdnctl/sdnctl/cli/nodeconfig"
	"github.com/sdnctl/sdnctl/controller/pki"
)

// secure reports whether Open vSwitch should use TLS.
func (j Join) secure() bool { return j.Files != pki.Files{} }

// checkFiles makes the paths of the files absolute, so that ovs-vswitchd can open them, and
// returns an error for a certificate that sdnd would refuse. It does not read the files if
// elsewhere says that they are on another machine.
func (j *Join) checkFiles(elsewhere bool) error {
	if !j.secure() {
		return nil
	}
	for _, name := range []*string{&j.Files.CA, &j.Files.Cert, &j.Files.Key} {
		abs, err := filepath.Abs(*name)
		if err != nil {
			return err
		}
		*name = abs
	}
	if elsewhere {
		return nil
	}
	who, _, err := j.Files.CheckClient(j.Host.Now())
	if err != nil {
		return fmt.Errorf("sdnd would refuse this certificate: %w", err)
	}
	if want := (pki.Identity{Kind: pki.Node, Name: j.Node}); who != want {
		return fmt.Errorf("sdnd would refuse this certificate: %s is for %s, not for %s; create one with: sdnctl pki node %s", j.Files.Cert, who, want, nodeconfig.ShellQuote(j.Node))
	}
	return nil
}

// tls returns the files that Open vSwitch uses for TLS; nil for plain TCP.
func (j Join) tls() *nodeconfig.TLS {
	if !j.secure() {
		return nil
	}
	return &nodeconfig.TLS{CA: j.Files.CA, Cert: j.Files.Cert, Key: j.Files.Key}
}
