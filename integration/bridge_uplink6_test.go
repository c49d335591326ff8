package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// bridged6 has two tenants with equal addresses that leave by IPv6 by a bridge of their node.
const bridged6 = `
{kind: Node, name: node1, spec: {tunnelIP: 172.16.56.2, uplinkAddresses: [192.0.2.65, "2001:db8:0:2::65"]}}
---
{kind: Node, name: node2, spec: {tunnelIP: 172.16.56.3, uplinkAddresses: [192.0.2.66]}}
---
{kind: Uplink, name: ext, spec: {type: bridge, bridge: br-ex, subnet: 192.0.2.0/24, gateway: 192.0.2.1, subnet6: "2001:db8:0:2::/64", gateway6: "fe80::1", addresses: [192.0.2.64/26, "2001:db8:0:2::40/122"]}}
---
{kind: Network, name: blue, spec: {subnets: [{cidr: 10.1.0.0/24}, {cidr: "fd00:0:0:1::/64"}]}}
---
{kind: Network, name: red, spec: {subnets: [{cidr: 10.1.0.0/24}, {cidr: "fd00:0:0:1::/64"}]}}
---
{kind: Router, name: blue, spec: {networks: [blue], egress: {uplink: ext}}}
---
{kind: Router, name: red, spec: {networks: [red], egress: {uplink: ext}}}
---
{kind: Port, name: blue1, labels: {app: web}, spec: {network: blue, node: node1, ips: [10.1.0.11, "fd00:0:0:1::11"]}}
---
{kind: Port, name: red1, spec: {network: red, node: node1, ips: [10.1.0.11, "fd00:0:0:1::11"]}}
---
{kind: Port, name: blue2, spec: {network: blue, ips: [10.1.0.12, "fd00:0:0:1::12"]}}
`

// bridge6Bed is a bridgeBed with both families. beyond is a machine behind another router of the external
// network, which the gateway reaches by a path with an MTU of 1280 bytes.
type bridge6Bed struct {
	*bridgeBed
	far6   netip.Addr
	beyond *lab.Outside
}

func newBridge6Bed(t *testing.T) *bridge6Bed {
	b := &bridge6Bed{&bridgeBed{&outsideBed{bed: newBed(t, 2), c: map[string]*lab.Container{}}, netip.MustParseAddr("198.51.100.9")}, netip.MustParseAddr("2001:db8:f::9"), nil}
	var err error
	b.outside, err = b.AddExternal(b.ctx)
	b.must(err)
	b.beyond, err = b.AddExternalRouter(b.ctx, b.outside, "beyond", netip.MustParseAddr("192.0.2.8"), netip.MustParseAddr("203.0.113.9"))
	b.must(err)
	b.beyond.Addr6 = netip.MustParseAddr("2001:db8:e::9")
	for _, cmd := range []string{"ip addr add 2001:db8:0:2::8/64 dev lan nodad", "ip addr add 2001:db8:e::9/128 dev lo nodad"} {
		_, err := b.beyond.Exec(b.ctx, strings.Fields(cmd)...)
		b.must(err)
	}
	for _, cmd := range []string{
		"sysctl -qw net.ipv6.conf.all.forwarding=1", "sysctl -qw net.ipv6.conf.lan.ndisc_notify=1", "sysctl -qw net.ipv4.ip_forward=1",
		"ip -6 route add 2001:db8:e::/64 via 2001:db8:0:2::8 mtu 1280",
		"ip -6 route add 2001:db8:0:2::65/128 dev lan mtu 1400", // as that of a path by tunnels, such as the ports have
	} {
		_, err := b.outside.Exec(b.ctx, strings.Fields(cmd)...)
		b.must(err)
	}
	for _, name := range []string{"node1", "node2"} {
		b.joinBridge(name)
	}
	b.apply(bridged6)
	for port, node := range map[string]string{"blue1": "node1", "red1": "node1", "blue2": "node2"} {
		b.c[port] = b.plug(port, node)
	}
	b.bound("blue1", "red1", "blue2")
	b.serve()
	l, err := b.beyond.Listen("tcp", ":80")
	b.must(err)
	t.Cleanup(func() { l.Close() })
	go echo(l)
	return b
}

