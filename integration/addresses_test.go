package integration

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// TestFurtherAddresses: a port has virtual addresses and ranges behind it, in both
// families. An address moves to another port in one change, and a port without port
// security may send from any address.
func TestFurtherAddresses(t *testing.T) {
	t.Parallel()
	b := newBed(t, 2)
	b.join("node1", "node2")
	b.apply(nodes(2) + `
{kind: Network, name: blue, spec: {subnets: [{cidr: 10.7.0.0/24}, {cidr: "fd00:7::/64"}]}}
---
{kind: Network, name: red, spec: {subnets: [{cidr: 10.8.0.0/24}, {cidr: "fd00:8::/64"}]}}
---
{kind: Router, name: r, spec: {networks: [blue, red]}}
---
{kind: Port, name: near, spec: {network: blue, node: node1}}
---
{kind: Port, name: far, spec: {network: blue, node: node2}}
---
{kind: Port, name: routed, spec: {network: red, node: node2}}
---
{kind: Port, name: vm, spec: {network: blue, node: node1}}
`)
	all := map[string]*lab.Container{}
	for name, node := range map[string]string{"near": "node1", "far": "node2", "routed": "node2", "vm": "node1"} {
		all[name] = b.plug(name, node)
	}
	b.bound("near", "far", "routed", "vm")
	add := func(c *lab.Container, addresses ...string) {
		for _, a := range addresses {
			args := []string{"ip", "addr", "add", a, "dev", "eth0"}
			if netip.MustParsePrefix(a).Addr().Is6() {
				args = append(args, "nodad")
			}
			_, err := c.Exec(b.ctx, args...)
			b.must(err)
		}
	}
	add(all["vm"], "10.7.0.100/32", "fd00:7::100/128", "10.50.0.5/32", "fd00:50::5/128")
	asked := func(want bool, addresses ...string) (qs []lab.Reach) {
		for _, a := range addresses {
			for _, from := range []string{"near", "far", "routed"} {
				qs = append(qs, lab.Reach{From: all[from], To: netip.MustParseAddr(a), Want: want})
			}
		}
		return qs
	}
	every := []string{"10.7.0.100", "fd00:7::100", "10.50.0.5", "fd00:50::5"}
	b.must(lab.CheckReach(b.ctx, asked(false, every...)))

	const vip = `{ip: 10.7.0.100}, {ip: "fd00:7::100"}`
	port := func(name, node, addresses string) string {
		return fmt.Sprintf("---\n{kind: Port, name: %s, spec: {network: blue, node: %s, addresses: [%s]}}\n", name, node, addresses)
	}
	b.apply(port("vm", "node1", vip+`, {prefix: 10.50.0.0/24}, {prefix: "fd00:50::/64"}`))
	b.must(lab.CheckReach(b.ctx, asked(true, every...)))
	for _, from := range []string{"10.50.0.5", "fd00:50::5"} {
		to := all["routed"].IP.Addr()
		if netip.MustParseAddr(from).Is6() {
			to = all["routed"].IP6.Addr()
		}
		_, err := all["vm"].Exec(b.ctx, "ping", "-n", "-c", "1", "-W", "2", "-I", from, to.String())
		b.must(err)
	}

	b.run("an address that another has is refused", func(t *testing.T, b *bed) {
		if _, err := b.Controller.Apply(b.ctx, port("near", "node1", vip)); err == nil {
			t.Error("two ports have 10.7.0.100")
		}
	})
	b.run("an address moves", func(t *testing.T, b *bed) {
		b.apply(port("vm", "node1", "") + port("far", "node2", vip))
		add(all["far"], "10.7.0.100/32", "fd00:7::100/128")
		for _, name := range []string{"near", "routed"} {
			b.must(all[name].ForgetNeighbours(b.ctx)) // as after a gratuitous ARP
		}
		b.must(lab.CheckReach(b.ctx, []lab.Reach{
			{From: all["near"], To: netip.MustParseAddr("10.7.0.100"), Want: true}, {From: all["near"], To: netip.MustParseAddr("fd00:7::100"), Want: true},
			{From: all["routed"], To: netip.MustParseAddr("10.7.0.100"), Want: true}, {From: all["routed"], To: netip.MustParseAddr("fd00:7::100"), Want: true},
			{From: all["near"], To: netip.MustParseAddr("10.50.0.5")}, {From: all["routed"], To: netip.MustParseAddr("fd00:50::5")},
		}))
		_, err := all["vm"].Exec(b.ctx, "ip", "addr", "del", "10.7.0.100/32", "dev", "eth0")
		b.must(err)
	})
	b.run("without port security", func(t *testing.T, b *bed) {
		forged := lab.Echo{EtherSrc: mac(t, "02:de:ad:be:ef:01"), EtherDest: mac(t, all["far"].MAC), From: netip.MustParseAddr("10.7.0.99"), To: all["far"].IP.Addr(), TTL: 64, ID: 7}
		sniffer := b.sniff(all["far"])
		is := func(f lab.Frame) bool { e, ok := f.Echo(); return ok && e.ID == forged.ID && !f.Sent }
		b.must(all["near"].Send(forged.Frame()))
		b.apply("{kind: Port, name: near, spec: {network: blue, node: node1, portSecurity: off}}")
		if got := b.frames(sniffer, is); len(got) > 0 {
			t.Errorf("a forged packet passed port security: %v", got)
		}
		b.must(all["near"].Send(forged.Frame()))
		b.awaitFrame(sniffer, "the packet from another address", is)
		b.reach(all["near"], all["far"].IP6.Addr().String())
	})
	b.verify()
}
