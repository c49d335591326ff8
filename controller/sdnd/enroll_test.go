package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/pki"
	"github.com/sdnctl/sdnctl/integration/simswitch"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology/model"
)

// applicant is a machine that wants to be a node.
type applicant struct {
	t            *testing.T
	request, key []byte
}

func newApplicant(t *testing.T) *applicant {
	t.Helper()
	request, key, err := pki.NewRequest()
	if err != nil {
		t.Fatal(err)
	}
	return &applicant{t, request, key}
}

// enroll redeems a token with the sdnd at an address.
func (a *applicant) enroll(addr, node, token string) (api.Enrollment, error) {
	a.t.Helper()
	i, err := pki.ParseInvitation(token)
	if err != nil {
		a.t.Fatal(err)
	}
	c, err := api.NewClient("https://"+addr, api.ClientOptions{TLS: pki.Pinned(i.Authority)})
	if err != nil {
		a.t.Fatal(err)
	}
	defer c.Close()
	return c.Enroll(a.t.Context(), api.EnrollRequest{Node: node, Token: token, Request: string(a.request), TunnelIP: "192.168.50.11"})
}

// source writes what was got, and returns it as a TLS client has it.
func (a *applicant) source(e api.Enrollment) *pki.Source {
	a.t.Helper()
	dir := a.t.TempDir()
	f := pki.Files{CA: filepath.Join(dir, "ca"), Cert: filepath.Join(dir, "cert"), Key: filepath.Join(dir, "key")}
	for name, text := range map[string]string{f.CA: e.CA, f.Cert: e.Certificate, f.Key: string(a.key)} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	s, err := pki.Open(f, slog.New(slog.DiscardHandler))
	if err != nil {
		a.t.Fatal(err)
	}
	return s
}

