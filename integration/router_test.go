package integration

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// TestRouter: stretched networks joined by a router, on every node at once.
func TestRouter(t *testing.T) {
	t.Parallel()
	b := newBed(t, 2)
	b.join("node1", "node2")
	b.apply(bothFamilies(t, nodes(2)+`
{kind: Network, name: blue, spec: {cidr: 10.7.0.0/24}}
---
{kind: Network, name: green, spec: {subnets: [{cidr: 10.8.0.0/24, gateway: 10.8.0.254}, {cidr: 10.8.1.0/24}]}}
---
{kind: Network, name: alone, spec: {cidr: 10.9.0.0/24}}
---
{kind: Router, name: r, spec: {networks: [blue, green]}}
---
{kind: Port, name: blue1, spec: {network: blue, node: node1}}
---
{kind: Port, name: blue2, spec: {network: blue, node: node2}}
---
{kind: Port, name: green1, spec: {network: green, node: node1}}
---
{kind: Port, name: green2, spec: {network: green, node: node2, ips: [10.8.1.7, "fd00:a08:1::7"]}}
---
{kind: Port, name: alone1, spec: {network: alone, node: node1}}
`))
	all := map[string]*lab.Container{}
	var list []*lab.Container
	for name, node := range map[string]string{"blue1": "node1", "blue2": "node2", "green1": "node1", "green2": "node2", "alone1": "node1"} {
		all[name] = b.plug(name, node)
		list = append(list, all[name])
	}
	b.bound("blue1", "blue2", "green1", "green2", "alone1")
	notAlone := func(from, to *lab.Container) bool { return from != all["alone1"] && to != all["alone1"] }
	b.matrix(list, notAlone)

	for _, to := range []string{"green1", "green2"} {
		for _, a := range all[to].Addresses() {
			if ttl := b.reach(all["blue1"], a.String()); ttl != 63 {
				t.Errorf("from %s (%s) the answer's TTL is %d, want 63: one router, wherever it is", to, a, ttl)
			}
		}
	}
	for from, gateway := range map[string]string{"blue1": "10.7.0.1", "blue2": "10.7.0.1", "green1": "10.8.0.254", "green2": "10.8.1.1"} {
		if ttl := b.reach(all[from], all[from].Gateway6.String()); ttl != 64 {
			t.Errorf("%s answers with TTL %d, want 64", all[from].Gateway6, ttl)
		}
		if ttl := b.reach(all[from], gateway); ttl != 64 {
			t.Errorf("%s answers with TTL %d, want 64", gateway, ttl)
		}
	}
	b.run("errors", func(t *testing.T, b *bed) { b.routerErrors(all["blue1"]) })
	b.run("a network leaves the router and comes back", func(t *testing.T, b *bed) {
		b.sdnctl("router", "set", "r", "--network", "blue", "--wait")
		b.matrix(list, sameSubnet)
		b.sdnctl("router", "set", "r", "--network", "blue,green,alone", "--wait")
		b.matrix(list, everyPair)
	})
	b.run("without a router", func(t *testing.T, b *bed) {
		b.sdnctl("router", "delete", "r", "--wait")
		b.matrix(list, sameSubnet)
	})
	b.verify()
}

// routerErrors: the router says why a packet of a container goes no further. Another node's
// port is one hop further than the router.
func (b *bed) routerErrors(c *lab.Container) {
	b.t.Helper()
	for _, tt := range []struct{ args, want string }{
		{"-t1 10.8.1.7", "From 10.7.0.1 icmp_seq=1 Time to live exceeded"},
		{"10.8.0.99", "From 10.7.0.1 icmp_seq=1 Destination Host Unreachable"},
		{"192.0.2.1", "From 10.7.0.1 icmp_seq=1 Destination Net Unreachable"},
		{"-t1 fd00:a08:1::7", "From " + c.Gateway6.String() + " icmp_seq=1 Time exceeded: Hop limit"},
		{"fd00:a08::99", "From " + c.Gateway6.String() + " icmp_seq=1 Destination unreachable: Address unreachable"},
		{"2001:db8::1", "From " + c.Gateway6.String() + " icmp_seq=1 Destination unreachable: No route"},
	} {
		out, _ := c.Exec(b.ctx, append([]string{"ping", "-n", "-c1", "-W2"}, strings.Fields(tt.args)...)...)
		if !strings.Contains(out, tt.want) {
			b.t.Errorf("ping %s: want %q:\n%s", tt.args, tt.want, out)
		}
	}
	for _, gateway := range c.Gateways() {
		ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
		conn, err := c.Dial(ctx, "tcp", netip.AddrPortFrom(gateway, 22).String())
		cancel()
		if !errors.Is(err, syscall.ECONNREFUSED) {
			b.t.Errorf("TCP to port 22 of the gateway %s: %v, %v; want it refused", gateway, conn, err)
		}
	}
}

// sameSubnet reports whether two containers need no router.
func sameSubnet(from, to *lab.Container) bool { return from.IP.Masked() == to.IP.Masked() }
