package reconcile_test

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/controller/reconcile"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestKnownKindsGoWithTheirCommit: of what a switch has taken before, more is sent with
// the commit; what is new to it is committed when it has taken all.
func TestKnownKindsGoWithTheirCommit(t *testing.T) {
	b := serveTCP(t, t.TempDir(), reconcile.Config{})
	b.apply(
		put(topology.KindNode, "rogue", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.66")}),
		put(topology.KindNode, "other", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.67")}),
	)
	bundles := make(chan string, 10)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() {
		withRogue(ctx, b.addr, model.DatapathIDFor("rogue"), func(r *rogue) {
			if r.shake() == nil {
				_ = r.serveBundles(bundles)
			}
		})
	})
	remote := func(name string) topology.Op { return portOp(name, "other") }
	for _, step := range []struct {
		what string
		want string
		ops  []topology.Op
	}{
		{"the first comparison", "asked first", nil},
		{"a network, and a port elsewhere", "asked first", []topology.Op{networkOp(), portOp("here", "rogue"), remote("x1")}},
		// Who may send through the tunnel is confirmed before anything is sent there.
		{"and what leads to the port", "asked first", nil},
		{"another port elsewhere", "at once", []topology.Op{remote("x2")}},
		{"the first removal", "asked first", []topology.Op{del(topology.KindPort, "x2")}},
		{"it comes again", "at once", []topology.Op{remote("x2")}},
		{"and goes", "at once", []topology.Op{del(topology.KindPort, "x2")}},
		{"a router, of which there was none", "asked first", []topology.Op{put(topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"net"}})}},
		{"and what is sent to its domain", "asked first", nil},
		{"a port with a route", "at once", []topology.Op{remote("x4")}},
		{"many of them", "asked first", many(remote, 100)},
	} {
		if len(step.ops) > 0 {
			b.apply(step.ops...)
		}
		select {
		case got := <-bundles:
			if diff := cmp.Diff(step.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", step.what, diff)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: no bundle", step.what)
		}
	}
}

func many(op func(string) topology.Op, n int) (ops []topology.Op) {
	for i := range n {
		ops = append(ops, op(fmt.Sprintf("m%d", i)))
	}
	return ops
}

// serveBundles is serve that reports of each bundle whether its commit came before
// it was said that all was taken.
func (r *rogue) serveBundles(outcomes chan<- string) error {
	how := ""
	for {
		m, err := r.recv()
		if err != nil {
			return err
		}
		c, ok := m.(*openflow.BundleControl)
		switch {
		case ok && c.Kind == openflow.BundleCloseRequest:
			how = "asked first"
			// A commit that is not held back is on its way by now.
			if err := r.conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
				return err
			}
			if _, err := r.in.Peek(openflow.HeaderLen); err == nil {
				how = "at once"
			}
			if err := r.conn.SetReadDeadline(time.Time{}); err != nil {
				return err
			}
		case ok && c.Kind == openflow.BundleCommitRequest:
			outcomes <- how
		}
		if err := r.answer(m); err != nil {
			return err
		}
	}
}
