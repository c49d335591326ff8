package pki

import (
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const year = 365 * 24 * time.Hour

func newAuthority(t *testing.T) *Authority {
	t.Helper()
	a, err := NewAuthority("test", time.Now(), 10*year)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func parse(t *testing.T, i Issued) *x509.Certificate {
	t.Helper()
	certs, err := ParseCertificates(i.Cert)
	if err != nil {
		t.Fatal(err)
	}
	return certs[0]
}

// verify checks a certificate for a purpose against an authority.
func verify(a *Authority, c *x509.Certificate, use x509.ExtKeyUsage, at time.Time) error {
	pool := x509.NewCertPool()
	pool.AddCert(a.Certificate())
	_, err := c.Verify(x509.VerifyOptions{Roots: pool, KeyUsages: []x509.ExtKeyUsage{use}, CurrentTime: at})
	return err
}

func TestIssueClient(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	now := time.Now()
	for _, who := range []Identity{{Node, "node1", ""}, {User, "alice", Operator}, {Node, "rack-1.node_ü", ""}} {
		t.Run(who.String(), func(t *testing.T) {
			issued, err := a.IssueClient(who, now, year)
			if err != nil {
				t.Fatal(err)
			}
			c := parse(t, issued)
			got, err := IdentityOf(c)
			if err != nil || got != who {
				t.Errorf("identity %+v, %v", got, err)
			}
			if err := verify(a, c, x509.ExtKeyUsageClientAuth, now); err != nil {
				t.Error(err)
			}
			// A node that could be a server could pose as sdnd to the others.
			if verify(a, c, x509.ExtKeyUsageServerAuth, now) == nil {
				t.Error("may be a server, too")
			}
			if verify(other, c, x509.ExtKeyUsageClientAuth, now) == nil {
				t.Error("another authority vouches for it")
			}
			if verify(a, c, x509.ExtKeyUsageClientAuth, now.Add(year+time.Hour)) == nil {
				t.Error("never expires")
			}
		})
	}
}

func TestIssueServer(t *testing.T) {
	a := newAuthority(t)
	issued, err := a.IssueServer([]string{"192.168.50.10", "sdn.example.org"}, time.Now(), year)
	if err != nil {
		t.Fatal(err)
	}
	c := parse(t, issued)
	for host, want := range map[string]bool{"192.168.50.10": true, "sdn.example.org": true, "192.168.50.11": false} {
		if err := c.VerifyHostname(host); (err == nil) != want {
			t.Errorf("%s: %v", host, err)
		}
	}
	if verify(a, c, x509.ExtKeyUsageClientAuth, time.Now()) == nil {
		t.Error("sdnd's certificate may be a client, too")
	}
}

func TestIssueRefuses(t *testing.T) {
	a := newAuthority(t)
	for _, who := range []Identity{{Node, "", ""}, {Node, "a/b", ""}, {Node, "..", ""}, {Node, "a", Admin}, {User, "a", ""}, {User, "a", "root"}, {"thing", "a", ""}} {
		if _, err := a.IssueClient(who, time.Now(), year); err == nil {
			t.Errorf("issued for %+v", who)
		}
	}
	if _, err := a.IssueClient(Identity{Node, "a", ""}, time.Now(), 11*year); err == nil || !strings.Contains(err.Error(), "outlive") {
		t.Errorf("outlives the authority: %v", err)
	}
}

func TestAuthorityOutlivesItsFiles(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "ca.crt"), filepath.Join(dir, "ca.key")
	a := newAuthority(t)
	enc, err := a.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := enc.Write(cert, key, false); err != nil {
		t.Fatal(err)
	}
	if err := enc.Write(cert, key, false); !errors.Is(err, fs.ErrExist) {
		t.Errorf("an authority may be overwritten: %v", err)
	}
	if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key: %v %v", info.Mode(), err)
	}
	read, err := Read(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	b, err := ParseAuthority(read)
	if err != nil {
		t.Fatal(err)
	}
	issued, err := b.IssueClient(Identity{Node, "n", ""}, time.Now(), year)
	if err != nil {
		t.Fatal(err)
	}
	if err := verify(a, parse(t, issued), x509.ExtKeyUsageClientAuth, time.Now()); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	// An issued certificate is no authority, nor is another key its.
	if _, err := ParseAuthority(issued); err == nil {
		t.Error("a node became an authority")
	}
	if _, err := ParseAuthority(Issued{Cert: enc.Cert, Key: issued.Key}); err == nil {
		t.Error("a key that does not belong is taken")
	}
}

func TestIdentityOfForged(t *testing.T) {
	a := newAuthority(t)
	for _, tt := range []struct{ name, uris string }{
		{"none", ""},
		{"two nodes", "sdnctl://node/a sdnctl://node/b"},
		{"slash", "sdnctl://node/a/b"},
		{"escaped slash", "sdnctl://node/a%2fb"},
		{"node with a role", "sdnctl://node/a?role=admin"},
		{"user without role", "sdnctl://user/a"},
		{"unknown role", "sdnctl://user/a?role=root"},
		{"unknown kind", "sdnctl://daemon/a"},
		{"no name", "sdnctl://node"},
		{"another scheme", "https://node/a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := *a.Certificate()
			c.URIs = nil
			for _, u := range strings.Fields(tt.uris) {
				c.URIs = append(c.URIs, mustURL(t, u))
			}
			if got, err := IdentityOf(&c); err == nil {
				t.Errorf("is %+v", got)
			}
		})
	}
}

func TestRoles(t *testing.T) {
	got := map[Role]string{}
	for _, r := range append(Roles(), "", "root") {
		for _, need := range Roles() {
			if r.May(need) {
				got[r] += string(need) + " "
			}
		}
	}
	want := map[Role]string{Viewer: "viewer ", Operator: "viewer operator ", Admin: "viewer operator admin "}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if Admin.May("") {
		t.Error("what needs no known role may be done")
	}
}
