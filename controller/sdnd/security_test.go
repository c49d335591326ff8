package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/pki"
	"github.com/sdnctl/sdnctl/integration/simswitch"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology/model"
)

// authority is a folder with an authority and sdnd's certificate.
type authority struct {
	t *testing.T
	*pki.Authority
	dir string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a, err := pki.NewAuthority("test", time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	x := &authority{t, a, t.TempDir()}
	ca, err := a.Encode()
	if err == nil {
		err = ca.Write(x.path("ca.crt"), x.path("ca.key"), false)
	}
	if err != nil {
		t.Fatal(err)
	}
	x.server(30 * time.Minute)
	return x
}

func (a *authority) path(name string) string { return filepath.Join(a.dir, name) }

// server gives sdnd a new certificate.
func (a *authority) server(lasts time.Duration) {
	a.t.Helper()
	issued, err := a.IssueServer([]string{"127.0.0.1"}, time.Now(), lasts)
	if err == nil {
		err = issued.Write(a.path("sdnd.crt"), a.path("sdnd.key"), true)
	}
	if err != nil {
		a.t.Fatal(err)
	}
}

// flags are those that have sdnd use the certificates.
func (a *authority) flags(more ...string) []string {
	return append([]string{"--tls-ca", a.path("ca.crt"), "--tls-cert", a.path("sdnd.crt"), "--tls-key", a.path("sdnd.key")}, more...)
}

// client returns the configuration of a client with a certificate.
func (a *authority) client(who pki.Identity) *tls.Config {
	a.t.Helper()
	files := pki.Files{CA: a.path("ca.crt"), Cert: a.path(who.Name + ".crt"), Key: a.path(who.Name + ".key")}
	issued, err := a.IssueClient(who, time.Now(), 20*time.Minute)
	if err == nil {
		err = issued.Write(files.Cert, files.Key, true)
	}
	if err != nil {
		a.t.Fatal(err)
	}
	s, err := pki.Open(files, slog.New(slog.DiscardHandler))
	if err != nil {
		a.t.Fatal(err)
	}
	return s.Client("127.0.0.1")
}

// address returns where the daemon says it listens, for key.
func (d *daemon) address(key string) string {
	d.t.Helper()
	line := regexp.MustCompile(` ` + key + `=(\S+)`)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); <-tick.C {
		if m := line.FindStringSubmatch(d.stderr.String()); m != nil {
			return m[1]
		}
	}
	d.t.Fatalf("no %s in the log:\n%s", key, d.stderr)
	return ""
}

// TestInsecureIsReportedWhileItLasts: plain TCP has to be asked for.
func TestInsecureIsReportedWhileItLasts(t *testing.T) {
	for _, tt := range []struct {
		args     []string
		host     string
		insecure string
	}{
		{[]string{"--openflow-listen", ":0", "--ovsdb-listen", ":0"}, "[::]", ""},
		{[]string{"--openflow-listen", ":0", "--ovsdb-listen", ":0", "--insecure"}, "[::]", "everybody who can reach sdnd can impersonate any of them"},
		{newAuthority(t).flags("--openflow-listen", ":0", "--ovsdb-listen", ":0"), "[::]", ""},
	} {
		d := start(t, t.TempDir(), tt.args...)
		status, err := d.client.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(status.Insecure, "\n"); !strings.Contains(got, tt.insecure) || (got == "") != (tt.insecure == "") {
			t.Errorf("%v: status says %q, want %q", tt.args, got, tt.insecure)
		}
		if err := d.stop(os.Interrupt); err != nil {
			t.Error(err)
		}
		for _, key := range []string{"openflow", "ovsdb"} {
			if host, _, err := net.SplitHostPort(d.address(key)); err != nil || host != strings.Trim(tt.host, "[]") {
				t.Errorf("%v: %s listens on %s, want %s", tt.args, key, host, tt.host)
			}
		}
		if tt.insecure != "" && !strings.Contains(d.stderr.String(), "level=WARN msg=insecure") {
			t.Errorf("%v: no warning in:\n%s", tt.args, d.stderr)
		}
	}
}

func TestInsecureIsRefusedUnlessAsked(t *testing.T) {
	a := newAuthority(t)
	key := a.path("ca.key")
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--insecure", "--api-listen", "127.0.0.1:0"}, "or --api-insecure"},
		{[]string{"--insecure", "--api-socket", ""}, "nobody could reach sdnd"},
		{[]string{"--tls-cert", a.path("sdnd.crt")}, "given together"},
		{a.flags("--insecure"), "leave out --insecure"},
		{[]string{"--tls-ca", a.path("ca.crt"), "--tls-cert", a.path("sdnd.crt"), "--tls-key", key}, "does not match"},
		{[]string{"--tls-ca", key, "--tls-cert", a.path("sdnd.crt"), "--tls-key", a.path("sdnd.key")}, "no certificate"},
		{[]string{"--api-tokens", a.path("none")}, "--api-tokens"},
	} {
		t.Run(strings.Join(tt.args[:1], " "), func(t *testing.T) {
			d := launch(t, t.TempDir(), tt.args...)
			var exit *exec.ExitError
			if err := d.wait(); !errors.As(err, &exit) || !strings.Contains(d.stderr.String(), tt.want) {
				t.Errorf("%v, want %q in:\n%s", err, tt.want, d.stderr)
			}
		})
	}
}

