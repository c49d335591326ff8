package status

import (
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/workqueue"
	"github.com/sdnctl/sdnctl/topology"
)

// TestCounts: the numbers of nodes that are connected and in sync follow each change, and are those that a
// look at all nodes finds.
func TestCounts(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	b, _ := boardAt(&now, "node1", "node2", "node3")
	queue := workqueue.New()
	b.Set("node1", 7, queue)
	view := pipeline.NewView(topology.NewSnapshot())
	for _, step := range []struct {
		what              string
		do                func()
		connected, inSync int
	}{
		{"nothing is connected", func() {}, 0, 0},
		{"two connect", func() {
			b.Update("node1", func(n *Node) { n.Connected = true })
			b.Update("node2", func(n *Node) { n.Connected = true })
		}, 2, 2},
		{"one has work", func() { queue.Compare(view); b.Progressed("node1") }, 2, 1},
		{"it has a new queue", func() { b.Set("node1", 8, workqueue.New()) }, 2, 2},
		{"one disconnects", func() { b.Update("node2", func(n *Node) { n.Connected = false }) }, 1, 1},
		{"one is removed", func() { b.Remove("node1") }, 0, 0},
		{"an unknown one is removed", func() { b.Remove("node1") }, 0, 0},
	} {
		step.do()
		s := b.Summary(0)
		if s.Connected != step.connected || s.InSync != step.inSync {
			t.Errorf("%s: %d connected, %d in sync, want %d and %d", step.what, s.Connected, s.InSync, step.connected, step.inSync)
		}
		var connected, inSync int
		for name := range b.nodes {
			n, _ := b.Node(name)
			connected, inSync = connected+one(n.Connected), inSync+one(n.InSync)
		}
		if connected != s.Connected || inSync != s.InSync {
			t.Errorf("%s: a look at each node finds %d connected, %d in sync", step.what, connected, inSync)
		}
	}
}
