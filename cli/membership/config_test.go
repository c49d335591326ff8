package membership

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConfig(t *testing.T) {
	h := Host{Dir: filepath.Join(t.TempDir(), "sdnctl")} // made when it is needed
	if _, err := h.Config(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of no node: %v", err)
	}
	want := Config{Node: "node1", Host: "https://192.168.50.10:8453", CA: "/a/ca.crt", Cert: "/a/node.crt", Key: "/a/node.key", Bridge: "br-int"}
	if err := h.WriteConfig(want); err != nil {
		t.Fatal(err)
	}
	if got, err := h.Config(); err != nil || got != want {
		t.Error(err, cmp.Diff(want, got))
	}
	for text, say := range map[string]string{
		"node: a\nhots: https://a\n": "hots",
		"bridge: br0\n":              "join again",
	} {
		if err := os.WriteFile(h.ConfigFile(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Config(); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if err := h.forget(); err != nil {
		t.Error(err)
	}
	if err := h.forget(); err != nil {
		t.Error("the second time:", err)
	}
	if left, err := os.ReadDir(h.Dir); err != nil || len(left) > 0 {
		t.Error(left, err)
	}
}
