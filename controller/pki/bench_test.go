package pki

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkHandshake measures one handshake, with both ends in this process. The files are
// checked each time.
func BenchmarkHandshake(b *testing.B) {
	dir := b.TempDir()
	a, err := NewAuthority("bench", time.Now(), year)
	if err != nil {
		b.Fatal(err)
	}
	source := func(name string, issue func() (Issued, error)) *Source {
		ca, err := a.Encode()
		if err != nil {
			b.Fatal(err)
		}
		i, err := issue()
		if err != nil {
			b.Fatal(err)
		}
		f := Files{CA: filepath.Join(dir, "ca.crt"), Cert: filepath.Join(dir, name+".crt"), Key: filepath.Join(dir, name+".key")}
		if err := ca.Write(f.CA, filepath.Join(dir, "ca.key"), true); err != nil {
			b.Fatal(err)
		}
		if err := i.Write(f.Cert, f.Key, true); err != nil {
			b.Fatal(err)
		}
		s, err := Open(f, slog.New(slog.DiscardHandler))
		if err != nil {
			b.Fatal(err)
		}
		return s
	}
	lasts := time.Hour
	server := source("sdnd", func() (Issued, error) { return a.IssueServer([]string{"sdnd"}, time.Now(), lasts) }).Server(tls.RequireAndVerifyClientCert)
	client := source("node1", func() (Issued, error) {
		return a.IssueClient(Identity{Kind: Node, Name: "node1"}, time.Now(), lasts)
	}).Client("127.0.0.1")
	client.ServerName = "sdnd"
	b.ReportAllocs()
	for b.Loop() {
		x, y := net.Pipe()
		done := make(chan error, 1)
		go func() { done <- tls.Client(y, client).HandshakeContext(context.Background()) }()
		if node, _, err := NodeOf(context.Background(), tls.Server(x, server)); err != nil || node != "node1" {
			b.Fatal(node, err)
		}
		if err := <-done; err != nil {
			b.Fatal(err)
		}
		x.Close()
		y.Close()
	}
}
