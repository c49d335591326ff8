package condition

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/topology"
)

var update = flag.Bool("update", false, "write docs/conditions.md anew")

// healthyNode is a node of which nothing is wrong.
func healthyNode() NodeFacts {
	return NodeFacts{Name: "node1", Connected: true, Seen: true, InSync: true, OVSDB: true, NeedsOVSDB: true, TunnelPort: true}
}

func node(change func(*NodeFacts)) []Condition {
	f := healthyNode()
	change(&f)
	return Node(f)
}

// healthyPort is a port of which nothing is wrong.
func healthyPort() PortFacts {
	return PortFacts{Name: "web", Node: "node1", InterfaceID: "web", Bound: true}
}

func port(change func(*PortFacts)) []Condition {
	f := healthyPort()
	change(&f)
	return Port(f)
}

// cases has for each reason facts that produce it.
func cases() map[Reason][]Condition {
	return map[Reason][]Condition{
		NotConnected:       node(func(f *NodeFacts) { f.Connected = false }),
		FlowsRefused:       node(func(f *NodeFacts) { f.LastError = "table full" }),
		NotInSync:          node(func(f *NodeFacts) { f.InSync = false }),
		OVSDBNotConnected:  node(func(f *NodeFacts) { f.OVSDB = false }),
		TunnelPortMissing:  node(func(f *NodeFacts) { f.TunnelPort = false }),
		FailModeStandalone: node(func(f *NodeFacts) { f.Standalone = true }),
		NotBound:           port(func(f *PortFacts) { f.Bound, f.Unbound = false, "no interface has its id" }),
		ClaimConflict:      port(func(f *PortFacts) { f.Interface, f.Rivals = "veth1", []Place{{"node2", "veth2"}} }),
	}
}

// Every reason is produced by the facts that it is about, alone, and says what
// is the case and what to do.
func TestReasons(t *testing.T) {
	for _, all := range [][]Condition{node(func(*NodeFacts) {}), port(func(*PortFacts) {})} {
		if len(all) != 0 {
			t.Errorf("a healthy object has %+v", all)
		}
	}
	produced := cases()
	for _, d := range Reasons() {
		all, ok := produced[d.Reason]
		if !ok {
			t.Errorf("no case produces %s", d.Reason)
			continue
		}
		if len(all) != 1 || all[0].Reason != d.Reason || all[0].Severity != d.Severity {
			t.Errorf("%s: produced %+v", d.Reason, all)
			continue
		}
		if c := all[0]; c.Message == "" || c.Action == "" || strings.HasSuffix(c.Message, ".") {
			t.Errorf("%s: message %q, action %q", d.Reason, c.Message, c.Action)
		}
		if Ready(all) != (d.Severity == Warning) {
			t.Errorf("%s is %s, and ready is %v", d.Reason, d.Severity, Ready(all))
		}
		delete(produced, d.Reason)
	}
	for r := range produced {
		t.Errorf("%s is not in the table", r)
	}
}

// An object's conditions come in the order of the table, so that they can be
// compared.
func TestOrder(t *testing.T) {
	rank := map[Reason]int{}
	for i, d := range Reasons() {
		if _, twice := rank[d.Reason]; twice {
			t.Errorf("%s is in the table twice", d.Reason)
		}
		rank[d.Reason] = i
	}
	worst := NodeFacts{Name: "node1", Connected: true, NeedsOVSDB: true, LastError: "table full", Standalone: true}
	all := Node(worst)
	for i := 1; i < len(all); i++ {
		if rank[all[i-1].Reason] >= rank[all[i].Reason] {
			t.Errorf("%s comes before %s", all[i-1].Reason, all[i].Reason)
		}
	}
}

// The facts of a node that never connected, and of one that was there.
func TestNotConnected(t *testing.T) {
	never := node(func(f *NodeFacts) { f.Connected, f.Seen, f.TunnelPort = false, false, false })
	if len(never) != 1 || never[0].Action != "on that machine run: sdnctl node join node1" {
		t.Errorf("never connected: %+v", never)
	}
	gone := node(func(f *NodeFacts) { f.Connected, f.LastError = false, "disconnected: EOF" })
	if len(gone) != 1 || gone[0].Message != "its switch is not connected: disconnected: EOF" {
		t.Errorf("gone: %+v", gone)
	}
}

const document = "../../docs/conditions.md"

// TestDocument holds docs/conditions.md to the table of reasons.
func TestDocument(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Conditions\n\n" +
		"What `sdnctl status` and `show` list, `status.conditions` of the API holds and `sdnctl watch` tells when it changes. " +
		"An object is ready (`status.ready`) when none of its conditions is an error; each condition comes with " +
		"a message that has the facts, the command or step that cures it, and since when it is so.\n\n" +
		"This page is made from the table in `controller/condition/reasons.go`.\n")
	for _, kind := range []topology.Kind{topology.KindNode, topology.KindNetwork, topology.KindPort} {
		rows := ""
		for _, d := range Reasons() {
			if d.Kind == kind {
				rows += fmt.Sprintf("| `%s` | %s | %s |\n", d.Reason, d.Severity, d.Text)
			}
		}
		if rows != "" {
			fmt.Fprintf(&b, "\n## Of a %s\n\n| reason | severity | meaning |\n|---|---|---|\n%s", kind, rows)
		}
	}
	if *update {
		if err := os.WriteFile(document, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(have), b.String()); diff != "" {
		t.Errorf("%s is not current; run go test ./controller/condition -update (-have +want):\n%s", document, diff)
	}
}
