package integration

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestIPv6 tests every kind of network with IPv6, alone and beside IPv4, on two nodes,
// joined by a router.
func TestIPv6(t *testing.T) {
	t.Parallel()
	b := newBed(t, 2)
	b.join("node1", "node2")
	b.apply(nodes(2) + `
{kind: Network, name: both, spec: {subnets: [{cidr: 10.7.0.0/24}, {cidr: "fd00:7::/64"}]}}
---
{kind: Network, name: six, spec: {subnets: [{cidr: "fd00:8::/64", gateway: "fd00:8::ffff"}]}}
---
{kind: Network, name: pods, spec: {mode: segmented, containersPerNode: 20, maxNodes: 100, subnets: [{cidr: 10.9.0.0/16}, {cidr: "fd00:9::/48"}],
  blocks: [{node: node2, cidr: "fd00:9:0:77::/64", gateway: "fd00:9:0:77::7"}]}}
---
{kind: Network, name: tight, spec: {mode: segmented, containersPerNode: 20, maxNodes: 100, subnets: [{cidr: "fd00:a::/112"}]}}
---
{kind: Network, name: four, spec: {cidr: 10.10.0.0/24}}
---
{kind: Network, name: alone, spec: {cidr: "fd00:7::/64"}}
---
{kind: Router, name: r, spec: {networks: [both, six, pods, tight, four]}}
`)
	names := []string{"both", "six", "pods", "tight", "four", "alone"}
	var ports string
	for _, n := range names {
		for i := 1; i <= 2; i++ {
			ports += fmt.Sprintf("---\n{kind: Port, name: %s%d, spec: {network: %s, node: node%d}}\n", n, i, n, i)
		}
	}
	b.apply(ports)
	all := map[string]*lab.Container{}
	var list []*lab.Container
	var bound []string
	for _, n := range names {
		for i := 1; i <= 2; i++ {
			name := fmt.Sprintf("%s%d", n, i)
			all[name] = b.plug(name, fmt.Sprintf("node%d", i))
			list = append(list, all[name])
			bound = append(bound, name)
		}
	}
	b.bound(bound...)

	apart := func(from, to *lab.Container) bool {
		return strings.HasPrefix(from.Name, "alone") != strings.HasPrefix(to.Name, "alone")
	}
	var asked []lab.Reach
	for _, from := range list {
		for _, to := range list {
			for _, a := range to.Addresses() {
				if from != to && from.Has(a) {
					// The network that no router joins has the addresses of another.
					if apart(from, to) && slices.ContainsFunc(list, func(c *lab.Container) bool { return c != to && slices.Contains(c.Addresses(), a) }) {
						continue
					}
					asked = append(asked, lab.Reach{From: from, To: a, Want: !apart(from, to)})
				}
			}
		}
	}
	b.must(lab.CheckReach(b.ctx, asked))

	b.run("one router, wherever it is", func(t *testing.T, b *bed) {
		for _, to := range []string{"six1", "six2", "pods1", "pods2", "tight2"} {
			if ttl := b.reach(all["both1"], all[to].IP6.Addr().String()); ttl != 63 {
				t.Errorf("from %s the answer's hop limit is %d, want 63", to, ttl)
			}
		}
		if ttl := b.reach(all["both1"], all["both2"].IP6.Addr().String()); ttl != 64 {
			t.Errorf("within the network the hop limit is %d, want 64", ttl)
		}
	})
	b.run("gateways answer", func(t *testing.T, b *bed) {
		for from, gateways := range map[string][]string{
			"both1": {"fd00:7::1", "fd00:8::ffff", "fd00:9:0:1::1", "fd00:9:0:77::7", "fd00:a::21"},
			"pods1": {"fd00:9:0:1::1", "fd00:9:0:77::7", "fd00:7::1"}, "pods2": {"fd00:9:0:77::7"}, "tight2": {"fd00:a::41", "fd00:a::21"},
			"alone1": {},
		} {
			for _, g := range gateways {
				if ttl := b.reach(all[from], g); ttl != 64 {
					t.Errorf("%s answers %s with hop limit %d, want 64", g, from, ttl)
				}
			}
		}
		for network, from := range map[string]string{"both": "both1", "pods": "pods2", "six": "six2"} {
			n, err := b.api.Network(b.ctx, network)
			b.must(err)
			var mac model.MAC
			b.must(model.SetText(&mac, n.Status.GatewayMAC))
			if ttl := b.reach(all[from], model.LinkLocal(mac).String()+"%eth0"); ttl != 64 {
				t.Errorf("the link-local gateway of %s answers with hop limit %d, want 64", network, ttl)
			}
		}
		b.unreachable(all["alone1"], "fd00:7::1")
	})
	b.run("link-local addresses", func(t *testing.T, b *bed) {
		var mac model.MAC
		b.must(model.SetText(&mac, all["both2"].MAC))
		b.reach(all["both1"], model.LinkLocal(mac).String()+"%eth0")
	})
	b.run("fragments", func(t *testing.T, b *bed) {
		for _, to := range []string{"fd00:7::1", "fd00:9:0:77::7", all["six2"].IP6.Addr().String(), all["pods2"].IP6.Addr().String()} {
			b.must(lab.PollFor(b.ctx, 20*time.Second, "a large ping of "+to, func(ctx context.Context) error {
				_, err := all["both1"].Exec(ctx, "ping", "-n", "-c", "1", "-W", "1", "-s", "5000", to)
				return err
			}))
		}
	})
	b.run("a route's end", func(t *testing.T, b *bed) {
		out, err := all["both1"].Exec(b.ctx, "ping", "-n", "-c", "1", "-W", "1", "-t", "1", all["six2"].IP6.Addr().String())
		var exit *lab.ExitError
		if !errors.As(err, &exit) || exit.Code != 1 {
			t.Errorf("a packet with hop limit 1 passed a router: %s, %v", out, err)
		}
	})
	b.run("detection of duplicates", func(t *testing.T, b *bed) {
		c := all["both1"]
		_, err := c.Exec(b.ctx, "ip", "-6", "addr", "del", c.IP6.String(), "dev", "eth0")
		b.must(err)
		_, err = c.Exec(b.ctx, "ip", "-6", "addr", "add", c.IP6.String(), "dev", "eth0")
		b.must(err)
		b.must(lab.PollFor(b.ctx, 10*time.Second, "the address to be found free", func(ctx context.Context) error {
			out, err := c.Exec(ctx, "ip", "-6", "addr", "show", "dev", "eth0")
			if err == nil && (strings.Contains(out, "tentative") || strings.Contains(out, "dadfailed") || !strings.Contains(out, c.IP6.String())) {
				err = errors.New(out)
			}
			return err
		}))
		_, err = c.Exec(b.ctx, "ip", "-6", "route", "replace", "default", "via", c.Gateway6.String(), "dev", "eth0")
		b.must(err)
		b.reach(c, all["six2"].IP6.Addr().String())
	})
	b.run("the neighbours that the kernel knows", func(t *testing.T, b *bed) {
		c := all["both1"]
		b.must(c.ForgetNeighbours(b.ctx))
		b.reach(c, all["both2"].IP6.Addr().String())
		b.reach(c, all["six2"].IP6.Addr().String())
		out, err := c.Exec(b.ctx, "ip", "-6", "neigh", "show", "dev", "eth0")
		b.must(err)
		if !strings.Contains(out, all["both2"].MAC) || !strings.Contains(out, " router ") {
			t.Errorf("neighbours, of which the gateway is a router:\n%s", out)
		}
	})
	b.run("a restart changes nothing", func(t *testing.T, b *bed) {
		before := b.node("node1")
		flows, err := before.Flows(b.ctx)
		b.must(err)
		b.must(b.Controller.Stop(b.ctx, syscall.SIGTERM))
		b.must(b.Controller.Start(b.ctx))
		b.settle()
		after, err := before.Flows(b.ctx)
		b.must(err)
		if len(flows) != len(after) {
			t.Errorf("%d flows before, %d after", len(flows), len(after))
		}
	})
	b.run("a network loses IPv6, and gets it back", func(t *testing.T, b *bed) {
		file := `{kind: Network, name: both, spec: {subnets: [{cidr: 10.7.0.0/24}%s]}}
---
{kind: Port, name: both1, spec: {network: both, node: node1}}
---
{kind: Port, name: both2, spec: {network: both, node: node2}}
`
		b.apply(fmt.Sprintf(file, ""))
		// The datapath forwards by a cached flow until Open vSwitch has revalidated it.
		b.must(lab.PollFor(b.ctx, 10*time.Second, "no answer by IPv6", func(ctx context.Context) error {
			replies, err := all["both1"].Ping(ctx, all["both2"].IP6.Addr(), 1)
			if err == nil && len(replies) > 0 {
				err = errors.New("answered")
			}
			return err
		}))
		b.reach(all["both1"], all["both2"].IP.Addr().String())
		b.apply(fmt.Sprintf(file, `, {cidr: "fd00:7::/64"}`))
		for i := 1; i <= 2; i++ {
			p, err := b.api.Port(b.ctx, fmt.Sprintf("both%d", i))
			b.must(err)
			c := all[p.Name]
			if len(p.Status.Addresses) != 2 {
				t.Fatalf("%s has %v", p.Name, p.Status.Addresses)
			}
			now := netip.PrefixFrom(netip.MustParseAddr(p.Status.Addresses[1].IP), 64)
			_, err = c.Exec(b.ctx, "ip", "-6", "addr", "add", now.String(), "dev", "eth0", "nodad")
			if now != c.IP6 {
				b.must(err)
			}
			c.IP6 = now
		}
		b.reach(all["both1"], all["both2"].IP6.Addr().String())
	})
	b.verify()
}
