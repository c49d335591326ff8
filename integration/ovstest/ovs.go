// Package ovstest starts an Open vSwitch for a test, without root: its daemons use neither
// a system datapath nor the machine's database, and its ports are dummies. Lab brings up
// nodes that forward packets, which needs root.
package ovstest

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// DatapathID is that of the bridge.
const DatapathID = 0xa1

// schema is where Open vSwitch installs the schema of its database.
const schema = "/usr/share/openvswitch/vswitch.ovsschema"

// programs are the programs that an OVS needs.
var programs = [...]string{"ovsdb-server", "ovs-vswitchd", "ovs-vsctl", "ovsdb-tool", "ovs-appctl", "ovs-ofctl"}

// OVS is an Open vSwitch with the bridge br0, which has the ports p1 and p2 with the
// numbers 1 and 2, speaks OpenFlow 1.3 and has no controller.
type OVS struct {
	tb        testing.TB
	dir       string
	processes map[string]*os.Process // of the daemons, by name
}

// Start starts an Open vSwitch that ends with the test. It skips the test if Open vSwitch
// is not installed.
func Start(tb testing.TB) *OVS {
	tb.Helper()
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			tb.Skipf("needs Open vSwitch: %v", err)
		}
	}
	if _, err := os.Stat(schema); err != nil {
		tb.Skipf("needs Open vSwitch's schema: %v", err)
	}
	dir, err := os.MkdirTemp("", "ovs") // short, as the paths of sockets must be
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	o := &OVS{tb: tb, dir: dir, processes: map[string]*os.Process{}}
	o.Run("ovsdb-tool", "create", o.Path("conf.db"), schema)
	o.daemon("ovsdb-server", o.Path("conf.db"), "--remote=punix:"+o.Path("db.sock"))
	o.await("db.sock")
	o.Vsctl("--no-wait", "init")
	o.daemon("ovs-vswitchd", "unix:"+o.Path("db.sock"), "--enable-dummy", "--disable-system", "--disable-system-route")
	o.Vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy", "fail-mode=secure",
		"protocols=OpenFlow13", "other-config:datapath-id=00000000000000a1",
		"--", "add-port", "br0", "p1", "--", "set", "interface", "p1", "type=dummy", "ofport_request=1",
		"--", "add-port", "br0", "p2", "--", "set", "interface", "p2", "type=dummy", "ofport_request=2")
	return o
}

// Path returns the path of a file in the folder of this Open vSwitch.
func (o *OVS) Path(name string) string { return filepath.Join(o.dir, name) }

// Run runs a program of Open vSwitch and returns its output. If it fails, so does the test.
func (o *OVS) Run(name string, args ...string) string {
	o.tb.Helper()
	out, err := o.Command(name, args...).CombinedOutput()
	if err != nil {
		o.tb.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Command returns a program with the environment of this Open vSwitch.
func (o *OVS) Command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "OVS_RUNDIR="+o.dir, "OVS_LOGDIR="+o.dir, "OVS_DBDIR="+o.dir, "OVS_SYSCONFDIR="+o.dir)
	return cmd
}

// Vsctl runs ovs-vsctl.
func (o *OVS) Vsctl(args ...string) string {
	o.tb.Helper()
	return o.Run("ovs-vsctl", append([]string{"--timeout=10", "--db=unix:" + o.Path("db.sock")}, args...)...)
}

// Appctl sends a command to ovs-vswitchd.
func (o *OVS) Appctl(args ...string) string {
	o.tb.Helper()
	return o.Run("ovs-appctl", append([]string{"-t", o.Path("ovs-vswitchd.ctl")}, args...)...)
}

// looks is how often Open vSwitch has to look through its cached flows until none of before a
// change is left: the first look that ends may have begun before it, and the second can miss some
// (docs/decisions/0036).
const looks = 3

// Revalidated waits until the datapath forwards by the flows that the switch has now.
func (o *OVS) Revalidated() {
	o.tb.Helper()
	for range looks {
		o.Appctl("revalidator/wait")
	}
}

// Ofctl runs ovs-ofctl on br0.
func (o *OVS) Ofctl(verb string, args ...string) string {
	o.tb.Helper()
	return o.Run("ovs-ofctl", append([]string{"-O", "OpenFlow13", verb, "unix:" + o.Path("br0.mgmt")}, args...)...)
}

// Signal sends a signal to a daemon.
func (o *OVS) Signal(daemon string, s os.Signal) {
	o.tb.Helper()
	if err := o.processes[daemon].Signal(s); err != nil {
		o.tb.Fatal(err)
	}
}

// daemon starts a daemon that ends with the test.
func (o *OVS) daemon(name string, args ...string) {
	o.tb.Helper()
	cmd := o.Command(name, append(args, "--no-chdir", "-vconsole:off", "-vsyslog:off",
		"--log-file="+o.Path(name+".log"), "--unixctl="+o.Path(name+".ctl"))...)
	cmd.Dir = o.dir // where it leaves its core if it aborts
	if err := cmd.Start(); err != nil {
		o.tb.Fatal(err)
	}
	o.processes[name] = cmd.Process
	o.tb.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()         // says that it was killed
		if o.tb.Failed() {
			log, _ := os.ReadFile(o.Path(name + ".log"))
			o.tb.Logf("%s:\n%s", name, log[max(0, len(log)-8000):])
		}
	})
}

// await waits until a daemon listens on a socket. The file exists a moment before that.
func (o *OVS) await(socket string) {
	o.tb.Helper()
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("unix", o.Path(socket))
		if err == nil {
			conn.Close()
			return
		} else if time.Now().After(deadline) {
			o.tb.Fatal(err)
		}
	}
}

// Listen returns a listener for a connection of the bridge; SetController points the
// bridge at it.
func (o *OVS) Listen() *net.TCPListener {
	o.tb.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		o.tb.Fatal(err)
	}
	o.tb.Cleanup(func() { ln.Close() })
	return ln.(*net.TCPListener)
}

// SetController makes the bridge connect to controllers at these addresses, at least once
// a second until it succeeds. probe is its inactivity probe in milliseconds, 0 for none.
func (o *OVS) SetController(probe string, addrs ...string) {
	o.tb.Helper()
	args := []string{"set-controller", "br0"}
	for _, a := range addrs {
		args = append(args, "tcp:"+a)
	}
	o.Vsctl(args...)
	for _, id := range strings.Fields(o.Vsctl("--bare", "--columns=_uuid", "list", "controller")) {
		o.Vsctl("set", "controller", id, "max_backoff=1000", "inactivity_probe="+probe, "connection_mode=out-of-band",
			"controller_rate_limit=100000", "controller_burst_limit=100000")
	}
}

// Accept returns the next connection of the bridge to a listener.
func (o *OVS) Accept(ln *net.TCPListener) net.Conn {
	o.tb.Helper()
	if err := ln.SetDeadline(time.Now().Add(15 * time.Second)); err != nil {
		o.tb.Fatal(err)
	}
	conn, err := ln.Accept()
	if err != nil {
		o.tb.Fatal(err)
	}
	return conn
}
