package nodeconfig

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ownTables is what ovs-vsctl prints of a database in which sdnd made a QoS with a queue and a
// mirror for node1 and an IPFIX for node2. Somebody else has a QoS that uses sdnd's queue, and
// a mirror. sdnd limits a zone of each, in a datapath of its own; in node2's, somebody else limits
// another.
const ownTables = `{"headings":["_uuid","external_ids","queues"],"data":[
 [["uuid","q1"],["map",[["sdnctl","h1"],["sdnctl-node","node1"],["sdnctl-row","web"]]],["map",[[0,["uuid","u1"]]]]],
 [["uuid","q2"],["map",[["owner","me"],["sdnctl-node","node1"]]],["map",[[0,["uuid","u1"]]]]]]}
{"headings":["_uuid","external_ids"],"data":[[["uuid","u1"],["map",[["sdnctl","h2"],["sdnctl-node","node1"],["sdnctl-row","web/0"]]]]]}
{"headings":["_uuid","external_ids"],"data":[
 [["uuid","m1"],["map",[["sdnctl","h3"],["sdnctl-node","node1"],["sdnctl-row","tap"]]]],
 [["uuid","m2"],["map",[]]]]}
{"headings":["_uuid","external_ids"],"data":[[["uuid","x1"],["map",[["sdnctl","h4"],["sdnctl-node","node2"],["sdnctl-row","flows"]]]]]}
{"headings":["name","qos"],"data":[["tap7",["uuid","q1"]],["tap8",["uuid","q2"]]]}
{"headings":["name","mirrors","ipfix"],"data":[["br-int",["set",[["uuid","m1"],["uuid","m2"]]],["uuid","x1"]]]}
{"headings":["_uuid","external_ids"],"data":[
 [["uuid","z5"],["map",[["sdnctl","h5"],["sdnctl-node","node1"],["sdnctl-row","zone5"]]]],
 [["uuid","z6"],["map",[["sdnctl","h6"],["sdnctl-node","node2"],["sdnctl-row","zone6"]]]],
 [["uuid","z9"],["map",[]]]]}
{"headings":["_uuid","external_ids","ct_zones"],"data":[
 [["uuid","d1"],["map",[["sdnctl","h7"],["sdnctl-node","node1"],["sdnctl-row","datapath system"]]],["map",[[5,["uuid","z5"]]]]],
 [["uuid","d2"],["map",[["sdnctl","h8"],["sdnctl-node","node2"],["sdnctl-row","datapath netdev"]]],["map",[[6,["uuid","z6"]],[9,["uuid","z9"]]]]]]}
{"headings":["datapaths"],"data":[[["map",[["netdev",["uuid","d2"]],["system",["uuid","d1"]]]]]]}
`

// TestRemoveOwnRows: leaving removes the rows that sdnd made for the node, after what refers to
// them, and no row of another node or of another program. A row that another program uses stays, and
// the user learns of it.
func TestRemoveOwnRows(t *testing.T) {
	own, err := machine(ownTables, "").ReadOwn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for node, want := range map[string]Commands{
		"node1": {
			{"--if-exists", "remove", "port", "tap7", "qos", "q1"},
			{"--if-exists", "destroy", "qos", "q1"},
			{"--if-exists", "remove", "bridge", "br-int", "mirrors", "m1"},
			{"--if-exists", "remove", "datapath", "d1", "ct_zones", "5"},
			{"--if-exists", "remove", "open_vswitch", ".", "datapaths", "system"},
		},
		"node2": {{"--if-exists", "remove", "bridge", "br-int", "ipfix", "x1"}, {"--if-exists", "remove", "datapath", "d2", "ct_zones", "6"}},
		"node3": nil,
	} {
		var c Commands
		notes := removeOwn(&c, own, node)
		if d := cmp.Diff(want, c); d != "" {
			t.Errorf("%s (-want +got):\n%s", node, d)
		}
		if named := len(notes) == 1 && strings.Contains(notes[0], "queue u1 stays"); named != (node == "node1") {
			t.Errorf("%s: notes %q", node, notes)
		}
	}
	var all Commands
	removeOwn(&all, own, "")
	if len(all) != 7 {
		t.Errorf("for every node: %v", all)
	}
}

// TestJoinScript runs the script with a shell: it configures a machine without the bridge and a
// machine that is the node already, adds the manager only if it is missing, and changes nothing
// where the bridge is somebody else's.
func TestJoinScript(t *testing.T) {
	script := Join{
		Node: "node1", Bridge: "br-int", Controller: "ssl:192.0.2.1:6653", Manager: "ssl:192.0.2.1:6640",
		DatapathID: "00000000000000a1", InactivityProbe: 5000, LocalIP: "192.0.2.11",
	}.Script(nil)
	for name, tt := range map[string]struct {
		exists, node, managers string // the answers of ovs-vsctl
		fails                  bool
		changes                int
	}{
		"no bridge":              {exists: "exit 2", changes: 2},
		"the node already":       {exists: "exit 0", node: "node1", managers: "ssl:192.0.2.1:6640", changes: 1},
		"another manager":        {exists: "exit 0", node: "node1", managers: "ptcp:6640", changes: 2},
		"somebody else's bridge": {exists: "exit 0", fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			fake := `#!/bin/sh
case "$*" in
br-exists*) ` + tt.exists + ` ;;
*--if-exists*get*) echo '` + tt.node + `' ;;
*get-manager*) echo '` + tt.managers + `' ;;
*) echo "$*" >>"$0.log" ;;
esac
`
			if err := os.WriteFile(filepath.Join(dir, "ovs-vsctl"), []byte(fake), 0o755); err != nil {
				t.Fatal(err)
			}
			sh := exec.CommandContext(t.Context(), "/bin/sh", "-e")
			sh.Env = []string{"PATH=" + dir + ":/usr/bin:/bin"}
			sh.Stdin = strings.NewReader(script)
			out, err := sh.CombinedOutput()
			if (err != nil) != tt.fails || tt.fails && !strings.Contains(string(out), "bridge br-int exists and does not belong to a node") {
				t.Errorf("%v: %s", err, out)
			}
			log, _ := os.ReadFile(filepath.Join(dir, "ovs-vsctl.log")) // absent without changes
			calls := strings.Count(string(log), "\n")
			if calls != tt.changes || calls > 0 && !strings.Contains(string(log), "set-controller br-int ssl:192.0.2.1:6653") {
				t.Errorf("%d calls, want %d:\n%s", calls, tt.changes, log)
			}
		})
	}
}
