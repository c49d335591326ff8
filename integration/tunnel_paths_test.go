package integration

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/integration/lab"
)

// TestTunnelPaths: status says between which nodes packets are lost, although every switch is
// connected and in sync: a firewall in the underlay, and P-ICM-05, an underlay that comes to carry less.
// It is quiet while all is well.
func TestTunnelPaths(t *testing.T) {
	t.Parallel()
	b := newBed(t, 3)
	b.join("node1", "node2", "node3")
	b.apply(nodes(3) + `
{kind: Network, name: blue, spec: {cidr: 10.7.0.0/24}}
---
{kind: Network, name: small, spec: {cidr: 10.8.0.0/24, mtu: 1300}}
---
{kind: Router, name: r, spec: {networks: [blue, small]}}
---
{kind: Port, name: blue1, spec: {network: blue, node: node1}}
---
{kind: Port, name: blue2, spec: {network: blue, node: node2}}
---
{kind: Port, name: small3, spec: {network: small, node: node3}}
`)
	c := map[string]*lab.Container{}
	for name, node := range map[string]string{"blue1": "node1", "blue2": "node2", "small3": "node3"} {
		c[name] = b.plug(name, node)
	}
	b.bound("blue1", "blue2", "small3")
	b.run("all is well", func(_ *testing.T, b *bed) {
		for _, way := range []string{"node1 to node2", "node2 to node1", "node1 to node3", "node3 to node1"} {
			b.must(lab.PollFor(b.ctx, 20*time.Second, "probes from "+way, func(context.Context) error {
				out := b.sdnctl("answers", "--cause", "tunnel-probe")
				large := "1450"
				if strings.HasPrefix(way, "node3") {
					large = "1300" // its ports are of small
				}
				for _, size := range []string{"46", large} {
					if !strings.Contains(out, size+" bytes have come from "+way) {
						return errors.New(out)
					}
				}
				return nil
			}))
		}
		for _, n := range []string{"node1", "node2", "node3"} {
			b.noCondition(n, condition.TunnelBlocked)
			b.noCondition(n, condition.TunnelMTUTooSmall)
		}
	})
	says := func(b *bed, node string, r condition.Reason, want ...string) {
		b.t.Helper()
		b.must(lab.PollFor(b.ctx, time.Minute, fmt.Sprintf("%s to have %s with %q", node, r, want), func(ctx context.Context) error {
			for _, w := range want {
				if err := b.hasCondition(ctx, node, r, w); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	ends := func(b *bed, r condition.Reason) {
		b.t.Helper()
		for _, n := range []string{"node1", "node2", "node3"} {
			b.must(lab.PollFor(b.ctx, time.Minute, n+" to lose "+string(r), func(ctx context.Context) error {
				if b.hasCondition(ctx, n, r, "") == nil {
					return errors.New("it has it")
				}
				return nil
			}))
		}
	}
	phy := func(b *bed, node string, args ...string) {
		b.t.Helper()
		_, err := b.node(node).OFCtl(b.ctx, args...)
		b.must(err)
	}
	b.run("a firewall lets nothing into node2", func(_ *testing.T, b *bed) {
		phy(b, "node2", "add-flow", "br-phy", "priority=99,in_port=eth1,udp,tp_dst=4789,actions=drop")
		says(b, "node2", condition.TunnelBlocked, "from node1, from node3")
		b.unreachable(c["blue1"], c["blue2"].IP.Addr().String())
		if out := b.sdnctl("status"); !strings.Contains(out, "let UDP port 4789 pass between 172.16.56.3 and 172.16.56.2 in both directions") {
			b.t.Errorf("status: %s", out)
		}
		phy(b, "node2", "--strict", "del-flows", "br-phy", "priority=99,in_port=1,udp,tp_dst=4789")
		ends(b, condition.TunnelBlocked)
		b.reach(c["blue1"], c["blue2"].IP.Addr().String())
	})
	b.run("P-ICM-05: the underlay of node2 comes to carry less", func(_ *testing.T, b *bed) {
		mtu := func(size string) {
			_, err := b.node("node2").VSCtl(b.ctx, "set", "interface", "eth1", "mtu_request="+size)
			b.must(err)
		}
		mtu("1400") // enough for the network small, and for pings
		says(b, "node2", condition.TunnelMTUTooSmall, "packets of 1450 bytes, the MTU of network blue, are lost: ", "node1", "less than 1500 bytes", "node3")
		b.reach(c["blue1"], c["blue2"].IP.Addr().String())
		mtu("1500")
		ends(b, condition.TunnelMTUTooSmall)
	})
	b.run("a node without its cable is not connected, and nothing else", func(_ *testing.T, b *bed) {
		b.must(b.node("node3").Cable(b.ctx, false))
		says(b, "node3", condition.NotConnected, "")
		b.must(b.node("node3").Cable(b.ctx, true))
		b.settle()
		ends(b, condition.TunnelBlocked)
	})
}
