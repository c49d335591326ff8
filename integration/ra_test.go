package integration

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// TestIPv6Clients: a kernel gets its default route and MTU by advertisement, and dhclient
// the port's address by DHCPv6. A port with a /64 of its own generates addresses in it,
// also temporary ones, after duplicate address detection, and can send from them (P-DHC-11,
// P-DHC-14, P-DHC-15).
func TestIPv6Clients(t *testing.T) {
	needs(t, "dhclient", "rdisc6")
	b := newBed(t, 1)
	b.join("node1")
	b.apply(nodes(1) + `
{kind: Network, name: six, spec: {subnets: [{cidr: "fd00:7::/64"}], mtu: 1400, ra: slaac, dhcp: {leaseTime: 10s, dns: ["fd00:7::53"], domain: six.example}}}
---
{kind: Router, name: r, spec: {networks: [six]}}
---
{kind: Port, name: managed, spec: {network: six, node: node1}}
---
{kind: Port, name: own, spec: {network: six, node: node1, addresses: [{prefix: "fd00:51::/64"}]}}
`)
	gateway := netip.MustParseAddr("fd00:7::1")
	says := func(d *dhcpClient, words []string, args ...string) {
		d.b.t.Helper()
		d.b.must(lab.PollFor(d.b.ctx, 20*time.Second, strings.Join(args, " "), func(ctx context.Context) error {
			out, err := d.c.Exec(ctx, args...)
			if err != nil {
				return err
			}
			for _, w := range words {
				if !strings.Contains(out, w) {
					return fmt.Errorf("%s does not have %q", out, w)
				}
			}
			return nil
		}))
	}
	b.run("managed", func(t *testing.T, b *bed) {
		d := b.plugBare("managed", "node1")
		p, err := b.api.Port(b.ctx, "managed")
		b.must(err)
		says(d, []string{"Stateful address conf.    :          Yes", "fd00:7::/64", "1400", "fd00:7::53", "six.example"}, "rdisc6", "-1", "eth0")
		says(d, []string{"default via fe80::", "proto ra"}, "ip", "-6", "route", "show", "default")
		says(d, []string{"1400"}, "cat", "/proc/sys/net/ipv6/conf/eth0/mtu")
		d.start("dhclient", "-6", "-d", "-sf", d.script, "-lf", d.dir+"/leases", "-pf", d.dir+"/pid", "eth0")
		d.await("reason=BOUND6", "new_ip6_address="+p.Status.IP, "new_dhcp6_domain_search=six.example")
		d.await("reason=RENEW6")
		says(d, []string{" 0% packet loss"}, "ping", "-6", "-c", "2", "-i", "0.2", "-W", "2", gateway.String())
	})
	b.run("slaac", func(t *testing.T, b *bed) {
		d := b.plugBare("own", "node1")
		_, err := d.c.Exec(b.ctx, "sh", "-c", "echo 2 > /proc/sys/net/ipv6/conf/eth0/use_tempaddr")
		b.must(err)
		says(d, []string{"Stateful address conf.    :           No", "fd00:51::/64"}, "rdisc6", "-1", "eth0") // once its link-local address is no duplicate
		says(d, []string{"fd00:51::", "temporary"}, "ip", "-6", "addr", "show", "dev", "eth0", "scope", "global", "-tentative")
		says(d, []string{" 0% packet loss"}, "ping", "-6", "-c", "2", "-i", "0.2", "-W", "2", gateway.String())
	})
	b.settle()
	b.verify()
}
