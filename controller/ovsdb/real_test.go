package ovsdb

import (
	"bytes"
	"context"
	"flag"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// tapListener writes down what its first connection receives.
type tapListener struct {
	net.Listener
	mu    sync.Mutex
	taken bool
	tap   bytes.Buffer
}

func (l *tapListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil || l.taken {
		return c, err
	}
	l.taken = true
	return tapConn{c, l}, nil
}

type tapConn struct {
	net.Conn
	l *tapListener
}

func (c tapConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.l.mu.Lock()
	c.l.tap.Write(b[:n])
	c.l.mu.Unlock()
	return n, err
}

// serveReal runs Serve on loopback. The function it returns waits until the
// handler gets the last of the given lines, and fails the test if it gets
// anything but those; addresses read as "node", and a line that ends with a
// colon and a space stands for whatever reason follows.
func serveReal(t *testing.T, cfg Config) (port string, ln *tapListener, expect func(...string)) {
	t.Helper()
	port, ln, _, expect = serveRecorded(t, cfg)
	return port, ln, expect
}

// serveRecorded is serveReal that returns the handler, too.
func serveRecorded(t *testing.T, cfg Config) (port string, ln *tapListener, rec *recorder, expect func(...string)) {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln = &tapListener{Listener: inner}
	ctx, cancel := context.WithCancel(context.Background())
	rec = &recorder{each: make(chan string, 1000)}
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, ln, rec, cfg) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	expect = func(want ...string) {
		t.Helper()
		for last := want[len(want)-1]; ; {
			select {
			case line := <-rec.each:
				line = replaceRemote(line)
				matches := func(w string) bool { return w == line || strings.HasSuffix(w, ": ") && strings.HasPrefix(line, w) }
				if !slices.ContainsFunc(want, matches) {
					t.Fatalf("handler got %q, want %q", line, want)
				}
				if matches(last) {
					return
				}
			case <-time.After(20 * time.Second):
				t.Fatalf("handler did not get %q", want)
			}
		}
	}
	_, port, _ = net.SplitHostPort(ln.Addr().String())
	return port, ln, rec, expect
}

// replaceRemote takes the address out of what recorder says of a connection.
func replaceRemote(line string) string {
	words := strings.Split(line, " ")
	if len(words) > 2 && words[1] == "connected" {
		words[2] = "node"
	}
	return strings.Join(words, " ")
}

// conversation is what ovsdb-server sent in the first part of TestRealServer.
const conversation = "testdata/conversation.json"

var record = flag.Bool("update", false, "record "+conversation+" anew")

func TestRealServer(t *testing.T) {
	p := newPrivate(t)
	port, ln, expect := serveReal(t, Config{EchoInterval: time.Second, Logger: textLogger(t.Output())})

	// The bridge comes after the connection, beside another one.
	p.vsctl("set-manager", "tcp:127.0.0.1:"+port,
		"--", "set", "Manager", ".", "max_backoff=1000",
		"--", "set", "Open_vSwitch", ".", "ovs_version=3.1.0")
	p.vsctl("add-br", "br-ex", "--", "set", "Bridge", "br-ex", "datapath_id=00000000000000ee",
		"--", "add-port", "br-ex", "x1", "--", "set", "Interface", "x1", "external_ids:iface-id=elsewhere")
	p.vsctl("add-br", "br-int", "--", "set", "Bridge", "br-int", "datapath_id=0000a1b2c3d4e5f6")
	expect("a1b2c3d4e5f6 connected node br-int 3.1.0")
	expect("a1b2c3d4e5f6 interfaces")

	steps := []struct{ vsctl, want string }{
		{"add-port br-int v2 -- set Interface v2 external_ids:iface-id=web2 ofport=2", "v2(web2,,)@2"},
		{"add-port br-int v1 -- set Interface v1 external_ids:container_id=c1 external_ids:container_iface=eth0", "v1(,c1,eth0)@0 v2(web2,,)@2"},
		{"add-port br-int plain -- set Interface v1 external_ids:container_id=c2", "plain(,,)@0 v1(,c2,eth0)@0 v2(web2,,)@2"},
		{"set Interface v1 ofport=-1", "plain(,,)@0 v1(,c2,eth0)@-1 v2(web2,,)@2"},
		{"remove Interface v1 external_ids container_id container_iface", "plain(,,)@0 v1(,,)@-1 v2(web2,,)@2"},
		{"add-bond br-int bond0 b1 b2 -- set Interface b2 external_ids:iface-id=bonded", "b1(,,)@0 b2(bonded,,)@0 plain(,,)@0 v1(,,)@-1 v2(web2,,)@2"},
		{"--id=@b3 create Interface name=b3 external_ids:iface-id=third -- add Port bond0 interfaces @b3", "b1(,,)@0 b2(bonded,,)@0 b3(third,,)@0 plain(,,)@0 v1(,,)@-1 v2(web2,,)@2"},
		{"--id=@b2 get Interface b2 -- remove Port bond0 interfaces @b2", "b1(,,)@0 b3(third,,)@0 plain(,,)@0 v1(,,)@-1 v2(web2,,)@2"},
		{"del-port br-ex x1 -- add-port br-int x1 -- set Interface x1 external_ids:iface-id=moved", "b1(,,)@0 b3(third,,)@0 plain(,,)@0 v1(,,)@-1 v2(web2,,)@2 x1(moved,,)@0"},
		{"clear Interface v2 external_ids -- del-port x1", "b1(,,)@0 b3(third,,)@0 plain(,,)@0 v1(,,)@-1 v2(,,)@2"},
	}
	for _, s := range steps {
		p.vsctl(strings.Fields(s.vsctl)...)
		expect("a1b2c3d4e5f6 interfaces " + s.want)
	}
	if *record {
		ln.mu.Lock()
		said := bytes.Clone(ln.tap.Bytes())
		ln.mu.Unlock()
		if err := os.WriteFile(conversation, said, 0o644); err != nil {
			t.Fatal(err)
		}
	}

	// Another id, and the same bridge made anew.
	const gone = "disconnected: the bridge is gone or has another datapath id now"
	p.vsctl("set", "Bridge", "br-int", "datapath_id=00000000000000a2")
	expect("a1b2c3d4e5f6 " + gone)
	expect("a2 connected node br-int 3.1.0")
	expect("a2 interfaces b1(,,)@0 b3(third,,)@0 plain(,,)@0 v1(,,)@-1 v2(,,)@2")
	p.vsctl("del-br", "br-int")
	expect("a2 " + gone)
	p.vsctl("add-br", "br-int", "--", "set", "Bridge", "br-int", "datapath_id=00000000000000a2")
	expect("a2 connected node br-int 3.1.0")
	expect("a2 interfaces")

	// The server dies and comes back; then it hangs, and comes back again.
	p.kill()
	expect("a2 disconnected: ")
	p.start()
	// The column is ephemeral: vswitchd, which we play here, writes it again.
	p.vsctl("set", "Bridge", "br-int", "datapath_id=00000000000000a2")
	expect("a2 connected node br-int 3.1.0")
	expect("a2 interfaces")
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	expect("a2 disconnected: no answer to echo within 1s")
	if err := p.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	expect("a2 connected node br-int 3.1.0")
	expect("a2 interfaces")

	// Not a database that we can use: no manager, so nothing more is said.
	p.vsctl("del-manager")
	expect("a2 disconnected: ")
}

