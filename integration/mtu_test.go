package integration

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sdnctl/sdnctl/integration/lab"
)

const differentMTUs = `
{kind: Network, name: wide, spec: {subnets: [{cidr: 10.7.0.0/24}, {cidr: "fd00:7::/64"}]}}
---
{kind: Network, name: narrow, spec: {mtu: 1300, subnets: [{cidr: 10.8.0.0/24}, {cidr: "fd00:8::/64"}]}}
---
{kind: Network, name: pods, spec: {mode: segmented, containersPerNode: 20, maxNodes: 100, mtu: 1280, subnets: [{cidr: 10.9.0.0/16}, {cidr: "fd00:9::/48"}]}}
---
{kind: Router, name: r, spec: {networks: [wide, narrow, pods]}}
---
{kind: Port, name: sender, spec: {network: wide, node: node1}}
---
{kind: Port, name: near, spec: {network: narrow, node: node1}}
---
{kind: Port, name: far, spec: {network: narrow, node: node2}}
---
{kind: Port, name: pod, spec: {network: pods, node: node2}}
---
`

// TestDifferentMTUs: who sends packets that are larger than the MTU of another network learns of it
// from its gateway, and what fits arrives.
func TestDifferentMTUs(t *testing.T) {
	t.Parallel()
	b := newBed(t, 2)
	b.join("node1", "node2")
	b.apply(nodes(2) + differentMTUs)
	c := map[string]*lab.Container{}
	for name, node := range map[string]string{"sender": "node1", "near": "node1", "far": "node2", "pod": "node2"} {
		c[name] = b.plug(name, node)
	}
	b.bound("sender", "near", "far", "pod")
	b.settle()
	learns := func(b *bed, to, mtu string) {
		for _, a := range c[to].Addresses() {
			header, family := 28, "-4" // of IPv4 and ICMP
			if a.Is6() {
				header, family = 48, "-6"
			}
			size := 0
			fmt.Sscan(mtu, &size)
			ping := func(bytes int) string {
				out, _ := c["sender"].Exec(b.ctx, "ping", "-n", "-c", "1", "-W", "2", "-M", "do", "-s", fmt.Sprint(bytes-header), a.String())
				return out
			}
			if out := ping(size); !strings.Contains(out, " 0% packet loss") {
				b.t.Errorf("a ping of %d bytes to %s: %s", size, a, out)
			}
			for _, large := range []int{size + 1, 1450} {
				if out := ping(large); !strings.Contains(out, "mtu = "+mtu) && !strings.Contains(out, "mtu="+mtu) {
					b.t.Errorf("a ping of %d bytes to %s: %s", large, a, out)
				}
				_, err := c["sender"].Exec(b.ctx, "ip", family, "route", "flush", "cache")
				b.must(err)
			}
			ping(1450)
			if out, err := c["sender"].Exec(b.ctx, "ip", "route", "get", a.String()); err != nil || !strings.Contains(out, "mtu "+mtu) {
				b.t.Errorf("the MTU of the way to %s is not learned: %q, %v", a, out, err)
			}
		}
	}
	b.run("on one node", func(_ *testing.T, b *bed) { learns(b, "near", "1300") })
	b.run("across nodes", func(_ *testing.T, b *bed) { learns(b, "far", "1300") })
	b.run("to a segmented network", func(_ *testing.T, b *bed) { learns(b, "pod", "1280") })
	b.run("the MTU changes", func(_ *testing.T, b *bed) {
		b.sdnctl("network", "set", "narrow", "--mtu", "1450", "--wait=20s")
		_, err := c["sender"].Exec(b.ctx, "ip", "route", "flush", "cache")
		b.must(err)
		b.revalidated()
		for _, a := range c["near"].Addresses() {
			if out, _ := c["sender"].Exec(b.ctx, "ping", "-n", "-c", "1", "-W", "1", "-M", "do", "-s", "1390", a.String()); strings.Contains(out, "mtu") {
				b.t.Errorf("%s: the narrow network is not narrow any more: %s", a, out)
			}
		}
		b.verify()
	})
}
