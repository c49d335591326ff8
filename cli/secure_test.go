package cli_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/cli"
	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/pki"
)

// TestProofs: the certificate and token that the flags and the environment name are sent to
// sdnd, and sdnd's certificate is verified.
func TestProofs(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	for _, args := range [][]string{
		{"pki", "init", "127.0.0.1", "--dir", dir},
		{"pki", "user", "alice", "--role", "viewer", "--dir", dir},
	} {
		if code, _, stderr := ctl(t, args...); code != 0 {
			t.Fatalf("%v: exit code %d: %s", args, code, stderr)
		}
	}
	if err := os.WriteFile(file("token"), []byte("from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	source, err := pki.Open(pki.Files{CA: file("ca.crt"), Cert: file("sdnd.crt"), Key: file("sdnd.key")}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	// The server returns the credentials as its version.
	srv := &http.Server{
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			proof := r.Header.Get("Authorization")
			for _, c := range r.TLS.PeerCertificates {
				proof += c.Subject.CommonName
			}
			fmt.Fprintf(w, `{"version":%q}`, proof)
		}),
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		srv.Serve(tls.NewListener(ln, source.Server(tls.VerifyClientCertIfGiven)))
	}()
	t.Cleanup(func() { srv.Close(); <-served })

	cert, key, ca := file("user-alice.crt"), file("user-alice.key"), file("ca.crt")
	for _, tt := range []struct {
		name  string
		flags []string
		env   map[string]string
		want  string
		code  int
	}{
		{"certificate", []string{"--ca", ca, "--cert", cert, "--key", key}, nil, "user/alice", 0},
		{"certificate by the environment", nil, map[string]string{"SDNCTL_CA": ca, "SDNCTL_CERT": cert, "SDNCTL_KEY": key}, "user/alice", 0},
		{"token", []string{"--ca", ca}, map[string]string{"SDNCTL_TOKEN": "from-env"}, "Bearer from-env", 0},
		{"token of a file", []string{"--ca", ca, "--token-file", file("token")}, map[string]string{"SDNCTL_TOKEN": "from-env"}, "Bearer from-file", 0},
		{"nothing", []string{"--ca", ca}, nil, "", 0},
		{"an unknown authority", nil, nil, "unknown authority", cli.ExitUnreachable},
		{"a certificate without key", []string{"--ca", ca, "--cert", cert}, nil, "together", cli.ExitUsage},
		{"no such file", []string{"--token-file", file("none")}, nil, "--token-file", cli.ExitUsage},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out, errs strings.Builder
			env := cli.Env{
				In: strings.NewReader(""), Out: &out, Err: &errs, Now: time.Now,
				Getenv: func(name string) string { return tt.env[name] },
				Author: func() string { return "tester" },
			}
			code := cli.Run(context.Background(), env, append([]string{"--host", "https://" + ln.Addr().String(), "status", "-o", "json"}, tt.flags...))
			if code != tt.code {
				t.Fatalf("exit code %d, want %d: %s", code, tt.code, errs.String())
			}
			if code != 0 {
				if !strings.Contains(errs.String(), tt.want) {
					t.Errorf("said %q, want %q", errs.String(), tt.want)
				}
				return
			}
			var s api.Status
			if err := json.Unmarshal([]byte(out.String()), &s); err != nil || s.Version != tt.want {
				t.Errorf("sdnd was shown %q, want %q (%v)", s.Version, tt.want, err)
			}
		})
	}
}
