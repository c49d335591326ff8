package integration

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// routed6 has networks whose IPv6 leaves with the ports' own addresses; node2 has no ports of pub.
const routed6 = `
{kind: Network, name: pub, spec: {subnets: [{cidr: 10.5.0.0/24}, {cidr: "2001:db8:1:1::/64"}]}}
---
{kind: Network, name: wide, spec: {subnets: [{cidr: "2001:db8:1:2::/64"}]}}
---
{kind: Router, name: pub, spec: {networks: [pub], egress: {uplink: ext, ipv6: routed}}}
---
{kind: Router, name: wide, spec: {networks: [wide], egress: {uplink: ext, ipv6: routed}}}
---
{kind: Port, name: pub1, labels: {app: pub}, spec: {network: pub, node: node1, ips: [10.5.0.11, "2001:db8:1:1::11"]}}
---
{kind: Port, name: wide1, spec: {network: wide, node: node1, ips: ["2001:db8:1:2::11"]}}
---
{kind: Port, name: wide2, labels: {app: pub}, spec: {network: wide, node: node2, ips: ["2001:db8:1:2::12"]}}
`

// routedOut adds to a bridge6Bed what routed6 has, and the routes outside: to pub by node2, which has no port
// of it, and to wide by node1.
func (b *bridge6Bed) routedOut() {
	b.sdnctl("node", "set", "node2", "--uplink-address", "192.0.2.66", "--uplink-address", "2001:db8:0:2::66", "--wait=20s")
	b.apply(routed6)
	for port, node := range map[string]string{"pub1": "node1", "wide1": "node1", "wide2": "node2"} {
		b.c[port] = b.plug(port, node)
	}
	b.bound("pub1", "wide1", "wide2")
	for _, port := range []string{"pub1", "wide1", "wide2"} {
		b.serveOn(b.c[port].Inside)
	}
	for _, cmd := range []string{"ip -6 route add 2001:db8:1:1::/64 via 2001:db8:0:2::66", "ip -6 route add 2001:db8:1:2::/64 via 2001:db8:0:2::65"} {
		_, err := b.outside.Exec(b.ctx, strings.Fields(cmd)...)
		b.must(err)
	}
}

// routedPorts are the ports of routed6 and their addresses.
var routedPorts = [...]struct{ port, address string }{{"pub1", "2001:db8:1:1::11"}, {"wide1", "2001:db8:1:2::11"}, {"wide2", "2001:db8:1:2::12"}}

// reachesIn checks that the machine outside reaches an address, and is seen with its own.
func (b *bridge6Bed) reachesIn(address string) {
	b.t.Helper()
	var seen netip.AddrPort
	b.must(lab.PollFor(b.ctx, 20*time.Second, "the machine outside to reach "+address, func(context.Context) error {
		s, conn, err := b.connect(end{name: "outside", inside: b.outside.Inside}, "tcp", netip.AddrPortFrom(netip.MustParseAddr(address), 8080), 0, 3*time.Second)
		if err == nil {
			conn.Close()
			seen = s
		}
		return err
	}))
	if seen.Addr() != b.outside.Addr6 {
		b.t.Errorf("%s sees %s, want %s", address, seen, b.outside.Addr6)
	}
}