// With a vswitchd, datapath ids and OpenFlow port numbers are real ones. It
// runs in a network namespace of its own, with dummy devices: it reaches no
// datapath of the machine.
func TestRealSwitch(t *testing.T) {
	if _, err := exec.LookPath("ovs-vswitchd"); err != nil {
		t.Skipf("needs Open vSwitch: %v", err)
	}
	p := newPrivate(t)
	_, err := p.run(&syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}, "ovs-vswitchd", "unix:"+p.path("db.sock"),
		"--enable-dummy=override", "--disable-system", "--unixctl="+p.path("vs.ctl"), "--pidfile="+p.path("vs.pid"), "--verbose=console:warn")
	if err != nil {
		t.Skipf("needs the right to create network namespaces: %v", err)
	}
	port, _, rec, _ := serveRecorded(t, Config{EchoInterval: 5 * time.Second, Logger: textLogger(t.Output())})
	p.vsctl("set-manager", "tcp:127.0.0.1:"+port)
	p.vsctl("add-br", "br-int", "--", "set", "Bridge", "br-int", "datapath_type=dummy", "other-config:datapath-id=00000000000000d7",
		"fail_mode=secure", "external_ids:sdnctl-node=node1", "external_ids:sdnctl-underlay-mtu=1500")
	p.vsctl("add-port", "br-int", "v1", "--", "set", "Interface", "v1", "type=dummy", "ofport_request=17", "external_ids:iface-id=web1",
		"--", "add-port", "br-int", "vx", "--", "set", "Interface", "vx", "type=vxlan", "options:remote_ip=flow", "options:key=flow", "options:dst_port=4790",
		"--", "add-port", "br-int", "broken", "--", "set", "Interface", "broken", "type=nosuch")
	rec.until(t, Bridge{FailMode: "secure", Node: "node1", UnderlayMTU: 1500}, func(f map[string]*Interface) bool {
		v1, vx, broken := f["v1"], f["vx"], f["broken"]
		return v1 != nil && vx != nil && broken != nil && v1.OFPort == 17 && v1.IfaceID == "web1" && v1.Admin == LinkUp && v1.Link != LinkUnknown && v1.MAC != [6]byte{} &&
			vx.Type == "vxlan" && vx.OFPort > 0 && vx.Tunnel != nil && *vx.Tunnel == Tunnel{RemoteIP: "flow", Key: "flow", DstPort: "4790"} &&
			broken.OFPort == -1 && broken.Error != "" && f["br-int"].Type == "internal"
	})
	p.vsctl("del-port", "v1", "--", "del-port", "broken", "--", "set", "Bridge", "br-int", "fail_mode=standalone", "--", "remove", "Interface", "vx", "options", "dst_port")
	rec.until(t, Bridge{FailMode: "standalone", Node: "node1", UnderlayMTU: 1500}, func(f map[string]*Interface) bool {
		return len(f) == 2 && f["vx"] != nil && *f["vx"].Tunnel == Tunnel{RemoteIP: "flow", Key: "flow"}
	})
}

// until waits until the bridge and its interfaces, by name, are as wanted.
func (r *recorder) until(t *testing.T, b Bridge, want func(map[string]*Interface) bool) {
	t.Helper()
	late := time.After(20 * time.Second)
	for {
		r.mu.Lock()
		have, ifaces := r.bridge, r.ifaces
		r.mu.Unlock()
		byName := map[string]*Interface{}
		for _, f := range ifaces {
			byName[f.Name] = f
		}
		if have == b && want(byName) {
			return
		}
		select {
		case <-r.each:
		case <-late:
			t.Fatalf("bridge %+v, interfaces %+v", have, byName)
		}
	}
}
