package integration

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// dhcpFrame returns the message of DHCP of a frame, and where it went.
func dhcpFrame(f lab.Frame) (m *dhcpv4.DHCPv4, to netip.Addr, ok bool) {
	const headers = 14 + 20 + 8
	if f.EtherType() != 0x0800 || len(f.Data) < headers || f.Data[14] != 0x45 || f.Data[23] != 17 {
		return nil, to, false
	}
	if from := binary.BigEndian.Uint16(f.Data[34:]); from != 67 && from != 68 {
		return nil, to, false
	}
	m, err := dhcpv4.FromBytes(f.Data[headers:])
	to, _ = netip.AddrFromSlice(f.Data[30:34])
	return m, to, err == nil
}

// TestNetworkd: systemd-networkd, as most virtual machines have it, configures a port by DHCP, router advertisements and DHCPv6
// under default deny, and keeps that.
func TestNetworkd(t *testing.T) {
	t.Parallel()
	needs(t, networkdProgram, "nft")
	b := newBed(t, 1)
	b.join("node1")
	b.apply(nodes(1) + `
{kind: Network, name: blue, spec: {subnets: [{cidr: 10.7.0.0/24}, {cidr: "fd00:7::/64"}], mtu: 1400, ra: managed,
  dhcp: {enabled: true, leaseTime: 10s, dns: [10.7.0.53, "fd00:7::53"], domain: blue.example, search: [blue.example, more.example], ntp: [10.7.0.123], routes: [{cidr: 192.168.0.0/16, via: 10.7.0.9}]}}}
---
{kind: Network, name: green, spec: {subnets: [{cidr: 10.8.0.0/24}, {cidr: "fd00:8::/64"}]}}
---
{kind: Router, name: r, spec: {networks: [blue, green]}}
---
{kind: Port, name: vm, spec: {network: blue, node: node1}}
---
{kind: Policy, name: none, spec: {subject: {selector: {}}, isolates: [ingress, egress]}}
`)
	d := b.plugBare("vm", "node1")
	port := func() (ip, ip6 string) {
		p, err := b.api.Port(b.ctx, "vm")
		b.must(err)
		return p.Status.Addresses[0].IP, p.Status.Addresses[1].IP
	}
	ip, ip6 := port()
	index := ifindex(b, d.c.Exec, "eth0")
	n := b.networkd(d.c.Command, map[string]string{"10-eth0.network": "[Match]\nName=eth0\n[Network]\nDHCP=yes\nIPv6AcceptRA=yes\n" +
		"[DHCPv4]\nUseMTU=yes\nUseDomains=yes\nUseHostname=no\nUseTimezone=no\n[DHCPv6]\nUseHostname=no\n"})
	has := func(t *testing.T, what string, is func(addresses, routes, state, lease string) string) {
		t.Helper()
		b.must(lab.PollFor(b.ctx, 30*time.Second, what, func(ctx context.Context) error {
			addresses, err := d.c.Exec(ctx, "ip", "addr", "show", "dev", "eth0")
			routes, err4 := d.c.Exec(ctx, "ip", "-4", "route")
			routes6, err6 := d.c.Exec(ctx, "ip", "-6", "route")
			if err := errors.Join(err, err4, err6); err != nil {
				return err
			}
			state, lease := n.link(index)
			if lacks := is(addresses, routes+routes6, state, lease); lacks != "" {
				return fmt.Errorf("no %q in %s%s%s%s%s", lacks, addresses, routes, routes6, state, lease)
			}
			return nil
		}))
	}
	lacks := func(text string, words ...string) string {
		for _, w := range words {
			if !strings.Contains(text, w) {
				return w
			}
		}
		return ""
	}
	configured := func(t *testing.T, what, ip, ip6 string) {
		t.Helper()
		has(t, what, func(addresses, routes, _, _ string) string {
			return lacks(addresses+routes, " "+ip+"/24 ", " "+ip6+"/128 ", "default via 10.7.0.1 ", "default via fe80::")
		})
	}
	configured(t, "addresses and default routes", ip, ip6)
	b.run("P-DHC-05, P-DHC-08: routes beside the default route, names", func(t *testing.T, b *bed) {
		has(t, "routes, MTU and names", func(addresses, routes, state, lease string) string {
			return lacks(addresses+routes+state+lease, "mtu 1400", "192.168.0.0/16 via 10.7.0.9", "DOMAINNAME=blue.example\n", "HOSTNAME=vm\n", "DNS=10.7.0.53", "fd00:7::53", "NTP=10.7.0.123", "more.example")
		})
	})
	b.run("P-DHC-02: renewals by unicast, without a server identifier, over a restart of sdnd", func(t *testing.T, b *bed) {
		s := b.sniff(d.c)
		var watched strings.Builder
		watch := d.c.Command(b.ctx, "ip", "-4", "monitor", "address")
		watch.Stdout = &watched
		b.must(watch.Start())
		renewed := func() (n int) {
			for _, f := range b.frames(s, func(lab.Frame) bool { return true }) {
				switch m, to, ok := dhcpFrame(f); {
				case !ok:
				case f.Sent && (to.String() != "10.7.0.1" || m.ServerIdentifier() != nil || m.RequestedIPAddress() != nil):
					t.Errorf("asks %s: %s", to, m.Summary())
				case !f.Sent && (to.String() != ip || m.MessageType() != dhcpv4.MessageTypeAck):
					t.Errorf("answered to %s: %s", to, m.Summary())
				case !f.Sent:
					n++
				}
			}
			return n
		}
		renews := func(times int) {
			t.Helper()
			had := renewed()
			b.must(lab.PollFor(b.ctx, 30*time.Second, "renewals", func(context.Context) error {
				if n := renewed() - had; n < times {
					return fmt.Errorf("%d", n)
				}
				return nil
			}))
		}
		renews(1)
		b.must(b.Controller.Stop(b.ctx, syscall.SIGKILL))
		b.must(b.Controller.Start(b.ctx))
		renews(2)
		b.must(watch.Process.Signal(syscall.SIGTERM))
		_ = watch.Wait() // it was ended
		if strings.Contains(watched.String(), "Deleted") {
			t.Errorf("the address was away: %s", &watched)
		}
	})
	b.run("P-DHC-02: renewal by broadcast, when those by unicast get no answer", func(t *testing.T, b *bed) {
		s := b.sniff(d.c)
		_, err := d.c.Exec(b.ctx, "sh", "-c", "nft add table ip t && nft add chain ip t out '{ type filter hook output priority 0; }' && nft add rule ip t out ip daddr 10.7.0.1 udp dport 67 drop")
		b.must(err)
		asked := false
		b.awaitFrame(s, "a confirmation of what was asked by broadcast", func(f lab.Frame) bool {
			m, to, ok := dhcpFrame(f)
			if !ok {
				return false
			}
			if f.Sent && m.MessageType() == dhcpv4.MessageTypeRequest && to.String() == "255.255.255.255" && !m.ClientIPAddr.IsUnspecified() && m.ServerIdentifier() == nil {
				asked = true
			}
			return asked && !f.Sent && m.MessageType() == dhcpv4.MessageTypeAck
		})
		configured(t, "the address", ip, ip6)
		_, err = d.c.Exec(b.ctx, "nft", "delete", "table", "ip", "t")
		b.must(err)
	})
	b.run("P-DHC-01: the default route stays when the gateway is asked again", func(t *testing.T, b *bed) {
		routeStays(b, d.c, "fd00:8::1")
	})
	b.run("P-DHC-12: the link goes down and up", func(t *testing.T, b *bed) {
		_, err := d.c.Exec(b.ctx, "ip", "link", "set", "eth0", "down")
		b.must(err)
		has(t, "no address", func(addresses, _, _, _ string) string {
			if strings.Contains(addresses, ip6) {
				return "nothing"
			}
			return ""
		})
		_, err = d.c.Exec(b.ctx, "ip", "link", "set", "eth0", "up")
		b.must(err)
		configured(t, "addresses after the link was down", ip, ip6)
	})
	b.run("P-DHC-04: the port gets other addresses", func(t *testing.T, b *bed) {
		p, err := b.api.Port(b.ctx, "vm")
		b.must(err)
		// The MAC that sdnd derives belongs to the address, and the machine keeps its own.
		b.sdnctl("port", "set", "vm", "--ip", "10.7.0.77,fd00:7::77", "--mac", p.Status.MAC, "--wait")
		began := time.Now()
		configured(t, "other addresses", "10.7.0.77", "fd00:7::77")
		has(t, "the old addresses to go", func(addresses, _, _, _ string) string {
			if strings.Contains(addresses, " "+ip+"/") || strings.Contains(addresses, " "+ip6+"/") {
				return "other"
			}
			return ""
		})
		t.Logf("after %v, with leases of 10 s", time.Since(began).Round(100*time.Millisecond))
	})
	b.settle()
	b.verify()
}

