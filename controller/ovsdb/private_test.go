package ovsdb

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// private is an ovsdb-server of the test's own, with no vswitchd.
type private struct {
	t   *testing.T
	dir string
	env []string
	cmd *exec.Cmd
}

// newPrivate makes a database and starts its server.
func newPrivate(t *testing.T) *private {
	t.Helper()
	return newPrivateWith(t, installedSchema)
}

// installedSchema is the schema of the Open vSwitch that is installed.
const installedSchema = "/usr/share/openvswitch/vswitch.ovsschema"

// newPrivateWith does what newPrivate does, with another schema.
func newPrivateWith(t *testing.T, schema string) *private {
	t.Helper()
	if _, err := os.Stat(schema); err != nil {
		t.Skipf("needs Open vSwitch: %v", err)
	}
	for _, name := range []string{"ovsdb-tool", "ovsdb-server", "ovs-vsctl"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("needs Open vSwitch: %v", err)
		}
	}
	// Not t.TempDir: a unix socket's path has at most 107 bytes.
	dir, err := os.MkdirTemp("", "ovsdb")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	p := &private{t: t, dir: dir, env: os.Environ()}
	for _, name := range []string{"OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR"} {
		p.env = append(p.env, name+"="+dir)
	}
	p.command("ovsdb-tool", "create", p.path("conf.db"), schema)
	p.start()
	p.vsctl("init")
	return p
}

func (p *private) path(name string) string { return filepath.Join(p.dir, name) }

func (p *private) command(name string, args ...string) string {
	p.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = p.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (p *private) vsctl(args ...string) string {
	p.t.Helper()
	return p.command("ovs-vsctl", append([]string{"--db=unix:" + p.path("db.sock"), "--retry", "--timeout=20", "--no-wait", "--"}, args...)...)
}

// run starts a program that lives until the test ends.
func (p *private) run(attr *syscall.SysProcAttr, name string, args ...string) (*exec.Cmd, error) {
	cmd := exec.Command(name, args...)
	cmd.Env = p.env
	cmd.SysProcAttr = attr
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if p.t.Failed() {
			p.t.Logf("%s:\n%s", name, out.String())
		}
	})
	return cmd, nil
}

func (p *private) start() {
	p.t.Helper()
	cmd, err := p.run(nil, "ovsdb-server", p.path("conf.db"), "--remote=punix:"+p.path("db.sock"),
		"--remote=db:Open_vSwitch,Open_vSwitch,manager_options", "--unixctl="+p.path("db.ctl"), "--verbose=console:warn")
	if err != nil {
		p.t.Fatal(err)
	}
	p.cmd = cmd
}

// kill ends the server at once.
func (p *private) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}
