package nodeconfig_test

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/cli/nodeconfig"
)

// TestShellQuote: a shell reads back what was quoted.
func TestShellQuote(t *testing.T) {
	words := []string{"plain", "tcp:10.0.0.1:6653", "", "two words", `it's`, `target="tcp:[::1]:6640"`, "$HOME `id` \\ * ; & | < >", "ümlaut", "line\nbreak"}
	var script strings.Builder
	script.WriteString("printf '%s\\0'")
	for _, w := range words {
		script.WriteString(" " + nodeconfig.ShellQuote(w))
	}
	out, err := exec.Command("sh", "-c", script.String()).Output()
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Join(words, "\x00")+"\x00", string(out)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestVsctlErrors(t *testing.T) {
	failed := errors.New("exit status 1")
	tests := []struct {
		out  string
		err  error
		want string
	}{
		{"", &exec.Error{Name: "ovs-vsctl", Err: exec.ErrNotFound}, "apt install openvswitch-switch"},
		{"ovs-vsctl: unix:/run/db.sock: database connection failed (No such file or directory)", failed, "is ovsdb-server running?"},
		{"ovs-vsctl: unix:/run/db.sock: database connection failed (Permission denied)", failed, "with sudo"},
		{"2026-01-01|fatal-signal|WARN|terminating with signal 14 (Alarm clock)", errors.New("signal: alarm clock"), "ovs-vswitchd did not apply the change within 10 s"},
		{"noise\novs-vsctl: cannot create a port named vxlan-sdn", failed, "ovs-vsctl: cannot create a port named vxlan-sdn"},
		{"", failed, "ovs-vsctl: exit status 1"},
	}
	for _, tt := range tests {
		m := nodeconfig.Machine{Exec: func(context.Context, string, ...string) ([]byte, error) { return []byte(tt.out), tt.err }}
		if err := m.Apply(t.Context(), nodeconfig.Commands{{"init"}}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q, %v: error %v, want one that says %q", tt.out, tt.err, err, tt.want)
		}
	}
}
