package cli_test

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/cli"
)

// schemaFile is where Open vSwitch's packages install the database's schema.
const schemaFile = "/usr/share/openvswitch/vswitch.ovsschema"

// database starts an ovsdb-server of the test's own, without an ovs-vswitchd,
// and returns its connection method.
func database(t *testing.T) string {
	t.Helper()
	for _, program := range []string{"ovsdb-tool", "ovsdb-server", "ovs-vsctl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("Open vSwitch is not installed: %v", err)
		}
	}
	dir := t.TempDir()
	file, socket := filepath.Join(dir, "conf.db"), filepath.Join(dir, "db.sock")
	if out, err := exec.Command("ovsdb-tool", "create", file, schemaFile).CombinedOutput(); err != nil {
		t.Skipf("ovsdb-tool create: %v: %s", err, out)
	}
	ctx, cancel := context.WithCancel(context.Background())
	server := exec.CommandContext(ctx, "ovsdb-server", "--remote=punix:"+socket, "--unixctl="+filepath.Join(dir, "ctl"), file)
	var log bytes.Buffer
	server.Stderr = &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		server.Wait() // killed: its error says nothing
	})
	db := "unix:" + socket
	if out, err := exec.Command("ovs-vsctl", "--db="+db, "--timeout=10", "--retry", "--no-wait", "init").CombinedOutput(); err != nil {
		t.Fatalf("the database does not come up: %v: %s\n%s", err, out, log.String())
	}
	return db
}

