package membership

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/pki"
)

// enroller is an sdnd that redeems one invitation and renews certificates.
type enroller struct {
	*testing.T
	authority  *pki.Authority
	invitation pki.Invitation
	redeemed   int
	renewed    []string // by the common name of the client's certificate
	addr       netip.AddrPort
}

func newEnroller(t *testing.T) *enroller {
	t.Helper()
	authority, err := pki.NewAuthority("test", time.Now(), 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	e := &enroller{T: t, authority: authority}
	if e.invitation, err = pki.NewInvitation(pki.FingerprintOf(authority.Certificate())); err != nil {
		t.Fatal(err)
	}
	issued, err := authority.IssueServer([]string{"127.0.0.1"}, time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := authority.Encode()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := tls.X509KeyPair(append(issued.Cert, ca.Cert...), issued.Key)
	if err != nil {
		t.Fatal(err)
	}
	clients := x509.NewCertPool()
	clients.AddCert(authority.Certificate())
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/enroll", e.enroll)
	mux.HandleFunc("POST /v1/nodes/node1/certificate", e.renew)
	server := httptest.NewUnstartedServer(mux)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, ClientCAs: clients, ClientAuth: tls.VerifyClientCertIfGiven}
	server.StartTLS()
	t.Cleanup(server.Close)
	e.addr = netip.MustParseAddrPort(server.Listener.Addr().String())
	return e
}

// answer signs the request for a certificate that is valid for the given time.
func (e *enroller) answer(w http.ResponseWriter, request string, lasts time.Duration) {
	cert, err := e.authority.SignClient([]byte(request), pki.Identity{Kind: pki.Node, Name: "node1"}, time.Now(), lasts)
	if err != nil {
		e.Error(err)
	}
	ca, err := e.authority.Encode()
	if err != nil {
		e.Error(err)
	}
	out := map[string]any{"node": map[string]any{"kind": "Node", "name": "node1"}, "certificate": string(cert), "ca": string(ca.Cert), "expires": time.Now().Add(lasts)}
	if err := json.NewEncoder(w).Encode(out); err != nil {
		e.Error(err)
	}
}

func (e *enroller) enroll(w http.ResponseWriter, r *http.Request) {
	var in api.EnrollRequest
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		e.Error(err)
	}
	if in.Token != e.invitation.String() || e.redeemed > 0 {
		w.WriteHeader(http.StatusForbidden)
		_ = json.NewEncoder(w).Encode(api.Error{Code: api.CodeForbidden, Message: "the invitation was used before"})
		return
	}
	e.redeemed++
	e.answer(w, in.Request, 10*time.Minute)
}

func (e *enroller) renew(w http.ResponseWriter, r *http.Request) {
	var in api.RenewRequest
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		e.Error(err)
	}
	for _, c := range r.TLS.PeerCertificates[:min(1, len(r.TLS.PeerCertificates))] {
		e.renewed = append(e.renewed, c.URIs[0].String())
	}
	e.answer(w, in.Request, 30*time.Minute)
}

// join is a request to join with the invitation. The key's owner is looked up at a socket that
// does not exist, so it stays root's.
func (e *enroller) join(f *fake, dir string) Join {
	h := f.host(e.T)
	h.Dir, h.RunDir = dir, filepath.Join(dir, "none")
	return Join{
		Host: h, Node: "node1", Controller: e.addr.Addr(), APIPort: e.addr.Port(), OVSDBPort: DefaultOVSDBPort,
		Invitation: &e.invitation, Blind: true,
	}
}

