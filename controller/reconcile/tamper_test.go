package reconcile_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sdnctl/sdnctl/controller/worker"
	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/openflow/session"
	"github.com/sdnctl/sdnctl/topology"
)

// tamperBundle has ovs-ofctl do all lines at once.
func (b *bed) tamperBundle(n *lab.Node, lines ...string) {
	b.Helper()
	file := filepath.Join(b.TempDir(), "flows")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		b.Fatal(err)
	}
	b.tamper(n, "--bundle", "add-flows", "br-int", file)
}

// another is a connection with a node's switch like that of ovs-ofctl.
func (b *bed) another(n *lab.Node) *session.Session {
	b.Helper()
	conn, err := net.Dial("unix", filepath.Join(n.Dir, "br-int.mgmt"))
	if err != nil {
		b.Fatal(err)
	}
	s, err := session.Handshake(b.Context(), conn, session.Config{})
	if err != nil {
		b.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Run(context.WithoutCancel(b.Context())) }()
	b.Cleanup(func() {
		s.Close()
		<-ended
	})
	return s
}

// counted is how many drifts of a node the metric counts, by what was done and
// in all.
func (b *bed) counted(node string) map[string]int {
	b.Helper()
	families, err := b.reg.Gather()
	if err != nil {
		b.Fatal(err)
	}
	counts := map[string]int{}
	for _, f := range families {
		if f.GetName() != "sdnd_drifts_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if labels["node"] == node {
				n := int(m.GetCounter().GetValue())
				counts[labels["what"]] += n
				counts[""] += n
			}
		}
	}
	return counts
}

// mended waits until so many drifts are counted. By then the switch must be as
// compiled, without its having been read back.
func (b *bed) mended(what string, n *lab.Node, drifts int) {
	b.Helper()
	b.await(what+": the drifts to be counted", func(context.Context) error {
		if got := b.counted(n.Name); got[""] < drifts {
			return fmt.Errorf("%d, want %d: %v", got[""], drifts, got)
		}
		return nil
	})
	if a := b.fabric.Audit(b.Context(), n.Name); a.Verdict != worker.Equal {
		b.Errorf("%s: %+v", what, a)
	}
	b.settled()
	if got := b.counted(n.Name); got[""] != drifts {
		b.Errorf("%s: drifts are counted more than once: %v, want %d", what, got, drifts)
	}
}

// TestTamperNasty: what is done to flows in ways that are easily mistaken is
// undone without reading the switch back, with no more than it takes, and
// counted once.
func TestTamperNasty(t *testing.T) {
	b, n := newBedWithPort(t)
	bridge := b.flowIn("node1", 40)
	const ours = "table=40,priority=0,actions=goto_table:80"
	cookie := fmt.Sprintf("cookie=%#x", uint64(bridge.Cookie))
	if s := bridge.String(); s != "table=40, priority=0 actions=goto_table:80" {
		t.Fatalf("the flow of table 40 is %s", s)
	}
	forward := b.flowIn("node1", 80)
	_, port, _ := strings.Cut(forward.String(), "table=80, ")

	tests := []struct {
		name  string
		lines []string // of one bundle
		// How many drifts of each kind that makes, and what undoing them takes.
		added, deleted, modified int
		adds, deletes            float64
	}{
		{"a cookie of ours", []string{cookie + ",table=40,priority=77,ip,actions=drop"}, 1, 0, 0, 0, 1},
		{"a cookie of ours in another table", []string{cookie + ",table=7,priority=77,ip,actions=drop"}, 1, 0, 0, 0, 1},
		{"our content with another priority", []string{cookie + ",table=40,priority=1,actions=goto_table:80"}, 1, 0, 0, 0, 1},
		{"other actions under our cookie", []string{"modify_strict table=40,priority=0,actions=drop"}, 0, 0, 1, 1, 0},
		{"another cookie for the same flow", []string{"delete_strict table=40,priority=0", "cookie=0x5," + ours}, 0, 1, 1, 1, 0},
		{"another flow in our place", []string{"cookie=0x5,table=40,priority=0,actions=NORMAL"}, 0, 0, 1, 1, 0},
		{"with a timeout", []string{cookie + ",hard_timeout=600," + ours}, 0, 0, 1, 1, 0},
		{"deleted and put back", []string{"delete_strict table=40,priority=0", cookie + "," + ours}, 0, 1, 0, 0, 0},
		{"put back twice", []string{cookie + "," + ours, cookie + "," + ours}, 0, 0, 0, 0, 0},
		{"added and deleted", []string{"table=5,priority=5,actions=drop", "delete_strict table=5,priority=5"}, 1, 1, 0, 0, 0},
		{"deleted, replaced, changed", []string{
			"delete_strict table=40,priority=0", "table=40,priority=0,actions=NORMAL", "modify_strict table=40,priority=0,actions=drop",
		}, 0, 1, 2, 1, 0},
		{"several at once", []string{
			"delete table=80", "table=80,priority=9,actions=drop", "table=5,priority=5,actions=NORMAL", "modify_strict table=40,priority=0,actions=drop",
		}, 2, 1, 1, 2, 2},
		{"a foreign flow of our match", []string{"cookie=0x9,table=80," + strings.Replace(port, "priority=", "priority=1", 1)}, 1, 0, 0, 0, 1},
	}
	want := map[string]int{}
	var adds, deletes float64 = perNode + perNetwork + perPort, 0
	b.wantSent("node1", adds, deletes)
	for _, tt := range tests {
		b.tamperBundle(n, tt.lines...)
		want["added"] += tt.added
		want["deleted"] += tt.deleted
		want["modified"] += tt.modified
		want[""] += tt.added + tt.deleted + tt.modified
		b.mended(tt.name, n, want[""])
		got := b.counted("node1")
		for what, n := range want {
			if got[what] != n {
				t.Errorf("%s: %d flows are counted as %q, want %d", tt.name, got[what], what, n)
			}
		}
		adds, deletes = adds+tt.adds, deletes+tt.deletes
		b.wantSent("node1", adds, deletes)
		if t.Failed() {
			t.FailNow()
		}
	}
}

