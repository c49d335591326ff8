package simswitch_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// ovs is an Open vSwitch of the test's own: its daemons know no system datapath
// nor the machine's database, and its ports are dummies.
type ovs struct {
	tb  testing.TB
	dir string
	// listeners that its bridge connects to, one for each connection.
	listeners []net.Listener
}

// datapathID of the bridge.
const datapathID = 0xa1

// startOVS starts an Open vSwitch whose bridge makes so many connections. It
// skips the test if Open vSwitch is not installed.
func startOVS(tb testing.TB, connections int) *ovs {
	tb.Helper()
	for _, bin := range []string{"ovsdb-server", "ovs-vswitchd", "ovs-vsctl", "ovsdb-tool"} {
		if _, err := exec.LookPath(bin); err != nil {
			tb.Skipf("needs Open vSwitch: %v", err)
		}
	}
	schema := "/usr/share/openvswitch/vswitch.ovsschema"
	if _, err := os.Stat(schema); err != nil {
		tb.Skipf("needs Open vSwitch's schema: %v", err)
	}
	dir, err := os.MkdirTemp("", "simsw") // short, as socket paths must be
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	o := &ovs{tb: tb, dir: dir}
	o.run("ovsdb-tool", "create", o.path("conf.db"), schema)
	o.daemon("ovsdb-server", o.path("conf.db"), "--remote=punix:"+o.path("db.sock"))
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		c, err := net.Dial("unix", o.path("db.sock"))
		if err == nil {
			c.Close()
			break
		} else if time.Now().After(deadline) {
			tb.Fatal(err)
		}
	}
	o.vsctl("--no-wait", "init")
	o.daemon("ovs-vswitchd", "unix:"+o.path("db.sock"), "--enable-dummy", "--disable-system", "--disable-system-route")
	o.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy", "fail-mode=secure",
		"protocols=OpenFlow13", "other-config:datapath-id=00000000000000a1",
		"--", "add-port", "br0", "p1", "--", "set", "interface", "p1", "type=dummy", "ofport_request=1",
		"--", "add-port", "br0", "p2", "--", "set", "interface", "p2", "type=dummy", "ofport_request=2")
	args := []string{"set-controller", "br0"}
	for range connections {
		ln, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { ln.Close() })
		o.listeners = append(o.listeners, ln)
		args = append(args, "tcp:"+ln.Addr().String())
	}
	o.vsctl(args...)
	for _, id := range strings.Fields(o.vsctl("--bare", "--columns=_uuid", "list", "controller")) {
		o.vsctl("set", "controller", id, "max_backoff=1000", "inactivity_probe=0", "connection_mode=out-of-band",
			"controller_rate_limit=100000", "controller_burst_limit=100000")
	}
	return o
}

func (o *ovs) path(name string) string { return filepath.Join(o.dir, name) }

func (o *ovs) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "OVS_RUNDIR="+o.dir, "OVS_LOGDIR="+o.dir, "OVS_DBDIR="+o.dir, "OVS_SYSCONFDIR="+o.dir)
	return cmd
}

func (o *ovs) run(name string, args ...string) string {
	o.tb.Helper()
	out, err := o.command(name, args...).CombinedOutput()
	if err != nil {
		o.tb.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (o *ovs) vsctl(args ...string) string {
	o.tb.Helper()
	return o.run("ovs-vsctl", append([]string{"--timeout=10", "--db=unix:" + o.path("db.sock")}, args...)...)
}

// daemon starts a daemon that is ended with the test.
func (o *ovs) daemon(name string, args ...string) {
	o.tb.Helper()
	cmd := o.command(name, append(args, "--no-chdir", "-vconsole:off", "-vsyslog:off",
		"--log-file="+o.path(name+".log"), "--unixctl="+o.path(name+".ctl"))...)
	cmd.Dir = o.dir // where it leaves its core if it aborts
	if err := cmd.Start(); err != nil {
		o.tb.Fatal(err)
	}
	o.tb.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()         // says that it was killed
	})
}

// connect returns the i-th connection, made anew if there was one before.
func (o *ovs) connect(i int) net.Conn {
	o.tb.Helper()
	if err := o.listeners[i].(*net.TCPListener).SetDeadline(time.Now().Add(15 * time.Second)); err != nil {
		o.tb.Fatal(err)
	}
	conn, err := o.listeners[i].Accept()
	if err != nil {
		o.tb.Fatal(err)
	}
	return conn
}
