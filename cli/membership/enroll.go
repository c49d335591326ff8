package membership

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/pki"
)

// certificate returns the paths of the files of a certificate from an invitation.
func (h Host) certificate() pki.Files {
	return pki.Files{CA: h.file(caFile), Cert: h.file(certFile), Key: h.file(keyFile)}
}

// redeem redeems the invitation: sdnd declares the node and signs its certificate, and redeem
// writes the certificate and node.yaml. It changes no existing file before sdnd has answered.
// It is no error if this machine has redeemed the invitation before.
func (j *Join) redeem(ctx context.Context) error {
	request, key, err := pki.NewRequest()
	if err != nil {
		return err
	}
	// The folder must be writable before the invitation is redeemed, which works only once.
	if err := os.MkdirAll(j.Host.dir(), 0o755); err != nil {
		return err
	}
	fresh := j.Files.Key + ".new"
	if err := j.Host.writeKey(fresh, key, j.DB); err != nil {
		return err
	}
	client, err := api.NewClient(j.api(), api.ClientOptions{TLS: pki.Pinned(j.Invitation.Authority)})
	if err != nil {
		return errors.Join(err, os.Remove(fresh))
	}
	defer client.Close()
	want := api.EnrollRequest{Node: j.Node, Token: j.Invitation.String(), Request: string(request), DatapathID: j.givenID()}
	if j.TunnelIP.IsValid() {
		want.TunnelIP = j.TunnelIP.String()
	}
	got, err := client.Enroll(ctx, want)
	if err != nil {
		err = errors.Join(err, os.Remove(fresh))
		if j.redeemed = j.redeemedBefore(); j.redeemed {
			return nil
		}
		return err
	}
	cas, err := pki.ParseCertificates([]byte(got.CA))
	if err != nil || pki.FingerprintOf(cas[0]) != j.Invitation.Authority {
		return errors.Join(errors.New("the certificate authority in sdnd's response is not that of the invitation"), err, os.Remove(fresh))
	}
	for name, text := range map[string]string{j.Files.CA: got.CA, j.Files.Cert: got.Certificate} {
		if err := pki.WriteFile(name, []byte(text), 0o644); err != nil {
			return err
		}
	}
	if err := os.Rename(fresh, j.Files.Key); err != nil {
		return err
	}
	j.redeemed = true
	return j.Host.WriteConfig(j.nodeConfig())
}

// redeemedBefore reports whether the machine has a valid certificate for the node from the
// authority of the invitation.
func (j *Join) redeemedBefore() bool {
	c, err := j.Host.Config()
	if err != nil || c.Node != j.Node {
		return false
	}
	identity, _, err := c.files().CheckClient(j.Host.Now())
	if err != nil || identity.Kind != pki.Node || identity.Name != j.Node {
		return false
	}
	text, err := os.ReadFile(c.CA)
	if err != nil {
		return false
	}
	cas, err := pki.ParseCertificates(text)
	return err == nil && slices.ContainsFunc(cas, func(ca *x509.Certificate) bool { return pki.FingerprintOf(ca) == j.Invitation.Authority })
}

// writeKey writes a key that only root and the user of Open vSwitch can read.
func (h Host) writeKey(name string, key []byte, db string) error {
	if err := pki.WriteFile(name, key, 0o600); err != nil {
		return err
	}
	uid, gid, ok := ownerOf(h.socket(db))
	if !ok || uid == os.Geteuid() {
		return nil
	}
	if err := os.Chown(name, uid, gid); err != nil {
		return fmt.Errorf("make the user of Open vSwitch the owner of the key: %w", err)
	}
	return nil
}

// socket returns the path of the OVSDB server's unix socket, whose owner is the server's user.
func (h Host) socket(db string) string {
	if path, ok := strings.CutPrefix(db, "unix:"); ok {
		return path
	}
	return filepath.Join(cmp.Or(h.RunDir, defaultRunDir), "db.sock")
}