func (b *bridge6Bed) part(name string, f func(*bridge6Bed)) {
	b.run(name, func(_ *testing.T, part *bed) {
		f(&bridge6Bed{&bridgeBed{&outsideBed{part, b.outside, b.c}, b.far}, b.far6, b.beyond})
	})
}

// TestBridgeUplinkIPv6: containers reach an external network by IPv6 by a bridge of their node, with
// the node's address there.
func TestBridgeUplinkIPv6(t *testing.T) {
	t.Parallel()
	b := newBridge6Bed(t)
	b.part("out by the node's address", func(b *bridge6Bed) {
		for _, from := range []string{"blue1", "red1"} {
			b.outAs(from, "udp", b.outside.Addr6, "2001:db8:0:2::65")
			b.outAs(from, "tcp", b.far, "192.0.2.65")
			for _, to := range []netip.Addr{b.outside.Addr6, b.far6} {
				b.outAs(from, "tcp", to, "2001:db8:0:2::65")
				if _, err := b.c[from].Reaches(b.ctx, to); err != nil {
					b.t.Errorf("%s: ping of %s: %v", from, to, err)
				}
			}
		}
		b.apart(b.far6)
	})
	b.part("a node without an IPv6 address", func(b *bridge6Bed) {
		b.condition("blue", "UplinkAddressMissing", true)
		b.outAs("blue2", "tcp", b.far, "192.0.2.66")
		b.sdnctl("node", "set", "node2", "--uplink-address", "192.0.2.66", "--uplink-address", "2001:db8:0:2::66", "--wait=20s")
		b.condition("blue", "UplinkAddressMissing", false)
		b.outAs("blue2", "tcp", b.far6, "2001:db8:0:2::66")
	})
	b.part("nobody else takes the address", func(b *bridge6Bed) {
		_, err := b.beyond.Exec(b.ctx, "ip", "addr", "add", "2001:db8:0:2::65/64", "dev", "lan")
		b.must(err)
		b.must(lab.PollFor(b.ctx, 20*time.Second, "the machine to notice that the address is taken", func(ctx context.Context) error {
			out, err := b.beyond.Exec(ctx, "ip", "addr", "show", "dev", "lan")
			if err == nil && !strings.Contains(out, "dadfailed") {
				err = fmt.Errorf("%s", out)
			}
			return err
		}))
		_, err = b.beyond.Exec(b.ctx, "ip", "addr", "del", "2001:db8:0:2::65/64", "dev", "lan")
		b.must(err)
		b.outAs("blue1", "tcp", b.far6, "2001:db8:0:2::65")
	})
	b.part("errors, fragments and path MTU", (*bridge6Bed).errors6)
	b.part("what stays shut", (*bridge6Bed).shutOut6)
	b.part("P-NS-08: the gateway's MAC changes", func(b *bridge6Bed) {
		_, live, err := b.ask("blue1", "tcp", b.far6, 0)
		b.must(err)
		defer live.Close()
		// The kernel tells everybody (ndisc_notify).
		_, err = b.outside.Exec(b.ctx, "ip", "link", "set", "lan", "address", "0a:00:c0:00:02:99")
		b.must(err)
		b.echoes("after the gateway's MAC has changed", live)
	})
	b.part("restart and tamper", (*bridge6Bed).restart6)
}