// routeStays is P-DHC-01: a host asks again for the link-layer address of its gateway, as it does when it has had nothing from it for a while, and
// has its default route still. The answer says that the gateway is a router (RFC 4861, 7.2.5).
func routeStays(b *bed, c *lab.Container, far string) {
	b.t.Helper()
	route := func() (gateway string, err error) {
		out, err := c.Exec(b.ctx, "ip", "-6", "route", "show", "default")
		words := strings.Fields(out)
		if i := slices.Index(words, "via"); err == nil && i >= 0 {
			return words[i+1], nil
		}
		return "", errors.Join(err, fmt.Errorf("the default route is %q", out))
	}
	gateway, err := route()
	b.must(err)
	neighbour := func() string {
		out, err := c.Exec(b.ctx, "ip", "-6", "neigh", "show", gateway, "dev", "eth0")
		return must(b, out, err)
	}
	s := b.sniff(c)
	b.must(lab.PollFor(b.ctx, 20*time.Second, "the gateway in the cache", func(ctx context.Context) error {
		_, _ = c.Exec(ctx, "ping", "-6", "-c1", "-W1", far)
		if !strings.Contains(neighbour(), "lladdr") {
			return errors.New(neighbour())
		}
		return nil
	}))
	mac := strings.Fields(neighbour())[slices.Index(strings.Fields(neighbour()), "lladdr")+1]
	answers := func() []lab.Frame {
		return b.frames(s, func(f lab.Frame) bool {
			m, ok := f.ICMPv6()
			return ok && !f.Sent && m.Type == 136 && m.From.String() == gateway
		})
	}
	before := len(answers())
	_, err = c.Exec(b.ctx, "ip", "-6", "neigh", "change", gateway, "dev", "eth0", "lladdr", mac, "nud", "stale")
	b.must(err)
	b.must(lab.PollFor(b.ctx, 30*time.Second, "the gateway to be asked again", func(ctx context.Context) error {
		_, _ = c.Exec(ctx, "ping", "-6", "-c1", "-W1", far)
		if len(answers()) == before {
			return errors.New(neighbour())
		}
		return nil
	}))
	answer, _ := answers()[before].ICMPv6()
	if flags := answer.Body[0]; flags != 0xe0 {
		b.t.Errorf("the gateway answers with flags %x, want e0: a router, asked, and this is its address", flags)
	}
	if now, err := route(); err != nil || now != gateway {
		b.t.Errorf("the default route by %s is %q now: %v", gateway, now, err)
	}
	b.reach(c, far)
}
