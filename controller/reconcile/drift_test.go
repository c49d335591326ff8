package reconcile_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/reconcile"
	"github.com/sdnctl/sdnctl/controller/worker"
	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/topology"
)

// tamper runs ovs-ofctl on a node.
func (b *bed) tamper(n *lab.Node, args ...string) {
	b.Helper()
	if _, err := n.OFCtl(b.Context(), append([]string{"-O", "OpenFlow13"}, args...)...); err != nil {
		b.Fatal(err)
	}
}

// drifted waits for n drifts of the node and returns the newest.
func (b *bed) drifted(node string, n int) worker.Drift {
	b.Helper()
	var all []worker.Drift
	b.await("the drift to be reported", func(context.Context) error {
		if all = b.fabric.Drifts(node); len(all) != n {
			return fmt.Errorf("%d drifts, want %d: %+v", len(all), n, all)
		}
		return nil
	})
	return all[n-1]
}

func TestTamperAlarm(t *testing.T) {
	b, n := newBedWithPort(t)
	port := topology.Ref{Kind: topology.KindPort, Name: "p1"}
	node := topology.Ref{Kind: topology.KindNode, Name: "node1"}

	tests := []struct {
		name          string
		args          []string
		what, table   string
		owner         topology.Ref
		before, after string
	}{
		{"a flow of somebody else", []string{"add-flow", "br-int", "table=0,priority=9999,actions=drop"},
			"added", "classify", topology.Ref{}, "", "priority=9999"},
		{"a flow of ours deleted", []string{"del-flows", "br-int", "table=80"},
			"deleted", "forward", port, "dl_dst=", ""},
		{"a flow of ours modified", []string{"mod-flows", "br-int", "table=40,actions=drop"},
			"modified", "bridge", node, "goto_table:80", "drop"},
		{"a flow of ours replaced", []string{"add-flow", "br-int", "table=40,priority=0,actions=NORMAL"},
			"modified", "bridge", node, "goto_table:80", "NORMAL"},
	}
	for i, tt := range tests {
		b.tamper(n, tt.args...)
		d := b.drifted("node1", i+1)
		if d.What != tt.what || d.Table != tt.table || d.Owner != tt.owner || d.By != "monitor" || d.Node != "node1" {
			t.Errorf("%s: %+v", tt.name, d)
		}
		if !strings.Contains(d.Before, tt.before) || (tt.before == "") != (d.Before == "") ||
			!strings.Contains(d.After, tt.after) || (tt.after == "") != (d.After == "") {
			t.Errorf("%s: before %q, after %q", tt.name, d.Before, d.After)
		}
		b.settled()
	}
	// What we change ourselves is no drift.
	b.apply(portOp("p2", "node1"))
	b.apply(del(topology.KindPort, "p1"))
	b.settled()
	if a := b.fabric.Audit(b.Context(), "node1"); a.Verdict != worker.Equal {
		t.Errorf("audit: %+v", a)
	}
	b.drifted("node1", len(tests))
}