// flowIn returns the first flow of a table.
func (b *bed) flowIn(node string, table openflow.TableID) openflow.Flow {
	b.Helper()
	views, err := b.fabric.Flows(b.Context(), node)
	if err != nil {
		b.Fatal(err)
	}
	for _, v := range views {
		if v.Flow.Table == table {
			return v.Flow
		}
	}
	b.Fatalf("%s has no flow in table %d", node, table)
	return openflow.Flow{}
}

// TestTamperMany: hundreds of changes at once, on both sides of how many are
// undone one by one, are each counted once.
func TestTamperMany(t *testing.T) {
	b := newBed(t, 2)
	n := b.Nodes[0]
	b.plug(n, "p1")
	ops := []topology.Op{b.nodeOp(n), b.nodeOp(b.Nodes[1]), networkOp(), portOp("p1", "node1")}
	for i := range 300 {
		ops = append(ops, portOp(fmt.Sprintf("r%d", i), "node2"))
	}
	b.apply(ops...)
	b.join(n)
	b.join(b.Nodes[1])
	b.settled()
	want := 0
	for _, many := range []int{50, 198, 900} {
		lines := []string{"delete table=80", "modify table=40,actions=drop"}
		want += 301 + 1
		for i := range many {
			lines = append(lines, fmt.Sprintf("table=%d,priority=%d,actions=drop", 100+i%5, i))
			want++
		}
		b.tamperBundle(n, lines...)
		b.mended(fmt.Sprintf("%d flows", many), n, want)
	}
}

// TestTamperAgain: a flow that is replaced again and again, also while that is
// being undone, is in the end as it should be, and each time is counted.
func TestTamperAgain(t *testing.T) {
	b, n := newBedWithPort(t)
	s := b.another(n)
	const times = 400
	for i := range times {
		f := openflow.Flow{Table: 40, Cookie: openflow.Cookie(i % 3)}
		if _, err := s.Do(b.Context(), openflow.NewFlowMod(openflow.FlowAdd, f)); err != nil {
			t.Fatal(err)
		}
	}
	b.mended("replaced again and again", n, times)
	if got := b.counted("node1"); got["modified"] != times {
		t.Errorf("counted: %v", got)
	}
}

