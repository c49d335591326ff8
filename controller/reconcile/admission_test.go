package reconcile_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/reconcile"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/openflow/session"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// describeHalf describes 10,000 ports and does not come to the end.
func describeHalf(r *rogue, q openflow.Message) error {
	for no := range 10 {
		part := &openflow.MultipartReply{Kind: openflow.MultipartPortDesc, Flags: openflow.MultipartMore}
		for i := range 1000 {
			var err error
			if part.Body, err = (&openflow.Port{No: openflow.PortNo(1 + no*1000 + i), Name: "p"}).AppendBinary(part.Body); err != nil {
				return err
			}
		}
		if err := r.send(part, q); err != nil {
			return err
		}
	}
	return nil
}

// TestPortsOfHandshakesAreBounded: switches that describe a great many ports and
// do not come to the end make room for each other, and not at the cost of one
// on another machine.
func TestPortsOfHandshakesAreBounded(t *testing.T) {
	const peers, room = 20, 5
	b := serveTCP(t, t.TempDir(), reconcile.Config{
		MaxHandshakePorts: room * 10_000, Session: session.Config{HandshakeTimeout: time.Hour},
	})
	b.apply(put(topology.KindNode, "n", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.66")}))
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	var ended atomic.Int64
	for range peers {
		running.Go(func() {
			withRogue(ctx, b.addr, 0, func(r *rogue) {
				r.describe = describeHalf
				if r.send(openflow.NewHello(), nil) == nil {
					_ = r.serve(nil)
				}
			})
			ended.Add(1)
		})
	}
	b.await("only those that there is room for", func(context.Context) error {
		if n := ended.Load(); n < peers-room {
			return fmt.Errorf("%d of %d have ended", n, peers)
		}
		return nil
	})
	running.Go(func() {
		r, err := dialRogueBy(ctx, &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}, b.addr)
		if err != nil {
			t.Errorf("dial from another address: %v", err)
			return
		}
		r.dpid, r.ports = model.DatapathIDFor("n"), 8000
		if r.shake() == nil {
			_ = r.serve(nil)
		}
	})
	b.await("the honest switch", func(context.Context) error {
		if s, _ := b.fabric.NodeStatus("n"); !s.Connected || s.Ports != 8000 {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	if n := ended.Load(); n == peers {
		t.Error("all have ended, though there was room for some")
	}
}
