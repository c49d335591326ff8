package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// TestDuplicateAddresses: a kernel that looks for duplicates before it uses an IPv6 address
// (RFC 4862, 5.4) learns that another port has the address, on its own node or elsewhere, and
// if the gateway has it. It comes up with its own addresses (P-DHC-15).
func TestDuplicateAddresses(t *testing.T) {
	t.Parallel()
	b := newBed(t, 2)
	b.join("node1", "node2")
	b.apply(nodes(2) + `
{kind: Network, name: six, spec: {subnets: [{cidr: "fd00:7::/64"}]}}
---
{kind: Router, name: r, spec: {networks: [six]}}
---
{kind: Port, name: one, spec: {network: six, node: node1, ip: "fd00:7::11", addresses: [{ip: "fd00:7::20"}]}}
---
{kind: Port, name: two, spec: {network: six, node: node1, ip: "fd00:7::12", addresses: [{ip: "fd00:7::21"}]}}
---
{kind: Port, name: far, spec: {network: six, node: node2, ip: "fd00:7::13"}}
---
{kind: Port, name: any, spec: {network: six, node: node1, ip: "fd00:7::14", portSecurity: "off"}}
`)
	one, off := b.plug("one", "node1"), b.plug("any", "node1")
	b.plug("two", "node1")
	b.plug("far", "node2")
	b.bound("one", "two", "far", "any")
	for _, tt := range []struct {
		c         *lab.Container
		address   string
		duplicate bool
	}{
		{one, "fd00:7::11", false},
		{one, "fd00:7::20", false},
		{one, "fd00:7::99", false},
		{one, "fd00:7::12", true},
		{one, "fd00:7::21", true},
		{one, "fd00:7::13", true},
		{one, "fd00:7::1", true},
		{off, "fd00:7::12", true},
		{off, "fd00:7::14", false},
	} {
		for _, enhanced := range []string{"1", "0"} { // with a nonce (RFC 7527), and without
			b.run(fmt.Sprintf("%s takes %s, nonce %s", tt.c.Name, tt.address, enhanced), func(t *testing.T, b *bed) {
				_, err := tt.c.Exec(b.ctx, "sh", "-c", "echo "+enhanced+" > /proc/sys/net/ipv6/conf/eth0/enhanced_dad; ip addr del "+tt.address+"/64 dev eth0 2>/dev/null; ip addr add "+tt.address+"/64 dev eth0")
				b.must(err)
				b.must(lab.PollFor(b.ctx, 20*time.Second, "duplicate address detection", func(ctx context.Context) error {
					out, err := tt.c.Exec(ctx, "ip", "-6", "-o", "addr", "show", "dev", "eth0", "to", tt.address)
					failed, tentative := strings.Contains(out, "dadfailed"), strings.Contains(out, "tentative")
					switch {
					case err != nil:
						return err
					case failed != tt.duplicate && (failed || !tentative):
						t.Errorf("dadfailed: %v, want %v: %s", failed, tt.duplicate, out)
						return nil
					case !failed && tentative:
						return fmt.Errorf("still tentative: %s", out)
					}
					return nil
				}))
				if tt.duplicate {
					_, err = tt.c.Exec(b.ctx, "ip", "addr", "del", tt.address+"/64", "dev", "eth0")
					b.must(err)
				}
			})
		}
	}
	b.verify()
}

// TestMovedAddress: when an address gets another MAC, or another port with another MAC, the
// caches of its neighbours follow within seconds. They do not wait for entries to expire.
func TestMovedAddress(t *testing.T) {
	t.Parallel()
	b := newBed(t, 2)
	b.join("node1", "node2")
	port := func(name, node, mac string, last int) string {
		return fmt.Sprintf("---\n{kind: Port, name: %s, spec: {network: blue, node: %s, mac: \"%s\", ips: [10.0.0.%d, \"fd00:7::%d\"]}}\n", name, node, mac, last, last)
	}
	b.apply(nodes(2) + `
{kind: Network, name: blue, spec: {subnets: [{cidr: 10.0.0.0/24}, {cidr: "fd00:7::/64"}]}}
` + port("here", "node1", "02:00:00:00:00:11", 11) + port("there", "node2", "02:00:00:00:00:12", 12) + port("old", "node1", "02:00:00:00:00:20", 20))
	here, there := b.plug("here", "node1"), b.plug("there", "node2")
	old := b.plug("old", "node1")
	b.bound("here", "there", "old")
	addresses := []string{"10.0.0.20", "fd00:7::20"}
	knows := func(mac string) {
		t.Helper()
		b.must(lab.PollFor(b.ctx, 20*time.Second, "the neighbours to know "+mac, func(ctx context.Context) error {
			for _, c := range []*lab.Container{here, there} {
				for _, a := range addresses {
					out, err := c.Exec(ctx, "ip", "neigh", "show", a, "dev", "eth0")
					if err != nil || !strings.Contains(out, mac) {
						return fmt.Errorf("%s: %s has %q, %v", c.Name, a, out, err)
					}
				}
			}
			return nil
		}))
	}
	for _, c := range []*lab.Container{here, there} {
		for _, a := range addresses {
			b.reach(c, a)
		}
	}
	knows("02:00:00:00:00:20")
	b.apply(port("old", "node1", "02:00:00:00:00:21", 20))
	knows("02:00:00:00:00:21")
	b.must(old.Remove(b.ctx))
	b.sdnctl("port", "delete", "old")
	b.apply(port("new", "node2", "02:00:00:00:00:22", 20))
	knows("02:00:00:00:00:22")
	b.plug("new", "node2")
	b.bound("new")
	for _, c := range []*lab.Container{here, there} {
		for _, a := range addresses {
			b.reach(c, a)
		}
	}
	b.verify()
}