// vsctl runs one command of ovs-vsctl on a test's database.
func vsctl(t *testing.T, db string, args ...string) string {
	t.Helper()
	out, err := exec.Command("ovs-vsctl", append([]string{"--db=" + db, "--timeout=10", "--no-wait"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ovs-vsctl %v: %v: %s", args, err, out)
	}
	return string(out)
}

// dump returns everything that join may change, with the rows' uuids.
func dump(t *testing.T, db string) string {
	t.Helper()
	var all strings.Builder
	for _, table := range []string{"bridge", "port", "interface", "controller", "manager"} {
		all.WriteString(vsctl(t, db, "list", table))
	}
	return all.String()
}

// content returns everything that join may change, without the rows' uuids, sorted.
func content(t *testing.T, db string) string {
	t.Helper()
	var rows []string
	for table, columns := range map[string]string{
		"bridge":     "name,fail_mode,protocols,other_config,external_ids,datapath_type",
		"interface":  "name,type,options",
		"controller": "target,max_backoff,inactivity_probe,connection_mode,external_ids",
		"manager":    "target,max_backoff,inactivity_probe,external_ids",
		"ssl":        "private_key,certificate,ca_cert,external_ids",
	} {
		list := strings.TrimSpace(vsctl(t, db, "--columns="+columns, "list", table))
		rows = append(rows, strings.Split(list, "\n\n")...)
	}
	slices.Sort(rows)
	return strings.Join(rows, "\n\n")
}

// ctl runs sdnctl in this process and returns its exit code and output.
func ctl(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	if os.Getenv("SDNCTL_DIR") == "" {
		t.Setenv("SDNCTL_DIR", filepath.Join(t.TempDir(), "sdnctl")) // not the machine's own
	}
	var out, errs bytes.Buffer
	env := cli.OSEnv("test")
	env.In, env.Out, env.Err = strings.NewReader(""), &out, &errs
	env.LocalAddr = func(netip.Addr) netip.Addr { return netip.MustParseAddr("192.168.50.11") }
	env.MTU = func(netip.Addr) (int, bool) { return 1500, true }
	code = cli.Run(t.Context(), env, args)
	return code, out.String(), errs.String()
}

// joinDB runs "node join" or "node leave" on a test's database.
func joinDB(t *testing.T, db string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return ctl(t, append(append([]string{"node"}, args...), "--db", db, "--offline")...)
}

func mustJoinDB(t *testing.T, db string, args ...string) string {
	t.Helper()
	code, stdout, stderr := joinDB(t, db, args...)
	if code != 0 {
		t.Fatalf("node %v: exit code %d: %s", args, code, stderr)
	}
	return stdout
}

func TestJoinMakesTheNode(t *testing.T) {
	db := database(t)
	vsctl(t, db, "set-manager", "ptcp:6640:127.0.0.1")
	stdout := mustJoinDB(t, db, "join", "node1", "--controller", "192.168.50.10", "--local-ip", "192.168.50.11", "--dst-port", "8472", "--datapath-type", "netdev")
	if want := "sdnctl node create node1 --tunnel-ip 192.168.50.11\n"; stdout != want {
		t.Errorf("stdout %q, want %q", stdout, want)
	}
	got := map[string]string{}
	for name, args := range map[string][]string{
		"fail mode":     {"get-fail-mode", "br-int"},
		"protocols":     {"get", "bridge", "br-int", "protocols"},
		"datapath type": {"get", "bridge", "br-int", "datapath_type"},
		"other config":  {"get", "bridge", "br-int", "other_config"},
		"controller":    {"get-controller", "br-int"},
		"backoff":       {"get", "controller", "br-int", "max_backoff", "inactivity_probe", "connection_mode"},
		"ports":         {"list-ports", "br-int"},
		"tunnel":        {"get", "interface", "vxlan-sdn", "type", "options"},
		"managers":      {"get-manager"},
	} {
		got[name] = strings.TrimSpace(vsctl(t, db, args...))
	}
	want := map[string]string{
		"fail mode":     "secure",
		"protocols":     "[OpenFlow13]",
		"datapath type": "netdev",
		"other config":  `{datapath-id=ca4eba7207232f14, disable-in-band="true"}`,
		"controller":    "tcp:192.168.50.10:6653",
		"backoff":       "1000\n5000\nout-of-band",
		"ports":         "vxlan-sdn",
		"tunnel":        "vxlan\n" + `{dst_port="8472", key=flow, local_ip="192.168.50.11", remote_ip=flow}`,
		"managers":      "ptcp:6640:127.0.0.1\ntcp:192.168.50.10:6640",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("the database differs (-want +got):\n%s", d)
	}
}

func TestJoinTwiceChangesNothing(t *testing.T) {
	db := database(t)
	args := []string{"join", "node1", "--controller", "192.168.50.10"}
	mustJoinDB(t, db, args...)
	first := dump(t, db)
	mustJoinDB(t, db, args...)
	if d := cmp.Diff(first, dump(t, db)); d != "" {
		t.Errorf("the second join changed the database (-first +second):\n%s", d)
	}
	// A new address of the controller, and options no longer given.
	mustJoinDB(t, db, "join", "node1", "--controller", "192.168.50.20", "--dst-port", "8472")
	mustJoinDB(t, db, "join", "node1", "--controller", "192.168.50.20")
	if got := vsctl(t, db, "get", "interface", "vxlan-sdn", "options"); strings.Contains(got, "dst_port") {
		t.Errorf("options %s still has the dst_port of an earlier join", got)
	}
	if got := vsctl(t, db, "get-controller", "br-int"); got != "tcp:192.168.50.20:6653\n" {
		t.Errorf("controller %q", got)
	}
	if got := vsctl(t, db, "get-manager"); got != "tcp:192.168.50.20:6640\n" {
		t.Errorf("managers %q, want only that of the new address", got)
	}
}

func TestLeaveUndoesJoin(t *testing.T) {
	db := database(t)
	vsctl(t, db, "set-manager", "ptcp:6640:127.0.0.1")
	vsctl(t, db, "add-br", "br-other")
	before := dump(t, db)
	mustJoinDB(t, db, "join", "node1", "--controller", "192.168.50.10")

	vsctl(t, db, "add-port", "br-int", "web1")
	if code, _, stderr := joinDB(t, db, "leave"); code != cli.ExitConflict || !strings.Contains(stderr, "still has the ports web1;") {
		t.Errorf("leave with a port attached: exit code %d: %s", code, stderr)
	}
	vsctl(t, db, "del-port", "web1")

	mustJoinDB(t, db, "leave")
	if d := cmp.Diff(before, dump(t, db)); d != "" {
		t.Errorf("leave did not undo join (-before +after):\n%s", d)
	}
	if code, _, stderr := joinDB(t, db, "leave"); code != 0 || !strings.Contains(stderr, "nothing to undo") {
		t.Errorf("a second leave: exit code %d: %s", code, stderr)
	}
}

// TestLeaveRemovesOwnRows: leave deletes the rows that sdnd made for the node, and the
// references to them. Rows of others stay, and so does a queue that others use.
func TestLeaveRemovesOwnRows(t *testing.T) {
	db := database(t)
	vsctl(t, db, "add-br", "br-other", "--", "add-port", "br-other", "theirs")
	vsctl(t, db, "--id=@q", "create", "qos", "type=linux-htb", "external_ids:sdnctl-node=node1", "--", "set", "port", "theirs", "qos=@q",
		"--", "--id=@m", "create", "mirror", "name=theirs", "--", "add", "bridge", "br-other", "mirrors", "@m")
	rows := func() string {
		return vsctl(t, db, "--columns=_uuid,external_ids", "list", "qos", "--", "--columns=_uuid,name", "list", "mirror",
			"--", "--columns=_uuid", "list", "queue", "--", "--columns=_uuid", "list", "ipfix", "--", "--columns=_uuid", "list", "ct_zone", "--", "--columns=_uuid", "list", "datapath", "--", "--columns=qos", "list", "port", "theirs")
	}
	before := rows()
	for _, existing := range []bool{false, true} { // whether the bridge stays
		if existing {
			vsctl(t, db, "add-br", "br-int")
		}
		mustJoinDB(t, db, "join", "node1", "--controller", "192.168.50.10", "--take-over")
		own := func(key string) string {
			return "external_ids={sdnctl-node=node1,sdnctl-row=" + key + ",sdnctl=0123}"
		}
		vsctl(t, db, "--id=@queue", "create", "queue", own("queue"), "--", "--id=@qos", "create", "qos", "type=linux-htb", "queues:0=@queue", own("qos"),
			"--", "set", "port", "br-int", "qos=@qos",
			"--", "--id=@mirror", "create", "mirror", "name=m", own("mirror"), "--", "add", "bridge", "br-int", "mirrors", "@mirror",
			"--", "--id=@ipfix", "create", "ipfix", "targets=[\"192.0.2.1:4739\"]", own("ipfix"), "--", "set", "bridge", "br-int", "ipfix=@ipfix",
			"--", "--id=@zone", "create", "ct_zone", own("zone5"), "--", "--id=@datapath", "create", "datapath", own("datapath"), "ct_zones:5=@zone", "--", "set", "open_vswitch", ".", "datapaths:netdev=@datapath")
		mustJoinDB(t, db, "leave")
		if d := cmp.Diff(before, rows()); d != "" {
			t.Errorf("bridge stays %t: rows before (-) and after (+):\n%s", existing, d)
		}
	}

	mustJoinDB(t, db, "join", "node1", "--controller", "192.168.50.10", "--take-over")
	vsctl(t, db, "--id=@queue", "create", "queue", "external_ids={sdnctl-node=node1,sdnctl-row=q,sdnctl=0123}",
		"--", "set", "qos", strings.TrimSpace(vsctl(t, db, "get", "port", "theirs", "qos")), "queues:0=@queue")
	code, _, stderr := joinDB(t, db, "leave")
	if code != 0 || !strings.Contains(stderr, "stays, because a QoS of another program uses it") {
		t.Errorf("with a queue that others use: exit code %d: %s", code, stderr)
	}
}

// TestLeaveFindsTheBridge: without --bridge the bridge that joined leaves. A bridge that
// did not join is left alone.
func TestLeaveFindsTheBridge(t *testing.T) {
	db := database(t)
	vsctl(t, db, "add-br", "br-int")
	before := dump(t, db)
	mustJoinDB(t, db, "join", "node1", "--controller", "192.168.50.10", "--bridge", "ovs-br1")
	joined := dump(t, db)
	code, _, stderr := joinDB(t, db, "leave", "--bridge", "br-int", "--force")
	if code != cli.ExitConflict || !strings.Contains(stderr, "br-int of this machine does not belong to a node, but ovs-br1 does: leave with --bridge ovs-br1") {
		t.Errorf("another bridge: exit code %d: %s", code, stderr)
	}
	if d := cmp.Diff(joined, dump(t, db)); d != "" {
		t.Errorf("it was refused and changed all the same:\n%s", d)
	}
	mustJoinDB(t, db, "leave")
	if d := cmp.Diff(before, dump(t, db)); d != "" {
		t.Errorf("leave did not undo join (-before +after):\n%s", d)
	}
}

// TestJoinTakesOver: join takes over a bridge in use only with a flag that says so, and
// leave restores what was there, row by row.
func TestJoinTakesOver(t *testing.T) {
	for _, tt := range []struct {
		name  string
		made  []string // commands of ovs-vsctl
		takes []string // what join says about it
		keeps string   // a flag that helps against one of them
	}{
		{
			name: "ports and a controller",
			made: []string{"add-br", "br-int", "--", "add-port", "br-int", "eth7", "--", "add-port", "br-int", "eth8",
				"--", "set-controller", "br-int", "tcp:10.0.0.9:6653", "--", "set", "controller", "br-int", "max_backoff=7000",
				"connection_mode=out-of-band", `external_ids:of="theirs, too"`},
			takes: []string{"2 ports eth7, eth8: no longer pass packets", "controller tcp:10.0.0.9:6653: replaced by tcp:192.168.50.10:6653"},
		},
		{
			name: "settings",
			made: []string{"add-br", "br-int", "--", "set", "bridge", "br-int", "fail_mode=standalone", "protocols=OpenFlow10,OpenFlow13",
				"other_config:datapath-id=00000000000000aa", "other_config:hwaddr=02:00:00:00:00:01", "external_ids:theirs=kept"},
			takes: []string{"fail_mode standalone: becomes secure", "protocols OpenFlow10,OpenFlow13: become OpenFlow13", "datapath id 00000000000000aa: becomes ca4eba7207232f14; keep it with --datapath-id"},
		},
		{
			name:  "two controllers and a tunnel of our name",
			made:  []string{"add-br", "br-int", "--", "set-controller", "br-int", "tcp:10.0.0.9", "ssl:10.0.0.8", "--", "add-port", "br-int", "vxlan-sdn", "--", "set", "interface", "vxlan-sdn", "type=gre", "options:remote_ip=10.0.0.7"},
			takes: []string{"controller ssl:10.0.0.8, tcp:10.0.0.9: replaced", "port vxlan-sdn of type gre: becomes sdnd's tunnel"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := database(t)
			vsctl(t, db, tt.made...)
			before := content(t, db)
			join := []string{"join", "node1", "--controller", "192.168.50.10"}
			code, _, stderr := joinDB(t, db, join...)
			if code != cli.ExitConflict || !strings.Contains(stderr, "nothing was changed") {
				t.Errorf("join: exit code %d: %s", code, stderr)
			}
			for _, take := range tt.takes {
				if !strings.Contains(stderr, take) {
					t.Errorf("join does not say %q: %s", take, stderr)
				}
			}
			if d := cmp.Diff(before, content(t, db)); d != "" {
				t.Errorf("refused, and changed all the same (-before +after):\n%s", d)
			}
			mustJoinDB(t, db, append(join, "--take-over")...)
			if got := vsctl(t, db, "get-controller", "br-int"); got != "tcp:192.168.50.10:6653\n" {
				t.Errorf("controller %q", got)
			}
			mustJoinDB(t, db, join...) // it is the node now
			mustJoinDB(t, db, "leave")
			if d := cmp.Diff(before, content(t, db)); d != "" {
				t.Errorf("leave did not put back what was there (-before +after):\n%s", d)
			}
		})
	}
}

// TestLeaveOfAnOlderJoin: a bridge whose join recorded nothing, by an old release, is not
// removed as a whole.
func TestLeaveOfAnOlderJoin(t *testing.T) {
	db := database(t)
	mustJoinDB(t, db, "join", "node1", "--controller", "192.168.50.10")
	for _, key := range []string{"sdnctl-made", "sdnctl-found", "sdnctl-underlay-mtu"} {
		vsctl(t, db, "remove", "bridge", "br-int", "external_ids", key)
	}
	vsctl(t, db, "remove", "interface", "vxlan-sdn", "options", "local_ip")
	mustJoinDB(t, db, "join", "node1", "--controller", "192.168.50.10") // an upgrade
	if got := vsctl(t, db, "get", "interface", "vxlan-sdn", "options:local_ip"); strings.Trim(got, "\"\n") != "192.168.50.11" {
		t.Errorf("local_ip %s after an upgrade", got)
	}
	if code, _, stderr := joinDB(t, db, "leave"); code != 0 || !strings.Contains(stderr, "ovs-vsctl del-br br-int") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	if got := vsctl(t, db, "list-br"); got != "br-int\n" {
		t.Errorf("bridges %q", got)
	}
	if got := vsctl(t, db, "get-fail-mode", "br-int") + vsctl(t, db, "list-ports", "br-int") + vsctl(t, db, "get-controller", "br-int") + vsctl(t, db, "get-manager"); got != "secure\n" {
		t.Errorf("left: %q", got)
	}
}

// TestJoinLeavesOthersTunnelsAlone: a VXLAN port that would receive our packets, or whose
// packets ours would receive, is not changed, and no port is made beside it.
func TestJoinLeavesOthersTunnelsAlone(t *testing.T) {
	db := database(t)
	vsctl(t, db, "add-br", "br-tun", "--", "add-port", "br-tun", "vx0", "--", "set", "interface", "vx0", "type=vxlan", "options:remote_ip=flow", "options:key=flow")
	before := dump(t, db)
	code, _, stderr := joinDB(t, db, "join", "node1", "--controller", "192.168.50.10", "--take-over")
	if code != cli.ExitConflict || !strings.Contains(stderr, "port vx0 of bridge br-tun receives any VNI from any address on UDP port 4789") {
		t.Errorf("join: exit code %d: %s", code, stderr)
	}
	if d := cmp.Diff(before, dump(t, db)); d != "" {
		t.Errorf("changed all the same (-before +after):\n%s", d)
	}
	mustJoinDB(t, db, "join", "node1", "--controller", "192.168.50.10", "--dst-port", "4790")
}

// TestJoinRegisters: with --register the node is declared, too, once.
func TestJoinRegisters(t *testing.T) {
	_, run := live(t) // first, for it looks for leaks when all else has ended
	db := database(t)
	for _, want := range []string{"node/node1 created, revision 1\n", "node/node1 is declared already\n"} {
		stdout, stderr := &listener{}, &listener{}
		code := run(t.Context(), stdout, stderr, "node", "join", "node1", "--controller", "192.168.50.10",
			"--tunnel-ip", "192.168.50.11", "--local-ip", "127.0.0.1", "--register", "--db", db, "--offline")
		if code != 0 || !strings.HasSuffix(stderr.String(), want) || stdout.String() != "" {
			t.Errorf("exit code %d, stdout %q, stderr %q, want %q", code, stdout, stderr, want)
		}
	}
	stdout := &listener{}
	run(t.Context(), stdout, &listener{}, "node", "show", "node1", "-o", "json")
	if !strings.Contains(stdout.String(), `"datapathID": "ca4eba7207232f14"`) {
		t.Errorf("the node has another datapath id than the bridge: %s", stdout)
	}
}

// TestPrintedScript runs what --print prints, twice, and compares the result with that of
// join itself; likewise for leave.
func TestPrintedScript(t *testing.T) {
	shell := func(db, script string) {
		t.Helper()
		// --timeout, for --no-wait is not in the printed script.
		script = strings.ReplaceAll(script, "ovs-vsctl --db="+db, "ovs-vsctl")
		script = strings.ReplaceAll(script, "--timeout=10", "--no-wait --timeout=10 --db="+db)
		if out, err := exec.Command("sh", "-ec", script).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s\n%s", err, out, script)
		}
	}
	script := func(args ...string) string {
		t.Helper()
		code, stdout, stderr := ctl(t, append([]string{"node"}, append(args, "--print")...)...)
		if code != 0 {
			t.Fatalf("exit code %d: %s", code, stderr)
		}
		return stdout
	}
	direct, printed := database(t), database(t)
	empty := content(t, direct)
	mustJoinDB(t, direct, "join", "node1", "--controller", "192.168.50.10")
	vsctl(t, direct, "remove", "bridge", "br-int", "external_ids", "sdnctl-underlay-mtu") // no script knows it
	join := script("join", "node1", "--controller", "192.168.50.10", "--tunnel-ip", "192.168.50.11")
	shell(printed, join)
	shell(printed, join)
	if d := cmp.Diff(content(t, direct), content(t, printed)); d != "" {
		t.Errorf("the printed script makes another node (-join +script):\n%s", d)
	}
	shell(printed, script("leave", "--db", printed))
	if d := cmp.Diff(empty, content(t, printed)); d != "" {
		t.Errorf("the printed script of leave leaves something (-empty +left):\n%s", d)
	}
}