// TestAPIOverTLS uses the daemon as a user far away does.
func TestAPIOverTLS(t *testing.T) {
	a := newAuthority(t)
	token, line, err := pki.NewToken(pki.Identity{Kind: pki.User, Name: "ci", Role: pki.Operator})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.path("tokens"), []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	d := start(t, t.TempDir(), a.flags("--api-listen", "127.0.0.1:0", "--api-tokens", a.path("tokens"))...)
	host := "https://" + d.address("api")
	client := func(o api.ClientOptions) *api.Client {
		t.Helper()
		c, err := api.NewClient(host, o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	alice := client(api.ClientOptions{TLS: a.client(pki.Identity{Kind: pki.User, Name: "alice", Role: pki.Operator})})
	anonymous := a.client(pki.Identity{Kind: pki.User, Name: "nobody", Role: pki.Viewer})
	anonymous.GetClientCertificate = nil
	ci := client(api.ClientOptions{TLS: anonymous, Token: token})
	for name, c := range map[string]*api.Client{"blue": alice, "green": ci} {
		network, err := api.NewObject(name, nil, model.NetworkSpec{CIDR: netip.MustParsePrefix("10.0.0.0/24")})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Create(t.Context(), network); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	history, err := d.client.History(t.Context(), api.HistoryOptions{From: 0, Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	authors := map[string]bool{}
	for _, e := range history.Entries {
		authors[e.Author] = true
	}
	if !authors["alice"] || !authors["ci"] {
		t.Errorf("authors: %v", authors)
	}
	var refused *api.Error
	if _, err := client(api.ClientOptions{TLS: anonymous}).Status(t.Context()); !errors.As(err, &refused) || refused.Code != api.CodeUnauthenticated {
		t.Errorf("nobody: %v", err)
	}
	if _, err := client(api.ClientOptions{}).Status(t.Context()); err == nil {
		t.Error("a certificate of an authority that the client does not know is taken")
	}
}

// TestRotationKeepsTheSession changes sdnd's certificate while a switch is
// connected by it.
func TestRotationKeepsTheSession(t *testing.T) {
	a := newAuthority(t)
	d := start(t, t.TempDir(), a.flags()...)
	node, err := api.NewObject("node1", nil, model.NodeSpec{TunnelIP: netip.MustParseAddr("192.168.50.11")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.client.Create(t.Context(), node); err != nil {
		t.Fatal(err)
	}
	config := a.client(pki.Identity{Kind: pki.Node, Name: "node1"})
	config.ServerName = "127.0.0.1"
	served := make(chan []byte, 10) // serial numbers of sdnd's certificates
	sw := simswitch.New(simswitch.Config{DatapathID: openflow.DatapathID(model.DatapathIDFor("node1")), Backoff: 10 * time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan struct{})
	addr := d.address("openflow")
	go func() {
		defer close(ran)
		sw.Run(ctx, func(ctx context.Context) (net.Conn, error) {
			conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", addr)
			if err == nil {
				served <- conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.Bytes()
			}
			return conn, err
		})
	}()
	defer func() { cancel(); <-ran }()
	status := func() *api.NodeStatus {
		t.Helper()
		n, err := d.client.Node(t.Context(), "node1")
		if err != nil {
			t.Fatal(err)
		}
		return n.Status
	}
	until(t, "node1 is in sync", func() bool { return status().InSync })
	before, first := status(), <-served
	expiry := d.metric("sdnd_tls_certificate_expiry_seconds", `certificate="own"`)

	a.server(50 * time.Minute)
	until(t, "the metric is that of the new certificate", func() bool {
		return d.metric("sdnd_tls_certificate_expiry_seconds", `certificate="own"`) != expiry && d.metric("sdnd_tls_reload_failed", "") == "0"
	})
	conn, err := tls.Dial("tcp", addr, config)
	if err != nil {
		t.Fatal(err)
	}
	if string(conn.ConnectionState().PeerCertificates[0].SerialNumber.Bytes()) == string(first) {
		t.Error("a new connection gets the old certificate")
	}
	conn.Close()
	if after := status(); !after.Connected || after.Address != before.Address || !after.Since.Equal(*before.Since) {
		t.Errorf("the session did not last: %+v, before %+v", after, before)
	}
	if len(served) != 0 {
		t.Error("the switch connected again")
	}
	if d.metric("sdnd_tls_certificate_expiry_seconds", `certificate="node/node1"`) == "" {
		t.Error("no expiry of the node's certificate")
	}
}

// metric returns the value of a metric, "" if there is none.
func (d *daemon) metric(name, label string) string {
	d.t.Helper()
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, "unix", filepath.Join(d.dir, "run", "sdnd.sock"))
	}}
	resp, err := (&http.Client{Transport: transport}).Get("http://sdnd/metrics")
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, name) && strings.Contains(line, label) {
			return line[strings.LastIndexByte(strings.TrimSpace(line), ' ')+1 : len(line)-1]
		}
	}
	return ""
}
