package session

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/openflow"
)

// ovs is an Open vSwitch of the test's own: its daemons know no system datapath
// nor the machine's database, and its ports are dummies.
type ovs struct {
	tb   testing.TB
	dir  string
	addr string // of the listener that bridge br0 connects to
	ln   net.Listener
	// processes of the daemons, by name
	processes map[string]*os.Process
}

// startOVS starts an Open vSwitch with bridge br0, which connects to the
// listener of accept. It skips the test if Open vSwitch is not installed.
func startOVS(tb testing.TB) *ovs {
	tb.Helper()
	for _, bin := range []string{"ovsdb-server", "ovs-vswitchd", "ovs-vsctl", "ovsdb-tool", "ovs-appctl", "ovs-ofctl"} {
		if _, err := exec.LookPath(bin); err != nil {
			tb.Skipf("needs Open vSwitch: %v", err)
		}
	}
	schema := "/usr/share/openvswitch/vswitch.ovsschema"
	if _, err := os.Stat(schema); err != nil {
		tb.Skipf("needs Open vSwitch's schema: %v", err)
	}
	dir, err := os.MkdirTemp("", "ofs") // short, as socket paths must be
	if err != nil {
		tb.Fatal(err)
	}
	o := &ovs{tb: tb, dir: dir, processes: map[string]*os.Process{}}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	o.ln, err = net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { o.ln.Close() })
	o.addr = o.ln.Addr().String()

	o.run("ovsdb-tool", "create", o.path("conf.db"), schema)
	o.daemon("ovsdb-server", o.path("conf.db"), "--remote=punix:"+o.path("db.sock"))
	o.await("db.sock")
	o.vsctl("--no-wait", "init")
	o.daemon("ovs-vswitchd", "unix:"+o.path("db.sock"), "--enable-dummy", "--disable-system", "--disable-system-route")
	o.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy", "fail-mode=secure",
		"protocols=OpenFlow13", "other-config:datapath-id=00000000000000a1",
		"--", "add-port", "br0", "p1", "--", "set", "interface", "p1", "type=dummy", "ofport_request=1",
		"--", "add-port", "br0", "p2", "--", "set", "interface", "p2", "type=dummy", "ofport_request=2",
		"options:tx_pcap="+o.path("p2.pcap"))
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

// appctl speaks to ovs-vswitchd.
func (o *ovs) appctl(args ...string) string {
	o.tb.Helper()
	return o.run("ovs-appctl", append([]string{"-t", o.path("ovs-vswitchd.ctl")}, args...)...)
}

func (o *ovs) ofctl(verb string, args ...string) string {
	o.tb.Helper()
	return o.run("ovs-ofctl", append([]string{"-O", "OpenFlow13", verb, "unix:" + o.path("br0.mgmt")}, args...)...)
}

// daemon starts a daemon that is ended with the test.
func (o *ovs) daemon(name string, args ...string) {
	o.tb.Helper()
	cmd := o.command(name, append(args, "--no-chdir", "-vconsole:off", "-vsyslog:off",
		"--log-file="+o.path(name+".log"), "--unixctl="+o.path(name+".ctl"))...)
	if err := cmd.Start(); err != nil {
		o.tb.Fatal(err)
	}
	o.processes[name] = cmd.Process
	o.tb.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if o.tb.Failed() {
			log, _ := os.ReadFile(o.path(name + ".log"))
			o.tb.Logf("%s:\n%s", name, log[max(0, len(log)-8000):])
		}
	})
}

// await waits until a daemon listens on a socket: it exists a moment before.
func (o *ovs) await(name string) {
	o.tb.Helper()
	eventually(o.tb, name+" listens", func() bool {
		conn, err := net.Dial("unix", o.path(name))
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})
}

// accept makes br0 connect to the test, and returns the connection.
func (o *ovs) accept() net.Conn {
	o.tb.Helper()
	o.connect(o.addr)
	return o.acceptNext()
}

// connect points br0 at a controller's address.
func (o *ovs) connect(addr string) {
	o.tb.Helper()
	o.vsctl("set-controller", "br0", "tcp:"+addr, "--", "set", "controller", "br0", "max_backoff=1000", "inactivity_probe=5000", "connection_mode=out-of-band")
}

func (o *ovs) acceptNext() net.Conn {
	o.tb.Helper()
	o.ln.(*net.TCPListener).SetDeadline(time.Now().Add(15 * time.Second))
	conn, err := o.ln.Accept()
	if err != nil {
		o.tb.Fatal(err)
	}
	return conn
}

// session connects br0 and does the handshake. Run is under way until the test
// ends.
func (o *ovs) session(cfg Config) *Session {
	o.tb.Helper()
	s, err := Handshake(context.Background(), o.accept(), cfg)
	if err != nil {
		o.tb.Fatal(err)
	}
	runSession(o.tb, s)
	return s
}

// runSession runs s until the test ends.
func runSession(tb testing.TB, s *Session) {
	ended := make(chan error, 1)
	go func() { ended <- s.Run(context.Background()) }()
	tb.Cleanup(func() {
		s.Close()
		if err := <-ended; tb.Failed() {
			tb.Logf("session ended: %v", err)
		}
	})
}

// eventually waits for something outside this process.
func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	tb.Fatalf("waited in vain until %s", what)
}

// testFlow returns the i-th of many flows that differ in their match.
func testFlow(i int) openflow.Flow {
	ip := [4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}
	return openflow.Flow{
		Table: 10, Priority: 100, Cookie: openflow.Cookie(i) + 1,
		Match:        openflow.Match{}.EthType(0x0800).IPv4Dst(prefix32(ip)),
		Instructions: openflow.Instructions{}.ApplyActions(openflow.Actions{}.Output(2)),
	}
}

// testMods returns n flow-mods that add testFlows, encoded into one buffer.
func testMods(n int) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		var b []byte
		for i := range n {
			f := testFlow(i)
			if b = f.AppendAdd(b[:0], 0); !yield(b) {
				return
			}
		}
	}
}

func (o *ovs) countFlows() string {
	return fmt.Sprint(strings.Count(o.ofctl("dump-flows"), "cookie="))
}
