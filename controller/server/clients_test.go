package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/pki"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/topology/model"
)

// open sends a request and returns its response while that is still open.
func (s *secured) open(token, path string) *http.Response {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	s.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "GET", "https://"+s.addr+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := (&http.Transport{TLSClientConfig: s.as(pki.Identity{}), DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// TestOneClientLeavesWatchesToOthers: neither a viewer nor all clients on TCP can use up
// what an administrator on the unix socket needs.
func TestOneClientLeavesWatchesToOthers(t *testing.T) {
	s := newSecured(t, func(c *Config) { c.MaxWatchers, c.MaxClientWatchers = 3, 2 })
	viewer, operator := s.tokens[pki.Viewer], s.tokens[pki.Operator]
	for i, tt := range []struct {
		token string
		want  int
	}{{viewer, 200}, {viewer, 200}, {viewer, 429}, {operator, 200}, {operator, 503}} {
		if resp := s.open(tt.token, watchPath); resp.StatusCode != tt.want {
			t.Fatalf("watch %d: %s, want %d", i, resp.Status, tt.want)
		} else if tt.want == 429 && resp.Header.Get("Retry-After") == "" {
			t.Errorf("watch %d is refused without Retry-After", i)
		}
	}
	w := s.watch(0)
	w.next(1)
}

// TestRequestsOfOneClientAreBounded: requests that wait count against their own client.
func TestRequestsOfOneClientAreBounded(t *testing.T) {
	s := newSecured(t, func(c *Config) { c.MaxRequests = 2 })
	s.declareBlue()
	s.fabric.setPending(status.Pending{Node: "node1", Wanted: 1})
	statuses := make(chan int)
	for range 3 {
		go func() {
			status, _ := s.ask(s.as(pki.Identity{}), s.tokens[pki.Viewer], "GET", "/v1/revisions/1/acks?wait=1m", nil)
			statuses <- status
		}()
	}
	if status := <-statuses; status != http.StatusTooManyRequests {
		t.Errorf("the first to be answered: %d", status)
	}
	if status, _ := s.ask(s.as(pki.Identity{}), s.tokens[pki.Operator], "GET", "/v1/status", nil); status != 200 {
		t.Errorf("another client: %d", status)
	}
	s.fabric.setPending()
	for range 2 {
		if status := <-statuses; status != 200 {
			t.Errorf("one within the limit: %d", status)
		}
	}
	if status, _ := s.ask(s.as(pki.Identity{}), s.tokens[pki.Viewer], "GET", "/v1/status", nil); status != 200 {
		t.Errorf("the client once it is done: %d", status)
	}
}

// TestBearerInAnyCase: the name of a scheme is case-insensitive (RFC 9110, 11.1).
func TestBearerInAnyCase(t *testing.T) {
	s := newSecured(t, nil)
	for scheme, want := range map[string]int{"Bearer": 200, "bearer": 200, "BEARER": 200, "Basic": 401, "Bearer2": 401} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", "https://"+s.addr+"/v1/status", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", scheme+" "+s.tokens[pki.Viewer])
		resp, err := (&http.Transport{TLSClientConfig: s.as(pki.Identity{}), DisableKeepAlives: true}).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %s, want %d", scheme, resp.Status, want)
		}
	}
}

// TestRevokedTokenEndsWatches: a client whose token is revoked gets no more events, and its
// watch ends.
func TestRevokedTokenEndsWatches(t *testing.T) {
	for _, tt := range []struct {
		name  string
		every time.Duration
		event bool
	}{{"at the next event", time.Hour, true}, {"when nothing happens", 10 * time.Millisecond, false}} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSecured(t, nil)
			s.server.proofEvery = tt.every
			body := bufio.NewReader(s.open(s.tokens[pki.Viewer], watchPath).Body)
			if line, err := body.ReadString('\n'); err != nil {
				t.Fatalf("%q %v", line, err)
			}
			s.revoke(pki.Viewer)
			if tt.event {
				s.declareBlue()
			}
			for {
				line, err := body.ReadString('\n')
				if strings.Contains(line, api.EventChange) {
					t.Errorf("got %q after the token was revoked", line)
				}
				if err != nil {
					return // it has ended
				}
			}
		})
	}
}

// revoke removes the token of a role from the file of tokens.
func (s *secured) revoke(role pki.Role) {
	s.t.Helper()
	file := filepath.Join(s.dir, "tokens")
	lines, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	var kept strings.Builder
	for line := range strings.Lines(string(lines)) {
		if !strings.HasPrefix(line, "bearer-"+string(role)+" ") {
			kept.WriteString(line)
		}
	}
	// Renamed at once: while a file is written it has no token for a moment.
	if err := os.WriteFile(file+".new", []byte(kept.String()), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		s.t.Fatal(err)
	}
}

// TestRevokedTokenEndsWaits: a request that waits for nodes ends with a refusal when its
// token is revoked, even if nothing else happens. A change that waits ends, too; the change
// is made, and the response names the nodes that have yet to confirm it.
func TestRevokedTokenEndsWaits(t *testing.T) {
	s := newSecured(t, nil)
	s.server.proofEvery = 10 * time.Millisecond
	s.declareBlue()
	s.fabric.setPending(status.Pending{Node: "node1", Wanted: 1})
	ask := func(role pki.Role, method, path string, body any) chan int {
		status := make(chan int, 1)
		go func() {
			got, _ := s.ask(s.as(pki.Identity{}), s.tokens[role], method, path, body)
			status <- got
		}()
		return status
	}
	w := s.watch(1)
	question := ask(pki.Viewer, "GET", "/v1/revisions/1/acks?wait=5m", nil)
	change := ask(pki.Operator, "POST", "/v1/networks?wait=5m", object(t, "red", model.NetworkSpec{CIDR: netip.MustParsePrefix("10.9.0.0/24")}))
	w.next(2) // the change is made
	for _, tt := range []struct {
		name   string
		role   pki.Role
		status chan int
		want   int
	}{{"question", pki.Viewer, question, http.StatusUnauthorized}, {"change", pki.Operator, change, http.StatusCreated}} {
		select {
		case got := <-tt.status:
			t.Fatalf("%s: answered before the token was revoked: %d", tt.name, got)
		case <-time.After(5 * s.server.proofEvery):
		}
		s.revoke(tt.role)
		if got := <-tt.status; got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

// TestExpiredCertificateOnAnOpenConnection: it is refused like one on a new connection.
func TestExpiredCertificateOnAnOpenConnection(t *testing.T) {
	s := newSecured(t, nil)
	issued, err := s.authority.IssueClient(pki.Identity{Kind: pki.User, Name: "alice", Role: pki.Viewer}, time.Now(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(issued.Cert)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	chain := []*x509.Certificate{cert}
	r := &http.Request{TLS: &tls.ConnectionState{PeerCertificates: chain, VerifiedChains: [][]*x509.Certificate{chain}}}
	if _, p := s.server.identify(r); p != nil {
		t.Fatalf("before: %v", p)
	}
	cert.NotAfter = time.Now().Add(-time.Second)
	if _, p := s.server.identify(r); p == nil || p.Status != http.StatusUnauthorized {
		t.Errorf("after: %v", p)
	}
}
