package ovsdb

import (
	"context"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// replay runs a session with a peer that sends sent and hangs up. It returns
// the calls of the handler except the last, and why the session ended.
func replay(sent []byte, pool *pool) ([]string, error) {
	ours, theirs := net.Pipe()
	go io.Copy(io.Discard, theirs)
	go func() {
		theirs.Write(sent)
		theirs.Close()
	}()
	rec := &recorder{}
	cfg := Config{}.withDefaults()
	s := &session{conn: namedConn{ours, "node"}, cfg: cfg, log: cfg.Logger, part: partOf(pool),
		claims: newClaims(rec, cfg), view: newView(cfg.Bridge, cfg.MaxMessage, partOf(pool)), shown: func() {}}
	err := s.run(context.Background())
	lines := rec.take()
	if n := len(lines); n > 0 && strings.Contains(lines[n-1], "disconnected") {
		lines = lines[:n-1]
	}
	return lines, err
}

// What a real ovsdb-server (Open vSwitch 3.1) once sent is understood as then.
func TestReplay(t *testing.T) {
	sent, err := os.ReadFile(conversation)
	if err != nil {
		t.Fatal(err)
	}
	const id = "a1b2c3d4e5f6 "
	want := []string{
		id + "connected node br-int 3.1.0",
		id + "interfaces",
		id + "interfaces v2(web2,,)@2",
		id + "interfaces v1(,c1,eth0)@0 v2(web2,,)@2",
		id + "interfaces plain(,,)@0 v1(,c2,eth0)@0 v2(web2,,)@2",
		id + "interfaces plain(,,)@0 v1(,c2,eth0)@-1 v2(web2,,)@2",
		id + "interfaces plain(,,)@0 v1(,,)@-1 v2(web2,,)@2",
		id + "interfaces b1(,,)@0 b2(bonded,,)@0 plain(,,)@0 v1(,,)@-1 v2(web2,,)@2",
		id + "interfaces b1(,,)@0 b2(bonded,,)@0 b3(third,,)@0 plain(,,)@0 v1(,,)@-1 v2(web2,,)@2",
		id + "interfaces b1(,,)@0 b3(third,,)@0 plain(,,)@0 v1(,,)@-1 v2(web2,,)@2",
		id + "interfaces b1(,,)@0 b3(third,,)@0 plain(,,)@0 v1(,,)@-1 v2(web2,,)@2 x1(moved,,)@0",
		id + "interfaces b1(,,)@0 b3(third,,)@0 plain(,,)@0 v1(,,)@-1 v2(,,)@2",
	}
	got, err := replay(sent, newPool(len(sent)))
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("handler got (-want +got):\n%s", d)
	}
	if err == nil || err.Error() != "the node closed the connection" {
		t.Errorf("session ended with %v", err)
	}
	// Whatever prefix of it is all that comes, it is understood so far.
	for n := 0; n < len(sent); n += 7 {
		part, err := replay(sent[:n], newPool(len(sent)))
		if len(part) > len(got) || !slices.Equal(part, got[:len(part)]) {
			t.Fatalf("after %d bytes handler got %q", n, part)
		}
		if err == nil || !strings.Contains(err.Error(), "closed") && err != io.ErrUnexpectedEOF {
			t.Fatalf("after %d bytes session ended with %v", n, err)
		}
	}
}
