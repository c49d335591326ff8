package integration

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// absence is how long sdnd is away. An Open vSwitch that ignores max_backoff tries after 1,
// 2, 4 and 8 s, all nodes at the same time, and then some 6 s after this.
const absence = 17 * time.Second

// soon is the time in which nodes must be back once sdnd is ready again.
const soon = 3 * time.Second

// TestReliabilityReconnect: however long sdnd was away, every node is back within about
// max_backoff, a second.
func TestReliabilityReconnect(t *testing.T) {
	b := newBed(t, 2)
	b.scenario("scale-model", "node1", "node2")
	b.run("sdnd was away", func(t *testing.T, b *bed) { b.comeBack() })
	// The new ovs-vswitchd does not have the request that the old one got.
	b.run("and once more, with new ovs-vswitchds", func(t *testing.T, b *bed) {
		for _, n := range b.joined {
			b.must(n.RestartVSwitchd(b.ctx, syscall.SIGTERM))
		}
		b.allConnected(30 * time.Second)
		b.comeBack()
	})
}

// comeBack stops sdnd for a while, starts it, and fails the test if nodes take longer than
// soon to come back.
func (b *bed) comeBack() {
	b.t.Helper()
	b.reconfigured()
	b.must(b.Controller.Stop(b.ctx, syscall.SIGTERM))
	select {
	case <-time.After(absence):
	case <-b.ctx.Done():
		b.t.Fatal(b.ctx.Err())
	}
	b.must(b.Controller.Start(b.ctx))
	listening := time.Now()
	b.allConnected(30 * time.Second)
	took := time.Since(listening).Round(time.Millisecond)
	b.t.Logf("both nodes were back %v after sdnd was ready", took)
	if took > soon {
		b.t.Errorf("that is more than %v", soon)
	}
}

// allConnected waits until all joined nodes are connected by OpenFlow.
func (b *bed) allConnected(limit time.Duration) {
	b.t.Helper()
	b.must(lab.PollFor(b.ctx, limit, "all nodes to be connected", func(ctx context.Context) error {
		for _, n := range b.joined {
			o, err := b.api.Node(ctx, n.Name)
			if err != nil {
				return err
			}
			if !o.Status.Connected {
				return fmt.Errorf("%s is not", n.Name)
			}
		}
		return nil
	}))
}

// reconfigured waits until OVSDB is connected, too, and the node's ovs-vswitchd has handled
// all requests.
func (b *bed) reconfigured() {
	b.t.Helper()
	b.must(lab.PollFor(b.ctx, 20*time.Second, "OVSDB to be connected and obeyed", func(ctx context.Context) error {
		for _, n := range b.joined {
			o, err := b.api.Node(ctx, n.Name)
			if err != nil {
				return err
			}
			if !o.Status.OVSDB {
				return errors.New("OVSDB of " + n.Name + " is not connected")
			}
			next, err := n.VSCtl(ctx, "--no-wait", "get", "open_vswitch", ".", "next_cfg", "cur_cfg")
			if err != nil {
				return err
			}
			var want, have int
			if _, err := fmt.Sscan(next, &want, &have); err != nil {
				return err
			}
			if want != have {
				return fmt.Errorf("%s is at configuration %d of %d", n.Name, have, want)
			}
		}
		return nil
	}))
}
