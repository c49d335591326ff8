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
// the port's address by DHCPv6, which they and dhcpcd keep when links or clients begin again (P-DHC-01, P-DHC-12). A port with a /64 of its
// own generates addresses in it, also temporary and stable-privacy ones, after duplicate address detection, and can send from them (P-DHC-11,
// P-DHC-14, P-DHC-15).
func TestIPv6Clients(t *testing.T) {
	t.Parallel()
	needs(t, "dhclient", "dhcpcd", "rdisc6")
	b := newBed(t, 1)
	b.join("node1")
	b.apply(nodes(1) + `
{kind: Network, name: six, spec: {subnets: [{cidr: "fd00:7::/64"}], mtu: 1400, ra: slaac, dhcp: {leaseTime: 10s, dns: ["fd00:7::53"], domain: six.example}}}
---
{kind: Network, name: far, spec: {subnets: [{cidr: "fd00:8::/64"}]}}
---
{kind: Router, name: r, spec: {networks: [six, far]}}
---
{kind: Port, name: managed, spec: {network: six, node: node1}}
---
{kind: Port, name: again, spec: {network: six, node: node1}}
---
{kind: Port, name: dhcpcd6, spec: {network: six, node: node1}}
---
{kind: Port, name: info, spec: {network: six, node: node1}}
---
{kind: Port, name: private, spec: {network: six, node: node1, addresses: [{prefix: "fd00:52::/64"}]}}
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
		routeStays(b, d.c, "fd00:8::1")
	})
	b.run("P-DHC-12: dhclient begins again with what it had", func(t *testing.T, b *bed) {
		// It asks whether that is right still (Confirm), or for it (Rebind), where its link may have been elsewhere.
		d := b.plugBare("again", "node1")
		p, err := b.api.Port(b.ctx, "again")
		b.must(err)
		for _, what := range []string{"REQUEST", "CONFIRM"} {
			says(d, nil, "dhclient", "-6", "-1", "-sf", d.script, "-lf", d.dir+"/leases", "-pf", d.dir+"/pid", "eth0")
			says(d, []string{p.Status.IP}, "ip", "-6", "addr", "show", "dev", "eth0")
			answered(b, "again", what)
			_, err = d.c.Exec(b.ctx, "sh", "-c", "kill $(cat "+d.dir+"/pid); ip -6 addr flush dev eth0 scope global; ip link set eth0 down; ip link set eth0 up")
			b.must(err)
		}
	})
	b.run("P-DHC-12: dhcpcd, whose link goes down and up", func(t *testing.T, b *bed) {
		d := b.plugBare("dhcpcd6", "node1")
		p, err := b.api.Port(b.ctx, "dhcpcd6")
		b.must(err)
		d.start("dhcpcd", "-B", "-6", "--config", "/dev/null", "--script", d.script, "eth0")
		for range 2 {
			says(d, []string{" " + p.Status.IP + "/128 "}, "ip", "-6", "addr", "show", "dev", "eth0")
			says(d, []string{"default via fe80::"}, "ip", "-6", "route", "show", "default")
			says(d, []string{" 0% packet loss"}, "ping", "-6", "-c", "2", "-i", "0.2", "-W", "2", gateway.String())
			_, err = d.c.Exec(b.ctx, "ip", "link", "set", "eth0", "down")
			b.must(err)
			says(d, nil, "sh", "-c", "! ip -6 addr show dev eth0 | grep "+p.Status.IP)
			_, err = d.c.Exec(b.ctx, "ip", "link", "set", "eth0", "up")
			b.must(err)
		}
	})
	b.run("who wants no address asks for the rest only", func(t *testing.T, b *bed) {
		d := b.plugBare("info", "node1")
		says(d, []string{"fe80::"}, "ip", "-6", "addr", "show", "dev", "eth0", "scope", "link", "-tentative") // dhclient needs it at once
		d.start("dhclient", "-6", "-S", "-d", "-sf", d.script, "-lf", d.dir+"/leases", "-pf", d.dir+"/pid", "eth0")
		d.await("new_dhcp6_name_servers=fd00:7::53", "new_dhcp6_domain_search=six.example")
		if strings.Contains(d.said(), "new_ip6_address") {
			t.Errorf("it gets an address: %s", d.said())
		}
		answered(b, "info", "INFORMATION-REQUEST")
	})
	b.run("slaac", func(t *testing.T, b *bed) {
		d := b.plugBare("own", "node1")
		_, err := d.c.Exec(b.ctx, "sh", "-c", "echo 2 > /proc/sys/net/ipv6/conf/eth0/use_tempaddr")
		b.must(err)
		says(d, []string{"Stateful address conf.    :           No", "fd00:51::/64"}, "rdisc6", "-1", "eth0") // once its link-local address is no duplicate
		says(d, []string{"fd00:51::", "temporary"}, "ip", "-6", "addr", "show", "dev", "eth0", "scope", "global", "-tentative")
		says(d, []string{" 0% packet loss"}, "ping", "-6", "-c", "2", "-i", "0.2", "-W", "2", gateway.String())
	})
	b.run("stable-privacy addresses", func(t *testing.T, b *bed) {
		d := b.plugBare("private", "node1")
		_, err := d.c.Exec(b.ctx, "sh", "-c", "ip link set eth0 down; echo 3 > /proc/sys/net/ipv6/conf/eth0/addr_gen_mode; ip link set eth0 up")
		b.must(err)
		says(d, []string{"fd00:52::", "stable-privacy"}, "ip", "-6", "addr", "show", "dev", "eth0", "scope", "global", "-tentative")
		says(d, []string{" 0% packet loss"}, "ping", "-6", "-c", "2", "-i", "0.2", "-W", "2", gateway.String())
	})
	b.settle()
	b.verify()
}

// answered fails the test unless sdnd has answered a message of DHCPv6 of a port.
func answered(b *bed, port, message string) {
	b.t.Helper()
	if text := b.sdnctl("answers", port, "--cause", "dhcpv6"); !strings.Contains(text, message) {
		b.t.Errorf("no %s among the answers: %s", message, text)
	}
}
