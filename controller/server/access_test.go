package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/pki"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/topology/model"
)

// secured is a server that is reached by TLS.
type secured struct {
	*bed
	authority *pki.Authority
	dir       string
	addr      string
	tokens    map[pki.Role]string
}

func newSecured(t *testing.T, change func(*Config)) *secured {
	t.Helper()
	a, err := pki.NewAuthority("test", time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	s := &secured{authority: a, dir: t.TempDir(), tokens: map[pki.Role]string{}}
	var lines string
	for _, r := range pki.Roles() {
		token, line, err := pki.NewToken(pki.Identity{Kind: pki.User, Name: "bearer-" + string(r), Role: r})
		if err != nil {
			t.Fatal(err)
		}
		s.tokens[r] = token
		lines += line
	}
	if err := os.WriteFile(filepath.Join(s.dir, "tokens"), []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	tokens, err := pki.OpenTokens(filepath.Join(s.dir, "tokens"), log)
	if err != nil {
		t.Fatal(err)
	}
	s.bed = newBed(t, func(c *Config) {
		c.Access = &Access{Tokens: tokens}
		if change != nil {
			change(c)
		}
	})
	issued, err := a.IssueServer([]string{"127.0.0.1"}, time.Now(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = ln.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	var served sync.WaitGroup
	config := s.source("sdnd", issued).Server(tls.VerifyClientCertIfGiven)
	served.Go(func() {
		if err := s.server.Serve(ctx, tls.NewListener(ln, config)); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); served.Wait() })
	return s
}

// source writes a certificate and opens it.
func (s *secured) source(name string, i pki.Issued) *pki.Source {
	s.t.Helper()
	path := func(file string) string { return filepath.Join(s.dir, file) }
	ca, err := s.authority.Encode()
	if err == nil {
		err = ca.Write(path("ca.crt"), path("ca.key"), true)
	}
	files := pki.Files{CA: path("ca.crt")}
	if err == nil && i.Cert != nil {
		files.Cert, files.Key = path(name+".crt"), path(name+".key")
		err = i.Write(files.Cert, files.Key, true)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	source, err := pki.Open(files, slog.New(slog.DiscardHandler))
	if err != nil {
		s.t.Fatal(err)
	}
	return source
}

// as returns a TLS configuration with the certificate of who; without one for the zero
// Identity.
func (s *secured) as(who pki.Identity) *tls.Config {
	s.t.Helper()
	var issued pki.Issued
	if who != (pki.Identity{}) {
		var err error
		if issued, err = s.authority.IssueClient(who, time.Now(), time.Minute); err != nil {
			s.t.Fatal(err)
		}
	}
	return s.source(fmt.Sprint(who.Kind, who.Name), issued).Client("127.0.0.1")
}

// ask sends a request and returns its status and the answer.
func (s *secured) ask(config *tls.Config, token, method, path string, body any) (int, api.Error) {
	s.t.Helper()
	var payload io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			s.t.Fatal(err)
		}
		payload = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, "https://"+s.addr+path, payload)
	if err != nil {
		s.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if method == http.MethodPatch {
		req.Header.Set("Content-Type", mergePatch)
	}
	req.Header.Set(api.AuthorHeader, "somebody else")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := (&http.Transport{TLSClientConfig: config, DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	var e api.Error
	if err := json.NewDecoder(resp.Body).Decode(&e); err != nil && resp.StatusCode >= 400 {
		s.t.Errorf("%s %s: status %d with %v", method, path, resp.StatusCode, err)
	}
	return resp.StatusCode, e
}

// TestRolesOverTCP checks what each role may do, by certificate and by token.
func TestRolesOverTCP(t *testing.T) {
	s := newSecured(t, nil)
	s.declareBlue() // by the unix socket, where nobody has to prove anything
	network := func(name string) api.Object {
		return object(t, name, model.NetworkSpec{CIDR: netip.MustParsePrefix("10.9.0.0/24")})
	}
	node := object(t, "node9", model.NodeSpec{TunnelIP: netip.MustParseAddr("192.168.50.19")})
	requests := []struct {
		name, method, path string
		body               any
		needs              pki.Role
	}{
		{"status", "GET", "/v1/status", nil, pki.Viewer},
		{"metrics are the API's own", "GET", "/openapi.yaml", nil, pki.Viewer},
		{"what would change", "POST", "/v1/apply", api.ApplyRequest{Objects: []api.Object{node}, DryRun: true}, pki.Viewer},
		{"apply", "POST", "/v1/apply", api.ApplyRequest{Objects: []api.Object{network("n1")}}, pki.Operator},
		{"put", "PUT", "/v1/networks/n2", network("n2"), pki.Operator},
		{"delete", "DELETE", "/v1/ports/web1", nil, pki.Operator},
		{"apply of a node", "POST", "/v1/apply", api.ApplyRequest{Objects: []api.Object{network("n3"), node}}, pki.Admin},
		{"delete of a node by apply", "POST", "/v1/apply", api.ApplyRequest{Delete: []api.Key{{Kind: api.KindNode, Name: "node9"}}}, pki.Admin},
		{"create of a node", "POST", "/v1/nodes", node, pki.Admin},
		{"delete of a node", "DELETE", "/v1/nodes/node9", nil, pki.Admin},
		{"what is not known", "POST", "/v1/whatever", nil, pki.Admin},
	}
	for _, role := range pki.Roles() {
		config, nobody := s.as(pki.Identity{Kind: pki.User, Name: "holder-" + string(role), Role: role}), s.as(pki.Identity{})
		for _, r := range requests {
			for by, ask := range map[string]func() (int, api.Error){
				"certificate": func() (int, api.Error) { return s.ask(config, "", r.method, r.path, r.body) },
				"token":       func() (int, api.Error) { return s.ask(nobody, s.tokens[role], r.method, r.path, r.body) },
			} {
				before := s.store.Snapshot().Revision()
				status, e := ask()
				if may := role.May(r.needs); may == (status == http.StatusForbidden) {
					t.Errorf("%s, %s by %s: status %d, %s", r.name, role, by, status, e.Message)
				} else if !may && (e.Code != api.CodeForbidden || s.store.Snapshot().Revision() != before) {
					t.Errorf("%s, %s by %s: %s, and revision %d became %d", r.name, role, by, e.Code, before, s.store.Snapshot().Revision())
				}
			}
		}
	}
}

// TestWriterOfEachKind: the kind decides who may write it, by its own routes and by apply.
func TestWriterOfEachKind(t *testing.T) {
	s := newSecured(t, nil)
	for _, role := range pki.Roles() {
		for _, k := range model.Kinds() {
			kind := api.KindOf(k)
			may := role.May(pki.Operator) && k.Writer() < model.Admin || role == pki.Admin
			for by, ask := range map[string]func() (int, api.Error){
				"apply": func() (int, api.Error) {
					return s.ask(s.as(pki.Identity{}), s.tokens[role], "POST", "/v1/apply", api.ApplyRequest{Delete: []api.Key{{Kind: kind, Name: "none"}}})
				},
				"delete": func() (int, api.Error) {
					return s.ask(s.as(pki.Identity{}), s.tokens[role], "DELETE", "/v1/"+k.Plural()+"/none", nil)
				},
				"put": func() (int, api.Error) {
					return s.ask(s.as(pki.Identity{}), s.tokens[role], "PUT", "/v1/"+k.Plural()+"/none", map[string]any{"labels": map[string]string{"sp ace": ""}})
				},
			} {
				if status, e := ask(); may == (status == http.StatusForbidden) {
					t.Errorf("%s of a %s by %s: status %d, %s", by, k, role, status, e.Message)
				}
			}
		}
	}
}

// TestChangesAreRecordedWithWhoMadeThem: the name comes from the credentials, not from what
// the client claims.
func TestChangesAreRecordedWithWhoMadeThem(t *testing.T) {
	s := newSecured(t, nil)
	put := func(config *tls.Config, token, name string) {
		t.Helper()
		if status, e := s.ask(config, token, "PUT", "/v1/networks/"+name, object(t, name, model.NetworkSpec{CIDR: netip.MustParsePrefix("10.9.0.0/24")})); status != 200 {
			t.Fatalf("status %d: %s", status, e.Message)
		}
	}
	put(s.as(pki.Identity{Kind: pki.User, Name: "alice", Role: pki.Operator}), "", "n1")
	put(s.as(pki.Identity{}), s.tokens[pki.Operator], "n2")
	// With both a certificate and a token, the token counts.
	put(s.as(pki.Identity{Kind: pki.User, Name: "alice", Role: pki.Operator}), s.tokens[pki.Admin], "n3")
	entries, err := s.store.History(0, 10, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Author)
	}
	if d := cmp.Diff([]string{"bearer-admin", "bearer-operator", "alice"}, got); d != "" {
		t.Error(d)
	}
}

func TestNoOneGetsIn(t *testing.T) {
	s := newSecured(t, nil)
	nobody := s.as(pki.Identity{})
	for _, tt := range []struct {
		name, token string
		config      *tls.Config
		status      int
		code        string
	}{
		{"nobody", "", nobody, 401, api.CodeUnauthenticated},
		{"a token made up", "sdnctl_AAAA", nobody, 401, api.CodeUnauthenticated},
		// A wrong token is refused even with a valid certificate.
		{"a wrong token", "x", s.as(pki.Identity{Kind: pki.User, Name: "alice", Role: pki.Admin}), 401, api.CodeUnauthenticated},
		{"a node", "", s.as(pki.Identity{Kind: pki.Node, Name: "node1"}), 403, api.CodeForbidden},
	} {
		for _, path := range []string{"/v1/status", "/v1/watch", "/metrics", "/openapi.json", "/v1/nothing"} {
			if status, e := s.ask(tt.config, tt.token, "GET", path, nil); status != tt.status || e.Code != tt.code {
				t.Errorf("%s, %s: %d %s", tt.name, path, status, e.Code)
			}
		}
	}
	if status, _ := s.ask(nobody, "", "GET", "/healthz", nil); status != 200 {
		t.Errorf("/healthz: %d", status)
	}
	resp, err := http.Get("http://" + s.addr + "/v1/status")
	if err == nil {
		resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("plain HTTP is answered with %s", resp.Status)
		}
	}
}

func TestRequestRate(t *testing.T) {
	s := newSecured(t, func(c *Config) { c.MaxRate = 1 })
	nobody := s.as(pki.Identity{})
	statuses := func(token string) (out string) {
		for range 5 {
			status, _ := s.ask(nobody, token, "GET", "/v1/status", nil)
			out += fmt.Sprintf("%d ", status)
		}
		return out
	}
	if got := statuses(s.tokens[pki.Viewer]); !strings.HasPrefix(got, "200 200 ") || !strings.Contains(got, "429") {
		t.Errorf("too many: %s", got)
	}
	// Others are served.
	if got := statuses(s.tokens[pki.Admin]); !strings.HasPrefix(got, "200 ") {
		t.Errorf("another client: %s", got)
	}
	for range 20 {
		if _, err := s.client.Status(t.Context()); err != nil {
			t.Fatalf("the unix socket: %v", err)
		}
	}
	r := newRates(1)
	for i := range 3 * maxClients {
		r.allow(fmt.Sprint(i))
	}
	if len(r.clients) > maxClients {
		t.Errorf("%d clients are remembered", len(r.clients))
	}
}

// TestHeaderIsBounded: the size of a header is limited.
func TestHeaderIsBounded(t *testing.T) {
	b := newBed(t, nil)
	resp, _ := b.raw("GET", "/v1/status", "", http.Header{"X-Large": {strings.Repeat("x", 2*maxHeader)}})
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a header of %d bytes: %s", 2*maxHeader, resp.Status)
	}
}

// TestNodeShowsItsCertificate: the status shows when a node's certificate expires.
func TestNodeShowsItsCertificate(t *testing.T) {
	b := newBed(t, nil)
	b.declareBlue()
	end := clock().Add(time.Hour)
	b.fabric.setNode(status.Node{Node: "node1", CertificateExpires: end})
	for name, want := range map[string]*time.Time{"node1": &end, "node2": nil} {
		n, err := b.client.Node(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, n.Status.CertificateExpires); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// TestNeededRole: the greatest of the roles that its ops need may make a transaction. A kind that
// viewers may write can be declared.
func TestNeededRole(t *testing.T) {
	for _, tt := range []struct {
		writers []model.Role
		want    pki.Role
	}{
		{nil, pki.Operator},
		{[]model.Role{model.Viewer}, pki.Viewer},
		{[]model.Role{model.Viewer, model.NodeItself}, pki.Operator},
		{[]model.Role{model.Operator, model.Viewer}, pki.Operator},
		{[]model.Role{model.Operator, model.Admin, model.Viewer}, pki.Admin},
	} {
		if got := needed(tt.writers); got != tt.want {
			t.Errorf("%v: %v, want %v", tt.writers, got, tt.want)
		}
	}
}
