package server

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/pki"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestRefusalIsRead: a client that sends all of a large body before it reads, as curl does,
// gets the refusal, and not a reset connection, whatever the reason.
func TestRefusalIsRead(t *testing.T) {
	const size = 32 << 20
	s := newSecured(t, func(c *Config) { c.MaxRequests, c.MaxApply = 1, 4<<20 })
	body := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(body, bytes.Repeat([]byte(" "), size), 0o600); err != nil {
		t.Fatal(err)
	}
	// A request of the operator is open, which is the limit.
	operator := pki.Identity{Kind: pki.User, Name: "bearer-operator", Role: pki.Operator}
	release, why := s.server.requests.acquire(client{name: operator.String()})
	if why != granted {
		t.Fatal(why)
	}
	defer release()
	for _, tt := range []struct {
		name, token, path string
		want              int
	}{
		{"too large", s.tokens[pki.Viewer], "/v1/apply", http.StatusRequestEntityTooLarge},
		{"unknown token", "wrong", "/v1/apply", http.StatusUnauthorized},
		{"may not", s.tokens[pki.Viewer], "/v1/ports", http.StatusForbidden},
		{"too many", s.tokens[pki.Operator], "/v1/apply", http.StatusTooManyRequests},
		{"no such path", s.tokens[pki.Admin], "/v1/prots", http.StatusNotFound},
	} {
		for _, form := range []string{"", "chunked"} {
			t.Run(strings.TrimSpace(tt.name+" "+form), func(t *testing.T) {
				conn, err := tls.Dial("tcp", s.addr, s.as(pki.Identity{}))
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				length := fmt.Sprintf("Content-Length: %d", size)
				if form == "chunked" {
					length = "Transfer-Encoding: chunked"
				}
				fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: sdnd\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n%s\r\n\r\n", tt.path, tt.token, length)
				if form == "chunked" {
					fmt.Fprintf(conn, "%x\r\n", size)
				}
				if _, err := io.Copy(conn, bytes.NewReader(bytes.Repeat([]byte(" "), size))); err != nil {
					t.Fatalf("sending: %v", err)
				}
				if form == "chunked" {
					io.WriteString(conn, "\r\n0\r\n\r\n")
				}
				resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					t.Fatalf("reading the answer: %v", err)
				}
				defer resp.Body.Close()
				var e api.Error
				if err := json.NewDecoder(resp.Body).Decode(&e); err != nil || resp.StatusCode != tt.want || e.Code == "" {
					t.Errorf("%s: %+v %v", resp.Status, e, err)
				}
			})
			t.Run(strings.TrimSpace("curl "+tt.name+" "+form), func(t *testing.T) {
				curl, err := exec.LookPath("curl")
				if err != nil {
					t.Skip("needs curl")
				}
				args := []string{"-sS", "-k", "-w", "\n%{http_code}", "-H", "Expect:", "-H", "Content-Type: application/json",
					"-H", "Authorization: Bearer " + tt.token, "--data-binary", "@" + body, "https://" + s.addr + tt.path}
				if form == "chunked" {
					args = append([]string{"-H", "Transfer-Encoding: chunked"}, args...)
				}
				out, err := exec.CommandContext(t.Context(), curl, args...).CombinedOutput()
				if err != nil || !bytes.HasSuffix(out, fmt.Appendf(nil, "\n%d", tt.want)) || !bytes.Contains(out, []byte(`"code"`)) {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
	}
	t.Run("sdnctl", func(t *testing.T) {
		c, err := api.NewClient("https://"+s.addr, api.ClientOptions{TLS: s.as(pki.Identity{}), Token: s.tokens[pki.Viewer]})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		large := object(t, "blue", model.NetworkSpec{CIDR: netip.MustParsePrefix("10.0.0.0/24")})
		large.Labels = map[string]string{"a": strings.Repeat("a", size)}
		_, err = c.Apply(t.Context(), api.ApplyRequest{Objects: []api.Object{large}})
		var e *api.Error
		if !errors.As(err, &e) || e.Code != api.CodeTooLarge {
			t.Errorf("%v", err)
		}
	})
}
