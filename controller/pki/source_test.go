package pki

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func mustURL(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// place writes the files of an authority and of a certificate that it issued, and returns their
// names.
func place(t *testing.T, dir string, a *Authority, i Issued) Files {
	t.Helper()
	f := Files{CA: filepath.Join(dir, "ca.crt"), Cert: filepath.Join(dir, "a.crt"), Key: filepath.Join(dir, "a.key")}
	enc, err := a.Encode()
	if err == nil {
		err = enc.Write(f.CA, filepath.Join(dir, "ca.key"), true)
	}
	if err == nil {
		err = i.Write(f.Cert, f.Key, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func open(t *testing.T, f Files) *Source {
	t.Helper()
	s, err := Open(f, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func issueNode(t *testing.T, a *Authority, name string) Issued {
	t.Helper()
	i, err := a.IssueClient(Identity{Node, name, ""}, time.Now(), year)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func issueServer(t *testing.T, a *Authority, host string) Issued {
	t.Helper()
	i, err := a.IssueServer([]string{host}, time.Now(), year)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// meet does a handshake between a client and a server, and returns both ends and the result of
// NodeOf.
func meet(t *testing.T, server, client *tls.Config) (s, c *tls.Conn, node string, err error) {
	t.Helper()
	a, b := net.Pipe()
	s, c = tls.Server(a, server), tls.Client(b, client)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var clientErr error
	var wg sync.WaitGroup
	wg.Go(func() {
		if clientErr = c.HandshakeContext(ctx); clientErr == nil {
			// In TLS 1.3 the client learns of a refusal only when it reads.
			_, clientErr = io.ReadFull(c, make([]byte, 1))
		}
		if clientErr != nil {
			b.Close()
		}
	})
	node, _, err = NodeOf(ctx, s)
	if err == nil {
		_, err = s.Write([]byte{1})
	} else {
		a.Close()
	}
	wg.Wait()
	t.Cleanup(func() { a.Close(); b.Close() })
	return s, c, node, errors.Join(err, clientErr)
}

func TestNodeOf(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	source := open(t, place(t, t.TempDir(), a, issueServer(t, a, "sdnd")))
	server := source.Server(tls.RequireAndVerifyClientCert)
	client := func(a *Authority, i Issued) *tls.Config {
		c := open(t, place(t, t.TempDir(), a, i)).Client("127.0.0.1")
		c.ServerName = "sdnd"
		return c
	}
	user, err := a.IssueClient(Identity{User, "alice", Admin}, time.Now(), year)
	if err != nil {
		t.Fatal(err)
	}
	late, err := a.IssueClient(Identity{Node, "node1", ""}, time.Now().Add(-2*year), year)
	if err != nil {
		t.Fatal(err)
	}
	foreignClient := client(other, issueNode(t, other, "node1"))
	foreignClient.VerifyConnection = client(a, user).VerifyConnection
	old := client(a, issueNode(t, a, "node1"))
	old.MinVersion, old.MaxVersion = tls.VersionTLS11, tls.VersionTLS11
	bare := client(a, user)
	bare.GetClientCertificate = nil
	for _, tt := range []struct {
		name   string
		client *tls.Config
		want   string // part of the error, "" for none
	}{
		{"node", client(a, issueNode(t, a, "node1")), ""},
		{"user", client(a, user), "is for user/alice, not for a node"},
		{"sdnd itself", client(a, issueServer(t, a, "sdnd")), "refused"},
		{"none", bare, "certificate"},
		{"expired", client(a, late), "expired"},
		{"another authority", foreignClient, "unknown authority"},
		{"does not trust us", client(other, issueNode(t, a, "node1")), "refuses our certificate"},
		{"TLS 1.1", old, "protocol version"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, node, err := meet(t, server, tt.client)
			if tt.want == "" {
				if err != nil || node != "node1" {
					t.Errorf("node %q, %v", node, err)
				}
			} else if err == nil || !strings.Contains(err.Error(), tt.want) || node != "" {
				t.Errorf("node %q, %v, want %q", node, err, tt.want)
			}
		})
	}
}

func TestPlainTCPIsDistinguished(t *testing.T) {
	a := newAuthority(t)
	source := open(t, place(t, t.TempDir(), a, issueServer(t, a, "sdnd")))
	x, y := net.Pipe()
	defer y.Close()
	defer x.Close()
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { y.Write([]byte{4, 0, 0, 8, 0, 0, 0, 1}); io.Copy(io.Discard, y) })
	_, _, err := NodeOf(t.Context(), tls.Server(x, source.Server(tls.RequireAndVerifyClientCert)))
	if err == nil || !strings.Contains(err.Error(), "plain TCP") {
		t.Error(err)
	}
	x.Close()
}

// TestRotation changes the authority, the certificate and the key under an open session.
func TestRotation(t *testing.T) {
	first, second := newAuthority(t), newAuthority(t)
	dir := t.TempDir()
	source := open(t, place(t, dir, first, issueServer(t, first, "sdnd")))
	server := source.Server(tls.RequireAndVerifyClientCert)
	client := func(a *Authority) *tls.Config {
		c := open(t, place(t, t.TempDir(), a, issueNode(t, a, "node1"))).Client("127.0.0.1")
		c.ServerName = "sdnd"
		return c
	}
	s, c, _, err := meet(t, server, client(first))
	if err != nil {
		t.Fatal(err)
	}
	still := func() {
		t.Helper()
		go s.Write([]byte("x"))
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
			t.Errorf("the open session ended: %v", err)
		}
	}
	before := source.Expiries()[0]

	// Half of a change: a certificate without its key.
	next, err := second.IssueServer([]string{"sdnd"}, time.Now(), 2*year)
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(dir, "a.key"))
	if err != nil {
		t.Fatal(err)
	}
	place(t, dir, second, Issued{Cert: next.Cert, Key: key})
	if _, _, _, err := meet(t, server, client(first)); err != nil {
		t.Errorf("during the change: %v", err)
	}
	if source.Err() == nil {
		t.Error("that the new files do not match is not reported")
	}
	still()

	place(t, dir, second, next)
	if _, _, _, err := meet(t, server, client(second)); err != nil {
		t.Errorf("after the change: %v", err)
	}
	if _, _, _, err := meet(t, server, client(first)); err == nil {
		t.Error("what the old authority signed is still taken")
	}
	still()
	if err := source.Err(); err != nil {
		t.Error(err)
	}
	if after := source.Expiries()[0]; !after.NotAfter.After(before.NotAfter) {
		t.Errorf("expires %v, before %v", after, before)
	}
	// If the files are gone, the contents in memory stay in use.
	for _, f := range []string{"ca.crt", "a.crt", "a.key"} {
		if err := os.Remove(filepath.Join(dir, f)); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, _, err := meet(t, server, client(second)); err != nil {
		t.Errorf("without files: %v", err)
	}
}

func TestTokens(t *testing.T) {
	alice, line, err := NewToken(Identity{User, "alice", Operator})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(line, strings.TrimPrefix(alice, tokenPrefix)) {
		t.Error("the line gives the token away")
	}
	if _, _, err := NewToken(Identity{Node, "n", ""}); err == nil {
		t.Error("a token for a node")
	}
	name := filepath.Join(t.TempDir(), "tokens")
	write := func(text string) {
		t.Helper()
		if err := WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("# who may\n\n" + line)
	tokens, err := OpenTokens(name, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	want := Identity{User, "alice", Operator}
	if who, ok := tokens.Lookup(alice); !ok || who != want {
		t.Errorf("%+v %t", who, ok)
	}
	for _, bad := range []string{"", "sdnctl_", alice + "x", alice[:len(alice)-1], line} {
		if who, ok := tokens.Lookup(bad); ok {
			t.Errorf("%q is %+v", bad, who)
		}
	}
	bob, more, err := NewToken(Identity{User, "bob", Viewer})
	if err != nil {
		t.Fatal(err)
	}
	write(more)
	if _, ok := tokens.Lookup(alice); ok {
		t.Error("a token that was taken out of the file still counts")
	}
	if _, ok := tokens.Lookup(bob); !ok {
		t.Error("a token that was added does not count")
	}
	write(more + "broken\n")
	if _, ok := tokens.Lookup(bob); ok {
		t.Error("a file that cannot be read lets someone in")
	}
	for _, bad := range []string{"a b", "a root sha256:" + strings.Repeat("0", 64), "a admin " + strings.Repeat("0", 64), "a admin sha256:00"} {
		write(bad)
		if _, err := OpenTokens(name, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "line 1") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestCloseDoesNotWait: closing does not wait for a peer that does not read.
func TestCloseDoesNotWait(t *testing.T) {
	a := newAuthority(t)
	source := open(t, place(t, t.TempDir(), a, issueServer(t, a, "sdnd")))
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln := NewListener(inner, source.Server(tls.RequireAndVerifyClientCert))
	defer ln.Close()
	config := open(t, place(t, t.TempDir(), a, issueNode(t, a, "node1"))).Client("127.0.0.1")
	config.ServerName = "sdnd"
	dialed := make(chan error, 1)
	go func() {
		c, err := tls.Dial("tcp", inner.Addr().String(), config)
		if err == nil {
			t.Cleanup(func() { c.Close() })
		}
		dialed <- err
	}()
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if node, _, err := NodeOf(t.Context(), conn); err != nil || node != "node1" {
		t.Fatal(node, err)
	}
	if err := <-dialed; err != nil {
		t.Fatal(err)
	}
	// Fill the buffers of the connection beneath TLS.
	raw := conn.(abruptConn).NetConn()
	for _, size := range []int{1 << 20, 1} {
		for err = nil; err == nil; {
			if err = raw.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err == nil {
				_, err = raw.Write(make([]byte, size))
			}
		}
	}
	if err := raw.SetWriteDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("closing took %v", d)
	}
}