// TestJoinWithInvitation: the machine gets the certificate and the key of the node, and node.yaml
// leads to sdnd. Joining again with the used invitation is no error on this machine, and is one
// on another.
func TestJoinWithInvitation(t *testing.T) {
	e, dir := newEnroller(t), t.TempDir()
	for range 2 {
		f := &fake{states: []tables{{}, joined(1, "", false)}}
		d, err := e.join(f, dir).Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !d.Declared(t.Context()) {
			t.Error("not declared by the invitation")
		}
		if !strings.Contains(strings.Join(f.changes, "\n"), "ssl:127.0.0.1:6653") {
			t.Errorf("the bridge does not connect by TLS: %q", f.changes)
		}
		d.Close()
	}
	if e.redeemed != 1 {
		t.Errorf("redeemed %d times", e.redeemed)
	}
	h := Host{Dir: dir, Now: time.Now}
	c, err := h.Config()
	if err != nil || c.Node != "node1" || c.Host != "https://"+e.addr.String() {
		t.Errorf("node.yaml: %+v, %v", c, err)
	}
	if who, _, err := c.files().CheckClient(time.Now()); err != nil || who.Name != "node1" {
		t.Errorf("certificate of %v: %v", who, err)
	}
	if info, err := os.Stat(c.Key); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key may be read by others: %v, %v", info.Mode(), err)
	}

	f, other := &fake{states: []tables{{}}}, t.TempDir()
	_, err = e.join(f, other).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "used before") || len(f.changes) > 0 {
		t.Errorf("on another machine: %v, changes %q", err, f.changes)
	}
	if files, err := filepath.Glob(filepath.Join(other, "*")); err != nil || len(files) > 0 {
		t.Errorf("left on another machine: %q, %v", files, err)
	}
}

// TestJoinWithInvitationOfAnotherSdnd: a server that is not of the invitation's CA
// gets neither the token nor a request.
func TestJoinWithInvitationOfAnotherSdnd(t *testing.T) {
	e, other := newEnroller(t), newEnroller(t)
	e.invitation = other.invitation
	f := &fake{states: []tables{{}}}
	_, err := e.join(f, t.TempDir()).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "the server is not of the CA") || len(f.changes) > 0 || e.redeemed > 0 {
		t.Errorf("%v, redeemed %d, changes %q", err, e.redeemed, f.changes)
	}
}

// TestRenew: the node authenticates with its certificate and keeps its key. A certificate that is
// valid for longer than the limit stays, and one that has expired is an error that says what to do.
func TestRenew(t *testing.T) {
	e, dir := newEnroller(t), t.TempDir()
	f := &fake{states: []tables{{}, joined(1, "", false)}}
	d, err := e.join(f, dir).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d.Close()
	h := e.join(f, dir).Host
	c, err := h.Config()
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) string {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	key, cert := read(c.Key), read(c.Cert)
	if r, err := h.Renew(t.Context(), time.Minute); err != nil || r.Renewed || read(c.Cert) != cert {
		t.Errorf("valid for 10 minutes, renewed when it has one left: %+v, %v", r, err)
	}
	r, err := h.Renew(t.Context(), time.Hour)
	if err != nil || !r.Renewed || time.Until(r.Expires) < 20*time.Minute {
		t.Errorf("%+v, %v", r, err)
	}
	if len(e.renewed) != 1 || e.renewed[0] != "sdnctl://node/node1" {
		t.Errorf("asked as %q", e.renewed)
	}
	if read(c.Key) != key || read(c.Cert) == cert {
		t.Error("want the same key and another certificate")
	}
	if who, expires, err := c.files().CheckClient(time.Now()); err != nil || who.Name != "node1" || time.Until(expires) < 20*time.Minute {
		t.Errorf("certificate of %v until %v: %v", who, expires, err)
	}
	h.Now = func() time.Time { return time.Now().Add(40 * time.Minute) }
	if _, err := h.Renew(t.Context(), 0); err == nil || !strings.Contains(err.Error(), "sdnctl node invite node1") {
		t.Errorf("expired: %v", err)
	}
	if _, err := (Host{Dir: t.TempDir(), Now: time.Now}).Renew(t.Context(), 0); err == nil || !strings.Contains(err.Error(), "only a node that has joined with a certificate") {
		t.Errorf("no node: %v", err)
	}
}
