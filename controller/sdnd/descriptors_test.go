package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestShareOf(t *testing.T) {
	if _, err := shareOf(100, 1024); err == nil {
		t.Error("100 descriptors are enough")
	}
	for _, limit := range []uint64{128, 256, 1024, 65536, 1 << 63} {
		d, err := shareOf(limit, 1024)
		if err != nil {
			t.Fatal(err)
		}
		taken := d.socket + d.api + d.metrics + d.openflowHandshakes + d.openflowUnassigned + d.ovsdb
		if uint64(taken+d.nodes()+ownDescriptors) > limit {
			t.Errorf("%d: more are given away: %+v", limit, d)
		}
		if d.nodes() < 8 || d.socket < 4 || d.ovsdbHandshakes > d.ovsdb {
			t.Errorf("%d: %+v with room for %d nodes", limit, d, d.nodes())
		}
	}
	if d, _ := shareOf(65536, 1024); d.nodes() != 8192 || d.api != 1024 {
		t.Errorf("what the unit allows: %+v with room for %d nodes", d, d.nodes())
	}
}

// TestIdleConnectionsLeaveDescriptors: connections that ask for nothing that counts,
// more than the daemon may have descriptors, keep neither an administrator nor a
// switch out.
func TestIdleConnectionsLeaveDescriptors(t *testing.T) {
	const limit = 200
	dir := t.TempDir()
	apiAddr, metrics, openflow := freeAddr(t), freeAddr(t), freeAddr(t)
	config := filepath.Join(dir, "limited")
	script := fmt.Sprintf("#!/bin/sh\nulimit -n %d\nexec %s \"$@\"\n", limit, os.Args[0])
	if err := os.WriteFile(config, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	d := startProgram(t, config, dir, "--api-listen", apiAddr, "--api-insecure", "--metrics-listen", metrics, "--openflow-listen", openflow)
	request, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+apiAddr+"/v1/status", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, addr := range []string{apiAddr, metrics, openflow} {
		for i := range limit + 20 {
			conn, err := net.DialTimeout("tcp", addr, patience)
			if err != nil {
				t.Fatalf("foreign peer %d at %s: %v", i, addr, err)
			}
			defer conn.Close()
			fmt.Fprint(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		}
		if _, err := d.client.Status(t.Context()); err != nil {
			t.Errorf("the unix socket with foreign peers at %s: %v", addr, err)
		}
		conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).DialContext(t.Context(), "tcp", openflow)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if hello, err := bufio.NewReader(conn).ReadByte(); err != nil || hello != 4 {
			t.Errorf("a switch with foreign peers at %s: %d %v", addr, hello, err)
		}
		resp, err := (&http.Transport{DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 3)}}).DialContext, DisableKeepAlives: true}).
			RoundTrip(request.Clone(t.Context()))
		if err != nil {
			t.Errorf("the API from another address with foreign peers at %s: %v", addr, err)
			continue
		}
		resp.Body.Close()
	}
}

// freeAddr is an address that nobody listens on.
func freeAddr(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}
