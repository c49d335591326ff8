package reconcile_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/drops"
	"github.com/sdnctl/sdnctl/controller/reconcile"
	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestFloodIsOver: a port that sent more to all of its network than it may says so for a minute after the last packet that
// was dropped, as long as its switch says, and no longer; subscribers learn both.
func TestFloodIsOver(t *testing.T) {
	var passed atomic.Int64
	b := newBedWith(t, 1, reconcile.Config{
		DropsEvery: 50 * time.Millisecond, ReviewEvery: 50 * time.Millisecond,
		Now: func() time.Time { return time.Now().Add(time.Duration(passed.Load())) },
	})
	n := b.Nodes[0]
	b.plug(n, "p")
	b.plug(n, "q")
	b.apply(b.nodeOp(n), put(topology.KindNetwork, "net", topology.NetworkSpec{
		Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.0.0.0/24")}}, Multicast: model.MulticastFlood, FloodLimit: 1, FloodBurst: 1,
	}), portOp("p", "node1"), portOp("q", "node1"))
	b.join(n)
	b.settled()
	var notified atomic.Int64
	defer b.fabric.Subscribe(func(o topology.Ref) {
		if o.Name == "p" {
			notified.Add(1)
		}
	})()
	p, _ := b.store.Snapshot().Port("p")
	frame := lab.Echo{EtherSrc: p.MAC[:], EtherDest: net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, From: p.Addresses[0], To: netip.MustParseAddr("255.255.255.255"), TTL: 64}.Frame()
	floods := func() bool {
		return slices.ContainsFunc(b.fabric.PortStatus("p").Conditions, func(c condition.Condition) bool { return c.Reason == condition.FloodLimited })
	}
	b.await("the port to flood", func(ctx context.Context) error {
		if floods() {
			return nil
		}
		for range 20 {
			if _, err := n.OFCtl(ctx, "packet-out", "br-int", fmt.Sprintf("in_port=p,packet=%x,actions=table", frame)); err != nil {
				return err
			}
		}
		return fmt.Errorf("%+v", b.fabric.PortStatus("p"))
	})
	before := notified.Load()
	passed.Add(int64(drops.Recent * 3 / 4))
	if !floods() {
		t.Errorf("not for a minute: %+v", b.fabric.PortStatus("p"))
	}
	b.await("the flood to be over", func(context.Context) error {
		passed.Add(int64(5 * time.Second)) // counters of switches are some time behind
		if s := b.fabric.PortStatus("p"); floods() || s.Flooded != 0 || notified.Load() == before {
			return fmt.Errorf("%+v, subscribers were notified %d times", s, notified.Load()-before)
		}
		return nil
	})
}
