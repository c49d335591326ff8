package cli_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/cli"
)

// certificates makes an authority with a node's certificate, and returns the flags to join
// with it.
func certificates(t *testing.T, node string) []string {
	t.Helper()
	dir := t.TempDir()
	for _, args := range [][]string{{"pki", "init", "127.0.0.1", "--dir", dir}, {"pki", "node", node, "--dir", dir}} {
		if code, _, stderr := ctl(t, args...); code != 0 {
			t.Fatalf("%v: exit code %d: %s", args, code, stderr)
		}
	}
	file := func(name string) string { return filepath.Join(dir, name) }
	return []string{"--ca", file("ca.crt"), "--cert", file("node-" + node + ".crt"), "--key", file("node-" + node + ".key")}
}

func TestJoinByTLS(t *testing.T) {
	db := database(t)
	before := dump(t, db)
	flags := certificates(t, "node1")
	args := append([]string{"join", "node1", "--controller", "192.168.50.10"}, flags...)
	mustJoinDB(t, db, args...)
	got := map[string]string{}
	for name, args := range map[string][]string{
		"controller": {"get-controller", "br-int"},
		"managers":   {"get-manager"},
		"ssl":        {"--bare", "--columns=ca_cert,certificate,private_key,external_ids", "list", "ssl"},
	} {
		got[name] = strings.TrimSpace(vsctl(t, db, args...))
	}
	want := map[string]string{
		"controller": "ssl:192.168.50.10:6653",
		"managers":   "ssl:192.168.50.10:6640",
		"ssl":        flags[1] + "\n" + flags[3] + "\n" + flags[5] + "\nsdnctl-node=node1",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("the database differs (-want +got):\n%s", d)
	}
	first := dump(t, db)
	mustJoinDB(t, db, args...)
	if d := cmp.Diff(first, dump(t, db)); d != "" {
		t.Errorf("the second join changed the database (-first +second):\n%s", d)
	}
	// Other files of the same node replace those of the first join.
	mustJoinDB(t, db, append([]string{"join", "node1", "--controller", "192.168.50.10"}, certificates(t, "node1")...)...)
	mustJoinDB(t, db, "leave")
	if d := cmp.Diff(before, dump(t, db)); d != "" {
		t.Errorf("leave did not undo join (-before +after):\n%s", d)
	}
}

// TestJoinKeepsOthersTLS: Open vSwitch has one certificate for all connections, so that of
// another program is neither replaced without a flag nor removed.
func TestJoinKeepsOthersTLS(t *testing.T) {
	db := database(t)
	vsctl(t, db, "set-ssl", "/o/key", "/o/cert", "/o/ca")
	before := dump(t, db)
	args := append([]string{"join", "node1", "--controller", "192.168.50.10"}, certificates(t, "node1")...)
	code, _, stderr := joinDB(t, db, args...)
	if code != cli.ExitConflict || !strings.Contains(stderr, "certificate /o/cert: replaced, as Open vSwitch has only one") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	mustJoinDB(t, db, "join", "node1", "--controller", "192.168.50.10")
	mustJoinDB(t, db, "leave")
	if d := cmp.Diff(before, dump(t, db)); d != "" {
		t.Errorf("somebody else's certificate did not stay (-before +after):\n%s", d)
	}
	mustJoinDB(t, db, append(args, "--take-over")...)
	if got := vsctl(t, db, "get-ssl"); strings.Contains(got, "/o/") {
		t.Errorf("--take-over left %s", got)
	}
	mustJoinDB(t, db, "leave")
	if got := vsctl(t, db, "get-ssl"); !strings.Contains(got, "/o/cert") {
		t.Errorf("somebody else's certificate did not come back: %s", got)
	}
}