func (b *bridge6Bed) errors6() {
	err := b.c["blue1"].Inside(func() error {
		conn, err := net.Dial("udp", netip.AddrPortFrom(b.far6, 99).String())
		if err != nil {
			return err
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		conn.Write([]byte("x"))
		_, err = conn.Read(make([]byte, 1))
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "refused") {
		b.t.Errorf("UDP to a closed port: %v", err)
	}
	// The hops are the router and the gateway, which reports the expired hop limit.
	b.must(lab.PollFor(b.ctx, 20*time.Second, "the gateway to report a hop limit of 2", func(ctx context.Context) error {
		out, _ := b.c["blue1"].Exec(ctx, "ping", "-n", "-c", "1", "-W", "2", "-t", "2", b.beyond.Addr6.String())
		if !strings.Contains(out, "Hop limit") {
			return fmt.Errorf("%s", out)
		}
		return nil
	}))
	for _, size := range []string{"1200", "4000"} {
		b.must(lab.PollFor(b.ctx, 20*time.Second, "a ping of "+size+" bytes", func(ctx context.Context) error {
			out, err := b.c["blue1"].Exec(ctx, "ping", "-n", "-c", "1", "-W", "2", "-s", size, b.far6.String())
			if err != nil {
				return fmt.Errorf("%w: %s", err, out)
			}
			return nil
		}))
	}
	b.learnsMTU("blue1", b.beyond.Addr6, 1280)
	// What is sent to beyond passes a path with an MTU of 1280 bytes.
	const size = 1 << 18
	_, c, err := b.ask("blue1", "tcp", b.beyond.Addr6, 0)
	b.must(err)
	b.must(c.SetDeadline(time.Now().Add(30 * time.Second)))
	go func() {
		_, _ = c.Write(bytes.Repeat([]byte{'x'}, size)) // what comes back is counted
		_ = c.(*net.TCPConn).CloseWrite()
	}()
	if n, err := io.Copy(io.Discard, c); n < size || err != nil {
		b.t.Errorf("%d of %d bytes came back: %v", n, size, err)
	}
	b.must(c.Close())
	if out, err := b.c["blue1"].Exec(b.ctx, "ip", "route", "get", b.beyond.Addr6.String()); err != nil || !strings.Contains(out, "mtu 1280") {
		b.t.Errorf("the MTU of the way is not learned: %q, %v", out, err)
	}
}

func (b *bridge6Bed) shutOut6() {
	if out, err := b.outside.Exec(b.ctx, "ping", "-n", "-c", "1", "-W", "0.4", "2001:db8:0:2::65"); err == nil {
		b.t.Errorf("the node's address answers: %s", out)
	}
	for _, to := range []string{"fd73:646e:6374::5", "fd73:646e:6374::6", "fd73:646e:6374::3", "fe80::1%eth0"} {
		if out, err := b.c["blue1"].Exec(b.ctx, "ping", "-n", "-c", "1", "-W", "0.4", to); err == nil {
			b.t.Errorf("%s answers: %s", to, out)
		}
	}
}

func (b *bridge6Bed) restart6() {
	_, live, err := b.ask("blue1", "tcp", b.far6, 0)
	b.must(err)
	defer live.Close()
	n := b.node("node1")
	if got := b.changes(func() {
		b.must(b.Controller.Stop(b.ctx, syscall.SIGTERM))
		b.echoes("while sdnd is away", live)
		b.must(b.Controller.Start(b.ctx))
	}, "node1"); got["node1"] != 0 {
		b.t.Errorf("a restart of sdnd changed flows: %v", got)
	}
	b.echoes("after a restart of sdnd", live)
	for _, table := range []int{4, 13, 117, 118, 119} {
		_, err := n.Exec(b.ctx, "ovs-ofctl", "-O", "OpenFlow13", "del-flows", "br-int", fmt.Sprintf("table=%d", table))
		b.must(err)
	}
	b.settle()
	b.outAs("blue1", "tcp", b.far6, "2001:db8:0:2::65")
	b.echoes("after others deleted flows", live)
}

// learnsMTU checks that a container which sends large datagrams over a way with an MTU in bytes below 1350 learns that (P-ICM-01).
func (b *outsideBed) learnsMTU(from string, to netip.Addr, mtu int) {
	b.t.Helper()
	_, err := b.c[from].Exec(b.ctx, "ip", "-6", "route", "flush", "cache")
	b.must(err)
	b.must(lab.PollFor(b.ctx, 20*time.Second, from+" to learn the MTU of the way to "+to.String()+" by UDP", func(ctx context.Context) error {
		err := b.c[from].Inside(func() error {
			conn, err := net.Dial("udp", netip.AddrPortFrom(to, 99).String())
			if err != nil {
				return err
			}
			defer conn.Close()
			_, err = conn.Write(make([]byte, 1350))
			return err
		})
		if err != nil && !errors.Is(err, syscall.EMSGSIZE) && !errors.Is(err, syscall.ECONNREFUSED) {
			return err
		}
		out, err := b.c[from].Exec(ctx, "ip", "route", "get", to.String())
		if err == nil && !strings.Contains(out, "mtu "+strconv.Itoa(mtu)) {
			answers, _ := b.Controller.Exec(ctx, "sdnctl", "answers", "--cause", "too-big")
			err = errors.New(out + answers)
		}
		return err
	}))
	_, err = b.c[from].Exec(b.ctx, "ip", "-6", "route", "flush", "cache")
	b.must(err)
}
