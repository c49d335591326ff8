package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

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
		return fmt.Errorf("sdnd would refuse this certificate: %s is for %s, not for %s; make one with: sdnctl pki node %s", t.files.Cert, who, want, shellQuote(node))
	}
	return nil
}

// sslState is the row that all of a machine's TLS connections share.
type sslState struct {
	exists bool
	files  pki.Files
	// owner is the node that "node join" made it for, "" for somebody else's.
	owner string
}

// readSSL asks the database.
func readSSL(ctx context.Context, env Env, sw switchFlags) (sslState, error) {
	text, err := newVsctl(env, sw.db, sw.noWait).read(ctx, "--bare", "--columns=private_key,certificate,ca_cert,external_ids", "list", "ssl")
	if err != nil || text == "" {
		return sslState{}, err
	}
	// A line for each column; an empty one at the end is trimmed.
	lines := append(strings.Split(text, "\n"), "", "", "", "")
	s := sslState{exists: true, files: pki.Files{Key: lines[0], Cert: lines[1], CA: lines[2]}}
	for word := range strings.FieldsSeq(lines[3]) {
		if owner, ok := strings.CutPrefix(word, joinMark+"="); ok {
			s.owner = strings.Trim(owner, `"`)
		}
	}
	return s, nil
}

// plan collects what has Open vSwitch use the files, unless it does. A row that
// somebody else made serves their connections, and is only replaced by force.
func (t *joinTLS) plan(v *vsctl, now sslState, node string, force bool) error {
	switch {
	case !t.used() || now.exists && now.files == t.files:
		return nil
	case now.exists && now.owner == "" && !force:
		return fmt.Errorf("this Open vSwitch already speaks TLS with %s, and can only have one certificate: give that to --cert (with its --key and --ca), or replace it with --force", now.files.Cert)
	}
	t.set(v, node)
	return nil
}

func (t *joinTLS) set(v *vsctl, node string) {
	v.add("set-ssl", t.files.Key, t.files.Cert, t.files.CA)
	v.add("set", "ssl", ".", "external_ids:"+joinMark+"="+ovsdbString(node))
}
