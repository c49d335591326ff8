package membership

import (
	"context"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sdnctl/sdnctl/cli/nodeconfig"
	"github.com/sdnctl/sdnctl/topology/model"
)

func hostJoin(dir string) Join {
	j := uplinkJoin(dir)
	j.Uplink, j.TunnelIP = UplinkKeep, j.LocalIP
	j.HostRanges = []netip.Prefix{netip.MustParsePrefix("10.244.0.0/16"), netip.MustParsePrefix("fd00:244::/48")}
	j.Addresses = []netip.Addr{netip.MustParseAddr("2001:db8::11")}
	return j
}

// TestHostScript: the script is one for a POSIX shell, and knows what the join was given.
func TestHostScript(t *testing.T) {
	text := hostJoin("/etc/x").hostText()
	file := filepath.Join(t.TempDir(), "host")
	if err := os.WriteFile(file, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "sh", "-n", file).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{
		"dev=host-sdn\n", "ranges4=10.244.0.0/16\n", "address4=192.0.2.11\n", "ranges6=fd00:244::/48\n", "address6=2001:db8::11\n",
		"mtu=1450\n", "vxlan_port='{ 4789, 4790 }'\n", "controller_ports='6653, 8453, 6640'\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the script has no %q:\n%.900s", want, text)
		}
	}
	if nodeconfig.HostPort != model.HostPort {
		t.Errorf("join makes %s, sdnd looks for %s", nodeconfig.HostPort, model.HostPort)
	}
}

// TestHostPort: the port records what the machine routes to it and sends from.
func TestHostPort(t *testing.T) {
	p := hostJoin(t.TempDir()).kernelPorts()
	if len(p) != 1 || p[0].Name != "host-sdn" || p[0].ExternalIDs[nodeconfig.KeyHostRanges] != "10.244.0.0/16,fd00:244::/48" ||
		p[0].ExternalIDs[nodeconfig.KeyHostAddresses] != "192.0.2.11,2001:db8::11" {
		t.Errorf("the port is %+v", p)
	}
}

// TestHostChecks: what is refused before anything is changed.
func TestHostChecks(t *testing.T) {
	has := func(netip.Addr) (int, bool) { return 1500, true }
	runs := func(context.Context, string, ...string) ([]byte, error) { return nil, nil }
	good := func() Join {
		j := hostJoin(t.TempDir())
		j.Host.MTU, j.Host.Exec = has, runs
		return j
	}
	if j := good(); j.checkHostAccess(t.Context()) != nil {
		t.Error("refused")
	}
	prefix := func(text string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(text)} }
	for name, change := range map[string]func(*Join){
		"bits after the prefix":  func(j *Join) { j.HostRanges = prefix("10.244.0.1/16") },
		"everything":             func(j *Join) { j.HostRanges = prefix("0.0.0.0/0") },
		"its own address":        func(j *Join) { j.HostRanges = prefix("192.0.2.0/24") },
		"overlapping ranges":     func(j *Join) { j.HostRanges = append(prefix("10.0.0.0/8"), j.HostRanges...) },
		"no address of a family": func(j *Join) { j.Addresses = nil },
		"two of one family":      func(j *Join) { j.Addresses = append(j.Addresses, netip.MustParseAddr("2001:db8::12")) },
		"an address of nobody":   func(j *Join) { j.Host.MTU = func(netip.Addr) (int, bool) { return 0, false } },
		"a machine without nft": func(j *Join) {
			j.Host.Exec = func(context.Context, string, ...string) ([]byte, error) { return nil, os.ErrNotExist }
		},
	} {
		j := good()
		change(&j)
		if err := j.checkHostAccess(t.Context()); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
