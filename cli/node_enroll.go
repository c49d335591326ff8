package cli

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/pki"
)

// joinToken is how "node join" gets the node's certificate: by the token of an
// invitation.
type joinToken struct {
	text    string
	apiPort uint16

	invitation pki.Invitation // read from text
	redeemed   bool
}

func (t *joinToken) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&t.text, "token", "", "`token` that 'sdnctl node invite' printed, for the node's certificate; - to read it from the standard input")
	f.Uint16Var(&t.apiPort, "api-port", defaultAPIPort, "TCP `port` where sdnd serves its API")
	mustComplete(cmd, "token")
	mustComplete(cmd, "api-port")
	for _, other := range []string{"ca", "print", "register"} {
		cmd.MarkFlagsMutuallyExclusive("token", other)
	}
}

func (t *joinToken) used() bool { return t.text != "" }

// pending reports whether the node still has to get its certificate.
func (t *joinToken) pending() bool { return t.used() && !t.redeemed }

// check reads the token, and returns the files that the certificate will be in.
func (t *joinToken) check(env Env) (pki.Files, error) {
	if t.text == "-" {
		b, err := io.ReadAll(io.LimitReader(env.In, 4096))
		if err != nil {
			return pki.Files{}, err
		}
		t.text = string(b)
	}
	var err error
	if t.invitation, err = pki.ParseInvitation(t.text); err != nil {
		return pki.Files{}, usageErrorf("--token: %w", err)
	}
	return nodeFiles(env), nil
}

// nodeFiles are the files of a certificate that an invitation brings.
func nodeFiles(env Env) pki.Files {
	return pki.Files{CA: nodeFile(env, nodeCA), Cert: nodeFile(env, nodeCert), Key: nodeFile(env, nodeKey)}
}

// applicant is the machine that redeems a token.
type applicant struct {
	node, bridge, tunnelIP, datapathID string
	// controller is the address of sdnd, db the database of Open vSwitch, which is
	// to read the key.
	controller netip.Addr
	db         string
}

// redeem uses the token up: the machine is declared as the node, and the node's
// certificate and node.yaml are written. Until sdnd has answered no file that is
// there is touched. A token that was used before is no error on the machine that
// has the certificate for it.
func (t *joinToken) redeem(ctx context.Context, env Env, who applicant) error {
	request, key, err := pki.NewRequest()
	if err != nil {
		return err
	}
	files := nodeFiles(env)
	// Before the token is used up: what cannot be written would be lost.
	if err := os.MkdirAll(nodeDir(env), 0o755); err != nil {
		return err
	}
	fresh := files.Key + ".new"
	if err := writeKey(fresh, key, who.db, env); err != nil {
		return err
	}
	host := "https://" + net.JoinHostPort(who.controller.String(), strconv.Itoa(int(t.apiPort)))
	client, err := api.NewClient(host, api.ClientOptions{TLS: pki.Pinned(t.invitation.Authority)})
	if err != nil {
		return errors.Join(err, os.Remove(fresh))
	}
	defer client.Close()
	got, err := client.Enroll(ctx, api.EnrollRequest{
		Node: who.node, Token: t.invitation.String(), Request: string(request), TunnelIP: who.tunnelIP, DatapathID: who.datapathID,
	})
	if err != nil {
		err = errors.Join(err, os.Remove(fresh))
		if t.redeemed = t.redeemedBefore(env, who); t.redeemed {
			return nil
		}
		return err
	}
	cas, err := pki.ParseCertificates([]byte(got.CA))
	if err != nil || pki.FingerprintOf(cas[0]) != t.invitation.Authority {
		return errors.Join(errors.New("sdnd answered with another authority than the invitation's"), err, os.Remove(fresh))
	}
	for name, text := range map[string]string{files.CA: got.CA, files.Cert: got.Certificate} {
		if err := pki.WriteFile(name, []byte(text), 0o644); err != nil {
			return err
		}
	}
	if err := os.Rename(fresh, files.Key); err != nil {
		return err
	}
	t.redeemed = true
	return nodeConfig{Node: who.node, Host: host, CA: files.CA, Cert: files.Cert, Key: files.Key, Bridge: who.bridge}.write(env)
}

// redeemedBefore reports whether the machine has a certificate that is good, for
// the node and of the authority that the invitation is from.
func (t *joinToken) redeemedBefore(env Env, who applicant) bool {
	c, err := readNodeConfig(env)
	if err != nil || c.Node != who.node {
		return false
	}
	identity, _, err := pki.Files{CA: c.CA, Cert: c.Cert, Key: c.Key}.CheckClient(env.Now())
	if err != nil || identity.Kind != pki.Node || identity.Name != who.node {
		return false
	}
	text, err := os.ReadFile(c.CA)
	if err != nil {
		return false
	}
	cas, err := pki.ParseCertificates(text)
	return err == nil && slices.ContainsFunc(cas, func(ca *x509.Certificate) bool { return pki.FingerprintOf(ca) == t.invitation.Authority })
}

// writeKey writes a key that root and the user that Open vSwitch runs as can
// read.
func writeKey(name string, key []byte, db string, env Env) error {
	if err := pki.WriteFile(name, key, 0o600); err != nil {
		return err
	}
	uid, gid, ok := ownerOf(socketOf(db, env))
	if !ok || uid == os.Geteuid() {
		return nil
	}
	if err := os.Chown(name, uid, gid); err != nil {
		return fmt.Errorf("give the key to the user that Open vSwitch runs as: %w", err)
	}
	return nil
}

// socketOf returns the unix socket of an OVSDB server, which its user owns.
func socketOf(db string, env Env) string {
	if path, ok := strings.CutPrefix(db, "unix:"); ok {
		return path
	}
	return filepath.Join(cmp.Or(env.Getenv("OVS_RUNDIR"), "/var/run/openvswitch"), "db.sock")
}
