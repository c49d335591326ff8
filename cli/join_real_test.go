package cli_test

import (
	"bytes"
	"context"
	"net/netip"
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

// dump returns all that join may touch, rows by their identity.
func dump(t *testing.T, db string) string {
	t.Helper()
	var all strings.Builder
	for _, table := range []string{"bridge", "port", "interface", "controller", "manager"} {
		all.WriteString(vsctl(t, db, "list", table))
	}
	return all.String()
}

// ctl runs sdnctl in this process and returns its exit code and output.
func ctl(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	env := cli.OSEnv("test")
	env.In, env.Out, env.Err = strings.NewReader(""), &out, &errs
	env.LocalAddr = func(netip.Addr) string { return "192.168.50.11" }
	code = cli.Run(t.Context(), env, args)
	return code, out.String(), errs.String()
}

// joinDB runs "node join" or "node leave" on a test's database.
func joinDB(t *testing.T, db string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return ctl(t, append(append([]string{"node"}, args...), "--db", db, "--no-wait")...)
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
	mustJoinDB(t, db, "join", "node1", "--controller", "192.168.50.20", "--local-ip", "192.168.50.11")
	mustJoinDB(t, db, "join", "node1", "--controller", "192.168.50.20")
	if got := vsctl(t, db, "get", "interface", "vxlan-sdn", "options"); strings.Contains(got, "local_ip") {
		t.Errorf("options %s still has the local_ip of an earlier join", got)
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
	if code, _, stderr := joinDB(t, db, "leave"); code != cli.ExitFailure || !strings.Contains(stderr, "still has the ports web1;") {
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

func TestJoinKeepsWhatIsOthers(t *testing.T) {
	db := database(t)
	vsctl(t, db, "add-br", "br-int", "--", "set-controller", "br-int", "tcp:10.0.0.9:6653")
	before := dump(t, db)
	code, _, stderr := joinDB(t, db, "join", "node1", "--controller", "192.168.50.10")
	if code != cli.ExitFailure || !strings.Contains(stderr, "already has the controller tcp:10.0.0.9:6653") {
		t.Errorf("join: exit code %d: %s", code, stderr)
	}
	if code, _, stderr := joinDB(t, db, "leave"); code != cli.ExitFailure || !strings.Contains(stderr, "was not made by") {
		t.Errorf("leave: exit code %d: %s", code, stderr)
	}
	if d := cmp.Diff(before, dump(t, db)); d != "" {
		t.Errorf("refused, and changed all the same (-before +after):\n%s", d)
	}
	mustJoinDB(t, db, "join", "node1", "--controller", "192.168.50.10", "--force")
	if got := vsctl(t, db, "get-controller", "br-int"); got != "tcp:192.168.50.10:6653\n" {
		t.Errorf("controller %q", got)
	}
}

// TestJoinRegisters: with --register the node is declared too, once.
func TestJoinRegisters(t *testing.T) {
	_, run := live(t) // first, for it looks for leaks when all else has ended
	db := database(t)
	for _, want := range []string{"node/node1 created, revision 1\n", "node/node1 is declared already\n"} {
		stdout, stderr := &listener{}, &listener{}
		code := run(t.Context(), stdout, stderr, "node", "join", "node1", "--controller", "192.168.50.10",
			"--tunnel-ip", "192.168.50.11", "--register", "--db", db, "--no-wait")
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

// TestPrintedScript runs what --print prints, twice, and compares it with what
// join itself does; and so for leave.
func TestPrintedScript(t *testing.T) {
	shell := func(db, script string) {
		t.Helper()
		// --timeout, for --no-wait is not in the printed script.
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
	state := func(db string) string {
		t.Helper()
		var rows []string // in no order that means something
		for table, columns := range map[string]string{
			"bridge":     "name,fail_mode,protocols,other_config,external_ids",
			"interface":  "name,type,options",
			"controller": "target,max_backoff,inactivity_probe,connection_mode",
			"manager":    "target,max_backoff,inactivity_probe,external_ids",
		} {
			list := strings.TrimSpace(vsctl(t, db, "--columns="+columns, "list", table))
			rows = append(rows, strings.Split(list, "\n\n")...)
		}
		slices.Sort(rows)
		return strings.Join(rows, "\n\n")
	}
	direct, printed := database(t), database(t)
	empty := state(direct)
	mustJoinDB(t, direct, "join", "node1", "--controller", "192.168.50.10")
	join := script("join", "node1", "--controller", "192.168.50.10")
	shell(printed, join)
	shell(printed, join)
	if d := cmp.Diff(state(direct), state(printed)); d != "" {
		t.Errorf("the printed script makes another node (-join +script):\n%s", d)
	}
	leave := script("leave")
	shell(printed, leave)
	shell(printed, leave)
	if d := cmp.Diff(empty, state(printed)); d != "" {
		t.Errorf("the printed script of leave leaves something (-empty +left):\n%s", d)
	}
}