// TestRoutedIPv6: IPv6 leaves by a bridge with the ports' own addresses, and comes in for them by any node that
// the router outside sends it to.
func TestRoutedIPv6(t *testing.T) {
	t.Parallel()
	b := newBridge6Bed(t)
	b.routedOut()
	b.part("out with the ports' addresses", func(b *bridge6Bed) {
		for _, p := range routedPorts {
			b.outAs(p.port, "tcp", b.far6, p.address)
			b.outAs(p.port, "udp", b.outside.Addr6, p.address)
		}
		b.outAs("pub1", "tcp", b.far, "192.0.2.65") // IPv4 is translated
		b.outAs("blue1", "tcp", b.far6, "2001:db8:0:2::65")
	})
	b.part("in by any node", func(b *bridge6Bed) {
		for _, p := range routedPorts {
			b.reachesIn(p.address)
			if out, err := b.outside.Exec(b.ctx, "ping", "-n", "-c", "2", "-i", "0.2", "-W", "2", p.address); err != nil {
				b.t.Errorf("ping of %s: %v: %s", p.address, err, out)
			}
		}
		// From one router to the other by the router outside.
		b.sees6("pub1", "2001:db8:1:2::12", "2001:db8:1:1::11")
	})
	b.part("errors, fragments and path MTU", (*bridge6Bed).routedErrors)
	b.part("what stays shut", (*bridge6Bed).routedShut)
	b.part("policies judge what comes in", (*bridge6Bed).routedPolicies)
	b.part("translated, and routed again", func(b *bridge6Bed) {
		b.sdnctl("router", "set", "wide", "--egress-ipv6", "translated", "--wait=20s")
		b.soonOutAs("wide1", b.far6, "2001:db8:0:2::65")
		b.failsIn("2001:db8:1:2::11")
		b.sdnctl("router", "set", "wide", "--egress-ipv6", "routed", "--wait=20s")
		b.soonOutAs("wide1", b.far6, "2001:db8:1:2::11")
		b.reachesIn("2001:db8:1:2::12")
	})
	b.part("restart", func(b *bridge6Bed) {
		_, live, err := b.ask("wide2", "tcp", b.far6, 0)
		b.must(err)
		defer live.Close()
		got := b.changes(func() {
			b.must(b.Controller.Stop(b.ctx, syscall.SIGTERM))
			b.echoes("while sdnd is away", live)
			b.must(b.Controller.Start(b.ctx))
		}, "node1", "node2")
		if got["node1"]+got["node2"] != 0 {
			b.t.Errorf("a restart of sdnd changed flows: %v", got)
		}
		b.echoes("after a restart of sdnd", live)
	})
}

// soonOutAs waits until new TCP connections of a port are seen as an address. Open vSwitch may use a cached
// flow until its revalidators have compared it with the changed flows, which on a busy machine takes a while.
func (b *bridge6Bed) soonOutAs(from string, to netip.Addr, as string) {
	b.t.Helper()
	b.must(lab.PollFor(b.ctx, 5*time.Second, fmt.Sprintf("%s to be seen as %s", from, as), func(context.Context) error {
		seen, conn, err := b.ask(from, "tcp", to, 0)
		if err != nil {
			return err
		}
		conn.Close()
		if seen.Addr().String() != as {
			return fmt.Errorf("is seen as %s", seen)
		}
		return nil
	}))
}

// sees6 checks that a port reaches another one, which sees it as an address.
func (b *bridge6Bed) sees6(from, to, as string) {
	b.t.Helper()
	var seen netip.AddrPort
	b.must(lab.PollFor(b.ctx, 20*time.Second, from+" to reach "+to, func(context.Context) error {
		s, conn, err := b.connect(b.port(from), "tcp", netip.AddrPortFrom(netip.MustParseAddr(to), 8080), 0, 3*time.Second)
		if err == nil {
			conn.Close()
			seen = s
		}
		return err
	}))
	if seen.Addr().String() != as {
		b.t.Errorf("%s sees %s, want %s", to, seen, as)
	}
}

// failsIn checks that the machine outside does not reach an address.
func (b *bridge6Bed) failsIn(address string) {
	b.t.Helper()
	b.must(lab.PollFor(b.ctx, 20*time.Second, "the machine outside not to reach "+address, func(context.Context) error {
		_, conn, err := b.connect(end{name: "outside", inside: b.outside.Inside}, "tcp", netip.AddrPortFrom(netip.MustParseAddr(address), 8080), 0, 400*time.Millisecond)
		if err == nil {
			conn.Close()
			return fmt.Errorf("it is reached")
		}
		return nil
	}))
}

