package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"

	"github.com/sdnctl/sdnctl/controller/reconcile"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/openflow/session"
	"github.com/sdnctl/sdnctl/topology"
)

// throttled returns for how long reading from a node was paused, in seconds, by
// the metric.
func (b *chaosBed) throttled(node string) float64 {
	b.Helper()
	families, err := b.reg.Gather()
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "sdnd_openflow_throttled_seconds_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			if m.GetLabel()[0].GetValue() == node {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

// TestThrottledIsCounted: for how long a flooding node was throttled is reported by
// a metric, which goes on when the node has reconnected.
func TestThrottledIsCounted(t *testing.T) {
	b := serveTCP(t, t.TempDir(), reconcile.Config{Session: session.Config{UnaskedBurst: 1000, UnaskedRate: 1000}})
	b.apply(put(topology.KindNode, "rogue", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.66")}),
		put(topology.KindNode, "quiet", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.67")}))
	if d := b.throttled("rogue"); d != 0 {
		t.Errorf("throttled for %v s before it was here", d)
	}
	last := 0.0
	for round := range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		flood("rogue", &openflow.PacketIn{Data: make([]byte, 64)})(ctx, b, func(f func()) { running.Go(f) })
		b.await("the throttle", func(context.Context) error {
			if d := b.throttled("rogue"); d < last+0.1 {
				return fmt.Errorf("round %d: throttled for %v s, after %v", round, d, last)
			}
			return nil
		})
		cancel()
		running.Wait()
		b.await("its end", func(context.Context) error {
			if s, _ := b.fabric.NodeStatus("rogue"); s.Connected {
				return errors.New("is connected")
			}
			return nil
		})
		last = b.throttled("rogue")
	}
	if d := b.throttled("quiet"); d != 0 {
		t.Errorf("a node that is not connected was throttled for %v s", d)
	}
}
