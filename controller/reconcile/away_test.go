package reconcile_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/sdnctl/sdnctl/topology"
)

// TestDriftWhileAway: what others did to a switch while it had no session is
// undone and told; what changed in the topology meanwhile, and a switch that
// comes back empty, is not.
func TestDriftWhileAway(t *testing.T) {
	b, n := newBedWithPort(t)
	ctx := b.Context()
	away := func(do func()) {
		b.Helper()
		if _, err := n.VSCtl(ctx, "set", "bridge", "br-int", "protocols=OpenFlow14"); err != nil {
			t.Fatal(err)
		}
		b.await("node1 to be away", func(context.Context) error {
			if s, _ := b.fabric.NodeStatus("node1"); s.Connected {
				return fmt.Errorf("connected")
			}
			return nil
		})
		do()
		if _, err := n.VSCtl(ctx, "set", "bridge", "br-int", "protocols=OpenFlow13"); err != nil {
			t.Fatal(err)
		}
		b.settled()
	}
	ofctl := func(args ...string) {
		b.Helper()
		if _, err := n.OFCtl(ctx, append([]string{"-O", "OpenFlow14"}, args...)...); err != nil {
			t.Fatal(err)
		}
	}
	told := func(what string, want int) {
		b.Helper()
		all := b.fabric.Drifts("node1")
		for _, d := range all {
			if d.By != "connection" {
				t.Errorf("%s: told by %s: %+v", what, d.By, d)
			}
		}
		if len(all) != want {
			t.Errorf("%s: %d drifts in all, want %d: %+v", what, len(all), want, all)
		}
	}
	away(func() {})
	told("nothing", 0)
	away(func() { b.apply(portOp("p2", "node1")) })
	told("a change of the topology", 0)
	away(func() {
		ofctl("add-flow", "br-int", "table=0,priority=65000,ip,nw_dst=10.0.0.3,actions=drop")
		ofctl("del-flows", "br-int", "table=0,arp,arp_spa=10.0.0.2")
	})
	told("one flow more, one less", 2)
	away(func() {
		ofctl("add-flow", "br-int", "table=0,priority=65000,ip,nw_dst=10.0.0.3,actions=drop")
		b.apply(del(topology.KindPort, "p2"))
	})
	told("both at once, which cannot be told apart", 2)
	away(func() { ofctl("del-flows", "br-int") })
	told("a switch that is empty", 2)
}
