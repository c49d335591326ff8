package reconcile_test

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/reconcile"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestBusySwitchIsNotTakenOver: a switch that answers no echo because it is
// committing a large bundle keeps its connection when another comes with its
// datapath id; one that answers nothing for longer loses it.
func TestBusySwitchIsNotTakenOver(t *testing.T) {
	const ports = 3000
	for _, test := range []struct {
		name  string
		busy  time.Duration
		stays bool
	}{{"busy", 1800 * time.Millisecond, true}, {"dead", 0, false}} {
		t.Run(test.name, func(t *testing.T) {
			b := serveTCP(t, t.TempDir(), reconcile.Config{})
			ops := []topology.Op{networkOp(), put(topology.KindNode, "n", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.66")})}
			for i := range ports {
				ops = append(ops, portOp(fmt.Sprintf("p%d", i), "n"))
			}
			b.apply(ops...)
			ctx, cancel := context.WithCancel(t.Context())
			var running sync.WaitGroup
			defer running.Wait()
			defer cancel()
			committing := make(chan struct{})
			first := make(chan error, 1)
			running.Go(func() {
				withRogue(ctx, b.addr, model.DatapathIDFor("n"), func(r *rogue) {
					r.ports = ports
					first <- r.busyOnce(ctx, test.busy, committing)
				})
			})
			<-committing
			before, _ := b.fabric.NodeStatus("n")
			second := make(chan struct{})
			running.Go(func() {
				withRogue(ctx, b.addr, model.DatapathIDFor("n"), func(r *rogue) {
					if r.shake() == nil {
						close(second)
						_ = r.serve(nil)
					}
				})
			})
			<-second
			if test.stays {
				b.await("the bundle's end", func(context.Context) error {
					if s, _ := b.fabric.NodeStatus("n"); !s.InSync {
						return fmt.Errorf("%+v", s)
					}
					return nil
				})
				if s, _ := b.fabric.NodeStatus("n"); s.Since != before.Since || s.Address != before.Address {
					t.Errorf("the busy switch was disconnected: before %+v, now %+v", before, s)
				}
				return
			}
			limit := time.NewTimer(30 * time.Second)
			defer limit.Stop()
			start := time.Now()
			select {
			case <-first:
				t.Logf("noticed after %v", time.Since(start).Round(100*time.Millisecond))
			case <-limit.C:
				t.Error("the dead switch is still connected")
			}
		})
	}
}

// busyOnce behaves, but for its first commit, over which it takes some time, or
// for ever for 0. Meanwhile it answers nothing.
func (r *rogue) busyOnce(ctx context.Context, d time.Duration, committing chan<- struct{}) error {
	commit := func(m openflow.Message) bool {
		c, ok := m.(*openflow.BundleControl)
		return ok && c.Kind == openflow.BundleCommitRequest
	}
	if err := r.shake(); err != nil {
		return err
	}
	for m, err := r.recv(); ; m, err = r.recv() {
		if err != nil {
			return err
		}
		if committing != nil && commit(m) {
			close(committing)
			committing = nil
			if d == 0 {
				_, err := io.Copy(io.Discard, r.in)
				return err
			}
			sleep(ctx, d)
		}
		if err := r.answer(m); err != nil {
			return err
		}
	}
}
