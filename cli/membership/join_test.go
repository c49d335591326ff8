package membership

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/cli/nodeconfig"
	"github.com/sdnctl/sdnctl/controller/pki"
)

// node1 asks to make a fake machine the node node1.
func node1(t *testing.T, f *fake) Join {
	t.Helper()
	return Join{Host: f.host(t), Node: "node1", Controller: netip.MustParseAddr("127.0.0.1"), OVSDBPort: DefaultOVSDBPort, Blind: true}
}

// codeOf is the code of an error, "" if it has none.
func codeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func TestRun(t *testing.T) {
	f := &fake{states: []tables{{}, joined(1, "", false)}}
	d, err := node1(t, f).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if len(f.changes) != 1 || !strings.Contains(f.changes[0], "set-controller br-int tcp:127.0.0.1:6653") {
		t.Errorf("changes: %q, want one transaction", f.changes)
	}
	if got, want := d.Join.DeclareCommand(), "sdnctl node create node1 --tunnel-ip 192.0.2.11"; got != want {
		t.Errorf("command %q, want %q", got, want)
	}
	if d.Declared(t.Context()) {
		t.Error("declared, though nobody was asked")
	}
	spec := d.Join.Spec()
	if spec.TunnelIP != netip.MustParseAddr("192.0.2.11") || spec.DatapathID != 0 {
		t.Errorf("spec %+v", spec)
	}
	if last := f.notes[len(f.notes)-1]; last != "br-int of this machine is node node1, datapath id ca4eba7207232f14" {
		t.Errorf("the last note is %q", last)
	}
}

// TestRunRefuses: each refusal has its code, and changes nothing.
func TestRunRefuses(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := netip.MustParseAddrPort(closed.Addr().String()).Port()
	closed.Close()
	for name, c := range map[string]struct {
		state tables
		with  func(*Join)
		want  Code
		say   string
	}{
		"a bridge in use": {inUse(), func(*Join) {}, Conflict, "nothing was changed"},
		"no such address": {tables{}, func(j *Join) { j.TunnelIP = netip.MustParseAddr("192.0.2.99") }, Invalid, "192.0.2.99"},
		"an invitation for nobody": {tables{}, func(j *Join) {
			j.Invitation, j.Controller, j.APIPort = &pki.Invitation{}, netip.MustParseAddr("127.0.0.1"), port
		}, "", "nothing was changed"},
		"traffic for no sdnd": {inUse(), func(j *Join) {
			j.TakeOver, j.Blind, j.Controller, j.OpenFlowPort = true, false, netip.MustParseAddr("127.0.0.1"), port
		}, Unreachable, "nothing was changed"},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{states: []tables{c.state}}
			j := node1(t, f)
			c.with(&j)
			_, err := j.Run(t.Context())
			if err == nil || codeOf(err) != c.want || !strings.Contains(err.Error(), c.say) {
				t.Errorf("code %q, want %q: %v", codeOf(err), c.want, err)
			}
			if len(f.changes) > 0 {
				t.Errorf("changed %q", f.changes)
			}
			if files, err := os.ReadDir(j.Host.Dir); err != nil || len(files) > 0 {
				t.Errorf("files are left: %v, %v", files, err)
			}
		})
	}
}

// TestRunUndoes: what Open vSwitch takes into its database but cannot do is undone.
func TestRunUndoes(t *testing.T) {
	f := &fake{states: []tables{{}, joined(-1, "could not add network device vxlan-sdn (File exists)", false)}}
	_, err := node1(t, f).Run(t.Context())
	if err == nil || !strings.HasSuffix(err.Error(), "everything is undone") || !strings.Contains(err.Error(), "File exists") {
		t.Error(err)
	}
	if len(f.changes) != 3 || !strings.HasSuffix(f.changes[2], "del-br br-int") {
		t.Errorf("changes: %q", f.changes)
	}
}

func TestAwait(t *testing.T) {
	f := &fake{states: []tables{{}, joined(1, "", false)}}
	d, err := node1(t, f).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	err = d.Await(t.Context(), time.Millisecond)
	if codeOf(err) != Late || !strings.Contains(err.Error(), "no OpenFlow connection to tcp:127.0.0.1:6653") {
		t.Errorf("code %q: %v", codeOf(err), err)
	}
	f.states = []tables{joined(1, "", true)}
	if err := d.Await(t.Context(), time.Minute); err != nil {
		t.Error(err)
	}
	if last := f.notes[len(f.notes)-1]; !strings.HasPrefix(last, "node1 is connected, with its VXLAN port and OVSDB, and has 1 flows") {
		t.Errorf("the last note is %q", last)
	}
}

func TestLeave(t *testing.T) {
	f := &fake{states: []tables{joined(1, "", true), {}}}
	h := f.host(t)
	if err := h.WriteConfig(Config{Node: "node1", Host: "https://127.0.0.1:8453"}); err != nil {
		t.Fatal(err)
	}
	plan, err := Leave{Host: h}.Plan(t.Context())
	if err != nil || plan.Empty() || plan.Node != "node1" || len(f.changes) > 0 {
		t.Fatalf("%+v, changes %q: %v", plan, f.changes, err)
	}
	script := plan.Script()
	if err := plan.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(f.changes) != 2 || !strings.Contains(script, "del-br br-int") || !strings.HasSuffix(f.changes[1], "del-br br-int") {
		t.Errorf("changes %q, said to be:\n%s", f.changes, script)
	}
	if files, err := os.ReadDir(h.Dir); err != nil || len(files) > 0 {
		t.Errorf("files are left: %v, %v", files, err)
	}
	if plan, err = (Leave{Host: h}).Plan(t.Context()); err != nil || !plan.Empty() {
		t.Errorf("of no node: %+v: %v", plan, err)
	}
}

// TestLeaveWithPorts: the error is a type of its own, and names the ports.
func TestLeaveWithPorts(t *testing.T) {
	s := joined(1, "", true)
	s.bridge = strings.Replace(s.bridge, `["set",[["uuid","p"]]]`, `["set",[["uuid","p"],["uuid","q"]]]`, 1)
	s.port += `,[["uuid","q"],"web",["uuid","j"]]`
	s.iface += `,[["uuid","j"],"web","",["map",[]],2,["set",[]]]`
	f := &fake{states: []tables{s}}
	_, err := Leave{Host: f.host(t)}.Plan(t.Context())
	var used *nodeconfig.PortsInUseError
	if !errors.As(err, &used) {
		t.Fatal(err)
	}
	if d := cmp.Diff(&nodeconfig.PortsInUseError{Bridge: "br-int", Ports: []string{"web"}}, used); d != "" {
		t.Error(d)
	}
}

func TestClientOfNoNode(t *testing.T) {
	if _, err := os.Stat("/run/sdnctl/sdnd.sock"); err == nil {
		t.Skip("needs a machine without sdnd's socket: sdnd may be running here")
	}
	_, _, err := (&fake{}).host(t).Client()
	if codeOf(err) != NotNode || !strings.Contains(err.Error(), "sdnctl node invite") {
		t.Errorf("code %q: %v", codeOf(err), err)
	}
	if _, err := (&fake{}).host(t).Renew(t.Context(), 0); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("renewed: %v", err)
	}
}