// TestTamperDuringWork: while ports come and go others take away flows of ours
// and add their own, some of them where ours are. Nothing of it is left, no job
// is lost, and no flow comes back that was to go.
func TestTamperDuringWork(t *testing.T) {
	b := newBed(t, 2)
	n := b.Nodes[0]
	b.plug(n, "p1")
	b.apply(b.nodeOp(n), b.nodeOp(b.Nodes[1]), networkOp(), portOp("p1", "node1"))
	b.join(n)
	b.join(b.Nodes[1])
	b.settled()
	s := b.another(n)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; b.Context().Err() == nil && i < 300; i++ {
			mod := openflow.NewFlowMod(openflow.FlowDelete, openflow.Flow{Table: 80})
			switch i % 3 {
			case 1:
				mod = openflow.NewFlowMod(openflow.FlowModify, openflow.Flow{Table: 80})
			case 2:
				mod = openflow.NewFlowMod(openflow.FlowAdd, openflow.Flow{Table: 80, Priority: uint16(i), Cookie: openflow.Cookie(i)})
			}
			if _, err := s.Do(b.Context(), mod); err != nil {
				b.Error(err)
				return
			}
		}
	}()
	for i := range 120 {
		name := fmt.Sprintf("r%d", i%7)
		b.apply(portOp(name, "node2"))
		if i%2 == 1 {
			b.apply(del(topology.KindPort, name))
		}
	}
	<-done
	b.settled()
	if a := b.fabric.Audit(b.Context(), "node1"); a.Verdict != worker.Equal {
		t.Errorf("audit: %+v", a)
	}
}

// TestBridgeRemoved: flows that go with their bridge are not said to have been
// put back.
func TestBridgeRemoved(t *testing.T) {
	b, n := newBedWithPort(t)
	if _, err := n.VSCtl(b.Context(), "del-br", "br-int"); err != nil {
		t.Fatal(err)
	}
	b.await("the switch to be gone", func(context.Context) error {
		if s, _ := b.fabric.NodeStatus(n.Name); s.Connected {
			return fmt.Errorf("connected")
		}
		return nil
	})
	if all, counted := b.fabric.Drifts(""), b.counted(n.Name); len(all) > 0 || len(counted) > 0 {
		t.Errorf("drifts %+v, counted %v", all, counted)
	}
}

// TestTamperUnreported: changes that the monitor does not report are found when the switch is
// read back after a repair. Flags of a flow are such a thing.
func TestTamperUnreported(t *testing.T) {
	b := newBed(t, 1)
	n := b.Nodes[0]
	b.apply(b.nodeOp(n))
	b.join(n)
	b.settled()
	f := b.flowIn("node1", 40)
	b.tamper(n, "add-flow", "br-int", fmt.Sprintf("cookie=%#x,table=40,priority=0,send_flow_rem,actions=goto_table:80", uint64(f.Cookie)))
	b.await("it to be found", func(context.Context) error {
		if len(b.fabric.Drifts("")) == 0 {
			return fmt.Errorf("no drift")
		}
		return nil
	})
	for _, d := range b.fabric.Drifts("") {
		if d.By != "audit" || d.Table != "bridge" {
			t.Errorf("%+v", d)
		}
	}
	b.settled()
}

// TestTamperRefused: a switch that does not take back what others took away is
// tried again without anything else happening, and what was done is reported once.
func TestTamperRefused(t *testing.T) {
	b := newBed(t, 1)
	n := b.Nodes[0]
	b.apply(b.nodeOp(n))
	b.join(n)
	b.settled()
	// Others fill the table, and more than is ours.
	if _, err := n.VSCtl(b.Context(), "--", "--id=@t", "create", "flow_table", "flow_limit=0", "overflow_policy=refuse",
		"--", "set", "bridge", "br-int", "flow_tables:40=@t"); err != nil {
		t.Fatal(err)
	}
	b.tamper(n, "del-flows", "br-int", "table=40")
	b.await("the error", func(context.Context) error {
		if s, _ := b.fabric.NodeStatus("node1"); !strings.Contains(s.LastError, "TABLE_FULL") || s.InSync {
			return fmt.Errorf("last error: %q, in sync: %v", s.LastError, s.InSync)
		}
		return nil
	})
	if _, err := n.VSCtl(b.Context(), "clear", "bridge", "br-int", "flow_tables"); err != nil {
		t.Fatal(err)
	}
	b.settled()
	if d := b.drifted("node1", 1); d.What != "deleted" {
		t.Errorf("%+v", d)
	}
}