func (b *bridge6Bed) routedErrors() {
	// The gateway and beyond send packets of up to 1500 bytes; the ports' network has 1450.
	for _, p := range routedPorts {
		b.must(lab.PollFor(b.ctx, 20*time.Second, "a ping of 4000 bytes by "+p.port, func(ctx context.Context) error {
			out, err := b.c[p.port].Exec(ctx, "ping", "-n", "-c", "1", "-W", "2", "-s", "4000", b.far6.String())
			if err != nil {
				return fmt.Errorf("%w: %s", err, out)
			}
			return nil
		}))
		out, err := b.outside.Exec(b.ctx, "ip", "-6", "route", "get", p.address)
		if err != nil || !strings.Contains(out, "mtu 1450") {
			b.t.Errorf("the machine outside has not learned the MTU of the way to %s: %q, %v", p.address, out, err)
		}
		// The gateway reports the MTU of the way to beyond.
		b.must(lab.PollFor(b.ctx, 20*time.Second, p.port+" to learn the MTU of a path", func(ctx context.Context) error {
			_, _ = b.c[p.port].Exec(ctx, "ping", "-n", "-c", "1", "-W", "1", "-M", "do", "-s", "1380", b.beyond.Addr6.String())
			out, err := b.c[p.port].Exec(ctx, "ip", "route", "get", b.beyond.Addr6.String())
			if err == nil && !strings.Contains(out, "mtu 1280") {
				err = fmt.Errorf("%s", out)
			}
			return err
		}))
	}
}

func (b *bridge6Bed) routedShut() {
	for _, to := range []string{"2001:db8:1:1::1", "2001:db8:1:1::77", "2001:db8:0:2::65"} {
		if out, err := b.outside.Exec(b.ctx, "ping", "-n", "-c", "1", "-W", "0.4", to); err == nil {
			b.t.Errorf("%s answers: %s", to, out)
		}
	}
	// A machine outside with an address of the network, and VXLAN.
	_, err := b.outside.Exec(b.ctx, "ip", "addr", "add", "2001:db8:1:1::66/128", "dev", "lo", "nodad")
	b.must(err)
	sniffer, err := b.c["pub1"].Sniff()
	b.must(err)
	for _, args := range [][]string{
		{"ping", "-n", "-c", "1", "-W", "0.4", "-I", "2001:db8:1:1::66", "2001:db8:1:1::11"},
		{"python3", "-c", `import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
for port in 4789, 4788: s.sendto(b"forged", ("2001:db8:1:1::11", port))`},
	} {
		_, _ = b.outside.Exec(b.ctx, args...) // the ping is not answered
	}
	b.reachesIn("2001:db8:1:1::11") // sent after these
	frames, err := sniffer.Frames(b.ctx)
	b.must(err)
	b.must(sniffer.Close())
	seen := 0
	for _, f := range frames {
		if !f.Sent && strings.Contains(string(f.Data), "forged") { // else an error that quotes it
			if port := int(f.Data[56])<<8 | int(f.Data[57]); port == 4788 {
				seen++
			} else {
				b.t.Errorf("UDP to port %d comes in", port)
			}
		}
		if len(f.Data) > 38 && !f.Sent && netip.AddrFrom16([16]byte(f.Data[22:38])).String() == "2001:db8:1:1::66" {
			b.t.Error("a packet from outside with an address of the network comes in")
		}
	}
	if seen != 1 {
		b.t.Errorf("%d datagrams to port 4788 came in, want 1", seen)
	}
}

// routedPolicies: what is isolated is not reached, wherever packets come in, and still reaches outside.
func (b *bridge6Bed) routedPolicies() {
	policy := func(cidr string) {
		b.apply(fmt.Sprintf(`{kind: Policy, name: pub, spec: {subject: {selector: {matchLabels: {app: pub}}}, ingress: [{peers: [{cidr: "%s"}], ports: [tcp/8080]}]}}`, cidr))
	}
	policy("2001:db8:0:2::/64")
	for _, p := range routedPorts {
		b.reachesIn(p.address)
	}
	policy("2001:db8:7::/48")
	for _, a := range []string{"2001:db8:1:1::11", "2001:db8:1:2::12"} {
		b.failsIn(a)
	}
	b.reachesIn("2001:db8:1:2::11")
	for _, p := range routedPorts {
		b.outAs(p.port, "tcp", b.far6, p.address)
	}
	b.sdnctl("policy", "delete", "pub", "--wait=20s")
	b.reachesIn("2001:db8:1:1::11")
}
