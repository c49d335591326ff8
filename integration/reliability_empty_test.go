package integration

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestReliabilityEmptySwitch: a switch that lost its flows, for whatever reason, gets all
// of them again without help from its node, and a change made meanwhile.
func TestReliabilityEmptySwitch(t *testing.T) {
	b := newBed(t, 2)
	a1, _, a2, _ := populate(b, 10_000, blue4, blue6)
	node2 := b.node("node2")
	for i, tt := range []struct {
		name string
		lose func()
		// disconnects says that the switch also loses its connection.
		disconnects bool
	}{
		{"del-flows", func() { _, err := node2.OFCtl(b.ctx, "del-flows", "br-int"); b.must(err) }, false},
		{"ovs-vswitchd is killed", func() {
			b.must(node2.StopVSwitchd(b.ctx, syscall.SIGKILL))
			b.declareMeanwhile("meanwhile1")
			b.must(node2.RestoreVSwitchd(b.ctx))
		}, true},
		{"br-int is deleted and made again", func() {
			_, err := node2.VSCtl(b.ctx, "del-br", "br-int")
			b.must(err)
			b.declareMeanwhile("meanwhile2")
			b.remakeBridge(node2, a2.Interface, "b2")
		}, true},
		{"the node reboots", func() {
			b.must(node2.Reboot(b.ctx))
			a2, _ = b.plug("a2", "node2"), b.plug("b2", "node2")
		}, true},
		{"port numbers change", func() {
			for i, iface := range []string{a2.Interface, "b2", "vxlan-sdn"} {
				_, err := node2.VSCtl(b.ctx, "set", "interface", iface, "ofport_request="+strconv.Itoa(200+i))
				b.must(err)
			}
			b.must(lab.PollFor(b.ctx, 10*time.Second, "a2 to be port 200", func(ctx context.Context) error {
				n, err := node2.OFPort(ctx, a2.Interface)
				if err == nil && n != 200 {
					err = fmt.Errorf("it is port %d", n)
				}
				return err
			}))
		}, false},
	} {
		b.run(tt.name, func(t *testing.T, b *bed) {
			started := time.Now()
			before := b.connectedSince("node2")
			timing := make(chan string, 1)
			ctx, cancel := context.WithCancel(b.ctx)
			defer cancel()
			if tt.disconnects {
				go func() { timing <- b.timeReturn(ctx, "node2", before) }()
			}
			tt.lose()
			b.bound("a2", "b2")
			for _, a := range a1.Shared(a2) {
				b.reach(a1, a.String())
			}
			t.Logf("whole again %v after it began", time.Since(started).Round(time.Millisecond))
			if tt.disconnects {
				t.Log(<-timing)
			}
			// What others did must be undone, and not only reported.
			b.confirmed(b.change(fmt.Sprintf("after%d", i)))
			b.verify()
		})
	}
	if n := b.flowCount("node2"); n < 10_000 {
		t.Errorf("node2 has %d flows", n)
	}
}

// declareMeanwhile declares a port elsewhere while a node is away.
func (b *bed) declareMeanwhile(name string) {
	b.t.Helper()
	b.must(b.change(name).err)
}

// change declares one more port elsewhere.
func (b *bed) change(name string) result {
	b.t.Helper()
	o, err := b.api.Create(b.ctx, object(b, name, model.PortSpec{Network: "blue", Node: elsewhere}))
	if err != nil {
		return result{err: err}
	}
	return result{rev: o.Meta.Revision}
}

// remakeBridge makes br-int again as the node's own scripts would: with the same
// configuration, and without flows.
func (b *bed) remakeBridge(n *lab.Node, ports ...string) {
	b.t.Helper()
	_, err := n.VSCtl(b.ctx, "add-br", "br-int", "--", "set", "bridge", "br-int", "datapath_type=netdev", "fail_mode=secure")
	b.must(err)
	_, err = n.Exec(b.ctx, "sdnctl", "node", "join", n.Name,
		"--controller", b.Controller.Addr.String(), "--tunnel-ip", n.Addr.String(), "--no-wait")
	b.must(err)
	for _, p := range ports {
		_, err := n.VSCtl(b.ctx, "add-port", "br-int", p, "--", "set", "interface", p, "external_ids:iface-id="+p)
		b.must(err)
	}
}

// connectedSince returns when a node's switch connected.
func (b *bed) connectedSince(node string) time.Time {
	b.t.Helper()
	n, err := b.api.Node(b.ctx, node)
	b.must(err)
	if !n.Status.Connected || n.Status.Since == nil {
		b.t.Fatalf("%s is not connected", node)
	}
	return *n.Status.Since
}

// timeReturn returns how long after its next connection a node had confirmed all flows.
func (b *bed) timeReturn(ctx context.Context, node string, before time.Time) string {
	var said string
	err := lab.PollFor(ctx, 30*time.Second, node+" to return", func(ctx context.Context) error {
		n, err := b.api.Node(ctx, node)
		switch {
		case err != nil:
			return err
		case !n.Status.Connected || n.Status.Since == nil || !n.Status.Since.After(before):
			return errors.New("away")
		case !n.Status.InSync || n.Status.Flows < 10_000:
			return fmt.Errorf("%d flows, in sync: %t", n.Status.Flows, n.Status.InSync)
		}
		said = fmt.Sprintf("%d flows confirmed %v after it had connected", n.Status.Flows, time.Since(*n.Status.Since).Round(time.Millisecond))
		return nil
	})
	if err != nil {
		return err.Error()
	}
	return said
}