// TestEnroll goes from an sdnd without configuration to a node with a certificate,
// with restarts in between.
func TestEnroll(t *testing.T) {
	dir := t.TempDir()
	args := []string{"--api-listen", "127.0.0.1:0"}
	d := start(t, dir, args...)
	restart := func() {
		t.Helper()
		if err := d.stop(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		d = start(t, dir, args...)
	}
	invite := func(node string) api.Invitation {
		t.Helper()
		i, err := d.client.Invite(t.Context(), node, api.InvitationRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	first := invite("node1")
	i := invite("node1")
	if i.Expires.Before(time.Now().Add(59*time.Minute)) || i.OpenFlowPort == 0 || i.APIPort == 0 || i.Bridge != "br-int" {
		t.Errorf("%+v", i)
	}
	restart()
	a, thief := newApplicant(t), newApplicant(t)
	guess := i.Token[:60] + strings.Repeat("A", len(i.Token)-60)
	for name, tt := range map[string]struct{ node, token, want string }{
		"guessed":           {"node1", guess, "no such invitation"},
		"of another node":   {"node2", i.Token, "for another node"},
		"replaced by later": {"node1", first.Token, "no such invitation"},
	} {
		if _, err := thief.enroll(d.address("api"), tt.node, tt.token); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	got, err := a.enroll(d.address("api"), "node1", i.Token)
	if err != nil {
		t.Fatal(err)
	}
	if got.Node.Spec.TunnelIP != netip.MustParseAddr("192.168.50.11") || got.Expires.Before(time.Now().Add(800*24*time.Hour)) {
		t.Errorf("%+v", got)
	}
	for n := range 2 { // before and after a restart
		if _, err := thief.enroll(d.address("api"), "node1", i.Token); err == nil || !strings.Contains(err.Error(), "used already") {
			t.Errorf("reused: %v", err)
		}
		// In its first run the daemon has logged as much about this machine as it does.
		if n == 1 {
			d.logged("invitation refused", "used already")
			if log := d.stderr.String(); strings.Contains(log, i.Token) {
				t.Errorf("the log has the token:\n%s", log)
			}
		}
		restart()
	}
	history, err := d.client.History(t.Context(), api.HistoryOptions{Limit: 1})
	if err != nil || !strings.HasPrefix(history.Entries[0].Author, "node/node1, invited by ") {
		t.Errorf("%+v %v", history, err)
	}

	source := a.source(got)
	node, err := api.NewClient("https://"+d.address("api"), api.ClientOptions{TLS: source.Client("127.0.0.1")})
	if err != nil {
		t.Fatal(err)
	}
	defer node.Close()
	if n, err := node.Node(t.Context(), "node1"); err != nil || n.Name != "node1" {
		t.Errorf("as the node: %+v %v", n, err)
	}
	again, err := pki.RequestFor(a.key)
	if err != nil {
		t.Fatal(err)
	}
	if renewed, err := node.Renew(t.Context(), "node1", api.RenewRequest{Request: string(again)}); err != nil || renewed.Certificate == got.Certificate {
		t.Errorf("renew: %v", err)
	}
	var refused *api.Error
	if _, err := node.Renew(t.Context(), "node2", api.RenewRequest{Request: string(again)}); !errors.As(err, &refused) || refused.Code != api.CodeForbidden {
		t.Errorf("renew for another: %v", err)
	}
	if _, err := d.client.Renew(t.Context(), "node1", api.RenewRequest{Request: string(again)}); !errors.As(err, &refused) || refused.Code != api.CodeForbidden {
		t.Errorf("renew by an administrator: %v", err)
	}
	inSync(t, d, "node1", func(ctx context.Context) (net.Conn, error) {
		return (&tls.Dialer{Config: source.Client("127.0.0.1")}).DialContext(ctx, "tcp", d.address("openflow"))
	})
}

// inSync has a switch connect as a node until it is in sync.
func inSync(t *testing.T, d *daemon, node string, dial func(context.Context) (net.Conn, error)) {
	t.Helper()
	sw := simswitch.New(simswitch.Config{DatapathID: openflow.DatapathID(model.DatapathIDFor(node)), Backoff: 10 * time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() {
		defer close(ran)
		sw.Run(ctx, dial)
	}()
	defer func() { cancel(); <-ran }()
	until(t, node+" is in sync", func() bool {
		n, err := d.client.Node(t.Context(), node)
		return err == nil && n.Status.InSync && n.Status.Connected
	})
}

// TestThisMachineNeedsNoCertificate: what connected by plain TCP before sdnd had an
// authority still does, from sdnd's own machine.
func TestThisMachineNeedsNoCertificate(t *testing.T) {
	d := start(t, t.TempDir())
	object, err := api.NewObject("node1", nil, model.NodeSpec{TunnelIP: netip.MustParseAddr("192.168.50.11")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.client.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	inSync(t, d, "node1", func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", d.address("openflow"))
	})
	// An ovsdb-server waits to be asked.
	conn, err := net.Dial("tcp", d.address("ovsdb"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 64)
	if n, err := conn.Read(b); err != nil || !strings.Contains(string(b[:n]), "monitor") {
		t.Errorf("%q %v", b[:n], err)
	}
}

// TestAuthorityStays: it is made once, and one that is lost or damaged is not
// replaced unasked.
func TestAuthorityStays(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "lib", "pki")
	read := func(name string) string {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	stop := func(d *daemon) {
		t.Helper()
		if err := d.stop(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	stop(start(t, dir))
	ca, cert := read("ca.crt"), read("sdnd.crt")
	for _, name := range []string{"ca.key", "sdnd.key"} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
	stop(start(t, dir))
	if read("ca.crt") != ca || read("sdnd.crt") != cert {
		t.Error("a restart changed the certificates")
	}
	// sdnd's own can be renewed.
	if err := os.Remove(filepath.Join(folder, "sdnd.crt")); err != nil {
		t.Fatal(err)
	}
	stop(start(t, dir))
	if read("ca.crt") != ca || read("sdnd.crt") == cert {
		t.Error("sdnd's certificate was not renewed")
	}
	for name, spoil := range map[string]func() error{
		"the key is lost":         func() error { return os.Remove(filepath.Join(folder, "ca.key")) },
		"the certificate is lost": func() error { return os.Remove(filepath.Join(folder, "ca.crt")) },
		"the folder is lost":      func() error { return os.RemoveAll(folder) },
		"the key is damaged":      func() error { return os.WriteFile(filepath.Join(folder, "ca.key"), []byte("x"), 0o600) },
		"it is another's key":     func() error { return os.WriteFile(filepath.Join(folder, "ca.key"), []byte(read("sdnd.key")), 0o600) },
	} {
		copied := filepath.Join(t.TempDir(), "pki")
		if err := os.CopyFS(copied, os.DirFS(folder)); err != nil {
			t.Fatal(err)
		}
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		d := launch(t, dir)
		if err := d.wait(); err == nil || !strings.Contains(d.stderr.String(), "back from a copy") {
			t.Errorf("%s: %v\n%s", name, err, d.stderr)
		}
		if err := errors.Join(os.RemoveAll(folder), os.CopyFS(folder, os.DirFS(copied))); err != nil {
			t.Fatal(err)
		}
	}
	stop(start(t, dir))
	// Another one that an administrator has put there is used, and reported.
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	other := newAuthority(t)
	if err := os.CopyFS(folder, os.DirFS(other.dir)); err != nil {
		t.Fatal(err)
	}
	d := start(t, dir)
	if !strings.Contains(d.stderr.String(), "must be invited again") {
		t.Errorf("the log:\n%s", d.stderr)
	}
}

// TestInviteWithoutAuthority: who cannot invite says why, and what to do.
func TestInviteWithoutAuthority(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--insecure"}, "start it without"},
		{newAuthority(t).flags(), "sdnctl pki node NAME"},
		{nil, "--api-listen :8453"}, // the test's default is to have none
	} {
		d := start(t, t.TempDir(), tt.args...)
		if _, err := d.client.Invite(t.Context(), "node1", api.InvitationRequest{}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v", tt.args, err)
		}
	}
}

// logged waits until the daemon has logged all of the texts: it may do so after
// it has answered.
func (d *daemon) logged(texts ...string) {
	d.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		log := d.stderr.String()
		if !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(log, text) }) {
			return
		}
		if time.Now().After(end) {
			d.t.Errorf("%q is not all in the log:\n%s", texts, log)
			return
		}
	}
}
