package membership

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sdnctl/sdnctl/cli/nodeconfig"
	"github.com/sdnctl/sdnctl/topology/model"
)

func uplinkJoin(dir string) Join {
	return Join{
		Host: Host{Dir: dir}, Node: "node1", Uplink: UplinkHost, UplinkRanges: model.DefaultUplinkRanges(),
		Controller: netip.MustParseAddr("192.0.2.1"), OpenFlowPort: 6653, APIPort: 8453, OVSDBPort: 6640,
		LocalIP: netip.MustParseAddr("192.0.2.11"), UDPPort: 4790, mtu: 1500,
	}
}

// TestUplinkScript: the script is one for a POSIX shell, and knows what the join was given.
func TestUplinkScript(t *testing.T) {
	j := uplinkJoin("/etc/x y")
	text := j.uplinkText([]netip.Addr{j.Controller, netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("2001:db8::1")})
	file := filepath.Join(t.TempDir(), "uplink")
	if err := os.WriteFile(file, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "sh", "-n", file).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{
		"range4=198.18.0.0/16\n", "kernel4=198.18.0.1\n", "switch6=fd73:646e:6374::2\n",
		"mtu=1500\ninner_mtu=1450\n", "state='/etc/x y/uplink.was'\n",
		"vxlan_port='{ 4789, 4790 }'\n", "controller4='192.0.2.1, 198.51.100.1'\n", "controller6=2001:db8::1\n", "controller_ports='6653, 8453, 6640'\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the script has no %q:\n%.900s", want, text)
		}
	}
	j.UplinkRanges = j.UplinkRanges[1:]
	if text := j.uplinkText(nil); !strings.Contains(text, "range4=''\n") || strings.Contains(text, "kernel4=198") {
		t.Errorf("without IPv4:\n%.400s", text)
	}
}

// TestUplinkPort: the port that a join makes is the one that sdnd looks for.
func TestUplinkPort(t *testing.T) {
	if nodeconfig.UplinkPort != model.UplinkPort {
		t.Errorf("join makes %s, sdnd looks for %s", nodeconfig.UplinkPort, model.UplinkPort)
	}
}

// TestUplinkUnit: systemd runs the script whenever the port is there.
func TestUplinkUnit(t *testing.T) {
	text := uplinkLink().unitText(Host{})
	for _, want := range []string{
		"ExecStart=/etc/sdnctl/uplink start\n", `BindsTo=sys-subsystem-net-devices-uplink\x2dsdn.device` + "\n",
		`WantedBy=sys-subsystem-net-devices-uplink\x2dsdn.device` + "\n", "docker.service",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the unit has no %q:\n%s", want, text)
		}
	}
}

// TestUplinkChecks: what is refused before anything is changed.
func TestUplinkChecks(t *testing.T) {
	for name, change := range map[string]func(*Join){
		"a way that there is not": func(j *Join) { j.Uplink = "bridge" },
		"a small range":           func(j *Join) { j.UplinkRanges = []netip.Prefix{netip.MustParsePrefix("198.18.0.0/20")} },
	} {
		j := uplinkJoin(t.TempDir())
		change(&j)
		if err := j.checkUplink(t.Context()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
