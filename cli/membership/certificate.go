package membership

import (
	"fmt"
	"path/filepath"

	"github.com/sdnctl/sdnctl/cli/nodeconfig"
	"github.com/sdnctl/sdnctl/controller/pki"
)

// secure reports whether Open vSwitch should use TLS.
func (j Join) secure() bool { return j.Files != pki.Files{} }

// checkFiles makes the names absolute, so that ovs-vswitchd can open the files, and returns an
// error for files that sdnd would refuse. It does not read files that are for another machine.
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
		return fmt.Errorf("sdnd would refuse this certificate: %s is for %s, not for %s; make one with: sdnctl pki node %s", j.Files.Cert, who, want, nodeconfig.ShellQuote(j.Node))
	}
	return nil
}

// tls returns the files by which Open vSwitch authenticates; nil for plain TCP.
func (j Join) tls() *nodeconfig.TLS {
	if !j.secure() {
		return nil
	}
	return &nodeconfig.TLS{CA: j.Files.CA, Cert: j.Files.Cert, Key: j.Files.Key}
}
