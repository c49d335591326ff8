package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNodeConfig(t *testing.T) {
	var env Env
	dir := t.TempDir()
	env.Getenv = func(name string) string {
		if name == dirVar {
			return filepath.Join(dir, "sdnctl") // made when it is needed
		}
		return ""
	}
	if _, err := readNodeConfig(env); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of no node: %v", err)
	}
	if _, _, err := (&app{env: env}).nodeClient(); err == nil || !strings.Contains(err.Error(), "sdnctl node invite") {
		t.Errorf("the client of no node: %v", err)
	}
	want := nodeConfig{Node: "node1", Host: "https://192.168.50.10:8453", CA: "/a/ca.crt", Cert: "/a/node.crt", Key: "/a/node.key", Bridge: "br-int"}
	if err := want.write(env); err != nil {
		t.Fatal(err)
	}
	if got, err := readNodeConfig(env); err != nil || got != want {
		t.Error(err, cmp.Diff(want, got))
	}
	for text, say := range map[string]string{
		"node: a\nhots: https://a\n": "hots",
		"bridge: br0\n":              "join again",
	} {
		if err := os.WriteFile(nodeFile(env, "node.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readNodeConfig(env); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if err := forgetNode(env); err != nil {
		t.Error(err)
	}
	if err := forgetNode(env); err != nil {
		t.Error("the second time:", err)
	}
	if left, err := os.ReadDir(nodeDir(env)); err != nil || len(left) > 0 {
		t.Error(left, err)
	}
}