// TestTamperAtScale deletes all of 10,000 flows: one occasion, mended at once,
// and not ten thousand lines in the log.
func TestTamperAtScale(t *testing.T) {
	b := newBed(t, 1)
	n := b.Nodes[0]
	ops := []topology.Op{b.nodeOp(n), put(topology.KindNode, "elsewhere", topology.NodeSpec{TunnelIP: n.Addr.Next()}), networkOp(), portOp("p1", "node1")}
	for i := range 5000 {
		ops = append(ops, portOp(fmt.Sprintf("r%d", i), "elsewhere"))
	}
	b.plug(n, "p1")
	b.apply(ops...)
	b.join(n)
	count := perNode + perNetwork + perPort + 5000*perRemote + perPair +
		1 + // of elsewhere it is not known what it sends from
		1 // the stamp
	wait := func() {
		b.await("all flows", func(ctx context.Context) error {
			s, _ := b.fabric.NodeStatus("node1")
			count := count
			if worker.Stale(s.OVSVersion) {
				count += len(new(pipeline.ItemSet).AddInvalidations("", pipeline.Digest{}, new(pipeline.Compiler).Entries(b.fabric.View(), "node1")))
			}
			if s.Items.Flows() != count || !s.InSync {
				return fmt.Errorf("%+v", s)
			}
			got, err := n.FlowCount(ctx)
			if err == nil && got != count {
				err = fmt.Errorf("%d flows, want %d", got, count)
			}
			return err
		})
	}
	wait()
	start := time.Now()
	b.tamper(n, "add-flow", "br-int", "table=0,priority=1,actions=NORMAL")
	d := b.drifted("node1", 1)
	t.Logf("one foreign flow among %d: reported after %v (ovs-ofctl included)", count, d.Time.Sub(start))
	wait()
	start = time.Now()
	b.tamper(n, "del-flows", "br-int")
	b.await("the drift", func(context.Context) error {
		if len(b.fabric.Drifts("")) < 2 {
			return fmt.Errorf("none is reported")
		}
		return nil
	})
	t.Logf("%d flows deleted: undone after %v (ovs-ofctl included)", count, time.Since(start))
	wait()
	if got := len(b.fabric.Drifts("")); got > 1+2*100 {
		t.Errorf("%d drifts are remembered one by one", got)
	}
}

// TestAuditWithoutMonitor: a switch that cannot report changes is audited.
func TestAuditWithoutMonitor(t *testing.T) {
	b := newBedWith(t, 1, reconcile.Config{NoMonitor: true, AuditEvery: 20 * time.Millisecond})
	n := b.Nodes[0]
	if a := b.fabric.Audit(b.Context(), "node1"); a.Verdict != worker.Unknown || a.Reason == "" {
		t.Errorf("audit of an unknown node: %+v", a)
	}
	b.plug(n, "p1")
	b.apply(b.nodeOp(n), networkOp(), portOp("p1", "node1"))
	if a := b.fabric.Audit(b.Context(), "node1"); a.Verdict != worker.Unknown || a.Reason == "" {
		t.Errorf("audit of a node that is not connected: %+v", a)
	}
	b.join(n)
	b.settled()
	b.tamper(n, "add-flow", "br-int", "table=0,priority=9999,actions=drop")
	if d := b.drifted("node1", 1); d.What != "added" || d.By != "audit" {
		t.Errorf("%+v", d)
	}
	b.tamper(n, "mod-flows", "br-int", "table=40,actions=drop")
	b.await("the modified flow to be mended", func(ctx context.Context) error {
		if a := b.fabric.Audit(ctx, "node1"); a.Verdict != worker.Equal {
			return fmt.Errorf("%+v", a)
		}
		return nil
	})
	b.settled()
}

// TestAuditWaitsForWhatIsHeld: while a port moves, its old node keeps flows that
// are no longer to be. That is no drift, and an audit does not end it.
func TestAuditWaitsForWhatIsHeld(t *testing.T) {
	b := newBed(t, 2)
	for _, n := range b.Nodes {
		b.plug(n, "p1")
		b.plug(n, n.Name)
		b.apply(b.nodeOp(n))
		b.join(n)
	}
	b.apply(networkOp(), portOp("p1", "node1"), portOp("node1", "node1"), portOp("node2", "node2"))
	b.settled()
	for i := range 6 {
		from, to := b.Nodes[i%2], b.Nodes[(i+1)%2]
		b.apply(portOp("p1", to.Name))
		b.apply(portOp(fmt.Sprintf("q%d", i), to.Name)) // which concerns the old node too
		for range 20 {
			if a := b.fabric.Audit(b.Context(), from.Name); a.Verdict != worker.Equal {
				t.Errorf("move %d: audit of the old node: %+v", i, a)
			}
		}
		b.settled()
	}
	if all := b.fabric.Drifts(""); len(all) > 0 {
		t.Errorf("taken for drifts: %+v", all)
	}
}
