package integration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// leaving has two tenants with equal addresses that leave by an uplink, and one that does
// not.
const leaving = `
{kind: Node, name: node1, spec: {tunnelIP: 172.16.56.2}}
---
{kind: Node, name: node2, spec: {tunnelIP: 172.16.56.3}}
---
kind: Uplink
name: wan
spec: {}
---
{kind: Network, name: blue, spec: {subnets: [{cidr: 10.1.0.0/24}, {cidr: "fd00:0:0:1::/64"}]}}
---
{kind: Network, name: red, spec: {subnets: [{cidr: 10.1.0.0/24}, {cidr: "fd00:0:0:1::/64"}]}}
---
{kind: Network, name: shut, spec: {subnets: [{cidr: 10.2.0.0/24}]}}
---
{kind: Router, name: blue, spec: {networks: [blue], egress: {uplink: wan}}}
---
{kind: Router, name: red, spec: {networks: [red], egress: {uplink: wan}}}
---
{kind: Router, name: shut, spec: {networks: [shut]}}
---
{kind: Port, name: blue1, labels: {app: web}, spec: {network: blue, node: node1, ips: [10.1.0.11, "fd00:0:0:1::11"]}}
---
{kind: Port, name: red1, spec: {network: red, node: node1, ips: [10.1.0.11, "fd00:0:0:1::11"]}}
---
{kind: Port, name: blue2, spec: {network: blue, node: node2, ips: [10.1.0.12, "fd00:0:0:1::12"]}}
---
{kind: Port, name: shut1, spec: {network: shut, node: node1}}
`

// outsideBed is a bed with a machine outside that echoes, and the containers of leaving.
type outsideBed struct {
	*bed
	outside *lab.Outside
	c       map[string]*lab.Container
}

func newOutsideBed(t *testing.T) *outsideBed {
	b := &outsideBed{bed: newBed(t, 2, withIPv6), c: map[string]*lab.Container{}}
	var err error
	b.outside, err = b.AddOutside(b.ctx, 1300)
	b.must(err)
	for _, name := range []string{"node1", "node2"} {
		b.must(b.node(name).RouteOutside(b.ctx))
		b.joinUplink(name)
	}
	b.apply(leaving)
	for port, node := range map[string]string{"blue1": "node1", "red1": "node1", "shut1": "node1", "blue2": "node2"} {
		b.c[port] = b.plug(port, node)
	}
	b.bound("blue1", "red1", "shut1", "blue2")
	b.serve()
	return b
}

// part runs a part of the test as a test of its own.
func (b *outsideBed) part(name string, f func(*outsideBed)) {
	b.run(name, func(_ *testing.T, part *bed) { f(&outsideBed{part, b.outside, b.c}) })
}

// joinUplink joins a node with an uplink.
func (b *outsideBed) joinUplink(name string) {
	b.t.Helper()
	n := b.node(name)
	_, err := n.Exec(b.ctx, "sdnctl", "node", "join", name, "--uplink", "host",
		"--controller", b.Controller.Addr.String(), "--tunnel-ip", n.Addr.String(), "--no-wait")
	b.must(err)
	if !slices.Contains(b.joined, n) {
		b.joined = append(b.joined, n)
	}
}

// serve makes the machine outside answer TCP and UDP on port 80 with the client's address,
// and then echo.
func (b *outsideBed) serve() {
	l, err := b.outside.Listen("tcp", ":80")
	b.must(err)
	p, err := b.outside.ListenPacket("udp", ":80")
	b.must(err)
	b.t.Cleanup(func() { l.Close(); p.Close() })
	go echo(l)
	go echoPackets(p)
}

// echo answers each connection with the client's address, and then echoes.
func echo(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			fmt.Fprintf(c, "%s\n", c.RemoteAddr())
			io.Copy(c, c)
		}()
	}
}

// echoPackets answers each datagram with the client's address and the datagram.
func echoPackets(p net.PacketConn) {
	buf := make([]byte, 1<<16)
	for {
		n, from, err := p.ReadFrom(buf)
		if err != nil {
			return
		}
		p.WriteTo(append([]byte(from.String()+"\n"), buf[:n]...), from)
	}
}

// ask connects from a container, from a given port unless that is 0, and returns the
// address that the machine outside sees, and the connection.
func (b *outsideBed) ask(from, network string, to netip.Addr, port int) (seen netip.AddrPort, conn net.Conn, err error) {
	return b.connect(b.port(from), network, netip.AddrPortFrom(to, 80), port, 3*time.Second)
}

// leaves checks that a container reaches the machine outside, which sees the node's
// address.
func (b *outsideBed) leaves(from, network string, to netip.Addr) {
	b.t.Helper()
	seen, conn, err := b.ask(from, network, to, 0)
	if err != nil {
		b.t.Errorf("%s by %s to %s: %v", from, network, to, err)
		return
	}
	conn.Close()
	n := b.node(b.c[from].Node)
	if want := map[bool]netip.Addr{true: n.Addr, false: n.Addr6}[to.Is4()]; seen.Addr() != want {
		b.t.Errorf("%s by %s to %s is seen as %s, want its node's %s", from, network, to, seen, want)
	}
}

// stays checks that a container does not reach outside, once Open vSwitch has revalidated
// its cached flows.
func (b *outsideBed) stays(from, network string, to netip.Addr) {
	b.t.Helper()
	b.must(lab.PollFor(b.ctx, 10*time.Second, from+" to reach outside no more by "+network, func(context.Context) error {
		_, conn, err := b.ask(from, network, to, 0)
		if err != nil {
			return nil
		}
		conn.Close()
		return fmt.Errorf("%s is reached by %s", to, network)
	}))
}

// condition waits until a network has a condition, or no longer has it.
func (b *outsideBed) condition(network, reason string, want bool) {
	b.t.Helper()
	b.must(lab.PollFor(b.ctx, 10*time.Second, network+" and "+reason, func(ctx context.Context) error {
		n, err := b.api.Network(ctx, network)
		if err != nil {
			return err
		}
		for _, c := range n.Status.Conditions {
			if string(c.Reason) == reason {
				if want {
					return nil
				}
				return fmt.Errorf("it has the condition still: %s", c.Message)
			}
		}
		if want {
			return fmt.Errorf("it has only %v", n.Status.Conditions)
		}
		return nil
	}))
}

// echoes checks that a connection still works.
func (b *outsideBed) echoes(what string, conn net.Conn) {
	b.t.Helper()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	buf := make([]byte, 4)
	if _, err := conn.Write([]byte("ping")); err != nil {
		b.t.Errorf("%s: %v", what, err)
	} else if _, err := io.ReadFull(conn, buf); err != nil {
		b.t.Errorf("%s: %v", what, err)
	}
}

// TestNorthSouth: containers reach networks outside through their own node's kernel, also
// tenants with equal addresses, and no other packets get in or out.
func TestNorthSouth(t *testing.T) {
	t.Parallel()
	b := newOutsideBed(t)
	four, six := b.outside.Addr, b.outside.Addr6
	b.part("both families, both protocols", func(b *outsideBed) {
		for _, from := range []string{"blue1", "red1", "blue2"} {
			for _, to := range []netip.Addr{four, six} {
				for _, network := range []string{"tcp", "udp"} {
					b.leaves(from, network, to)
				}
				if _, err := b.c[from].Reaches(b.ctx, to); err != nil {
					b.t.Errorf("%s: ping of %s: %v", from, to, err)
				}
			}
		}
	})
	b.part("equal addresses and ports of two tenants", func(b *outsideBed) {
		for i, network := range []string{"tcp", "udp", "tcp", "udp"} {
			to := []netip.Addr{four, six}[i/2]
			blue, one, err := b.ask("blue1", network, to, 5555+i)
			b.must(err)
			red, two, err := b.ask("red1", network, to, 5555+i)
			b.must(err)
			if blue == red {
				b.t.Errorf("%s: both are seen as %s", network, blue)
			}
			const upperHalf = 33280 // P-NS-05: each has one half of the node's source ports
			if (blue.Port() < upperHalf) == (red.Port() < upperHalf) {
				b.t.Errorf("%s: %s and %s have the same half of the source ports", network, blue, red)
			}
			if network == "tcp" {
				b.echoes("blue", one)
				b.echoes("red", two)
			}
			one.Close()
			two.Close()
		}
	})
	b.part("errors come back: TTL, MTU, fragments", (*outsideBed).northSouthErrors)
	b.part("much by TCP over a narrow path", (*outsideBed).narrowPath)
	b.part("what stays shut", (*outsideBed).northSouthShut)
	b.part("P-POL-06: policies judge what leaves", (*outsideBed).northSouthPolicies)
	b.part("P-NS-06: tunnel packets are not tracked", (*outsideBed).tunnelsUntracked)
	b.part("P-NS-13: two ports send the same at the same moment", (*outsideBed).racedPairs)
	b.part("P-NS-14: VXLAN between ports", (*outsideBed).ownVXLAN)
	b.part("P-NS-05: the source ports of one port", (*outsideBed).sourcePorts)
	b.part("one port and the connections of the node's kernel", (*outsideBed).kernelConnections)
	b.part("host access", (*outsideBed).hostAccess)
	b.part("restart and reboot", (*outsideBed).northSouthRestart)
	b.part("leaving removes everything", (*outsideBed).northSouthLeave)
}

func (b *outsideBed) northSouthErrors() {
	for _, to := range []netip.Addr{b.outside.Addr, b.outside.Addr6} {
		// The hops are the router, the node's kernel, and the hub, which reports the
		// expired TTL.
		out, _ := b.c["blue1"].Exec(b.ctx, "ping", "-n", "-c", "1", "-W", "2", "-t", "3", to.String())
		if !strings.Contains(out, "Time to live exceeded") && !strings.Contains(out, "Hop limit") {
			b.t.Errorf("ping of %s with a TTL of 3: %q", to, out)
		}
		// The path outside has an MTU of 1300 bytes.
		b.c["blue1"].Exec(b.ctx, "ping", "-n", "-c", "2", "-i", "0.3", "-W", "1", "-M", "do", "-s", "1380", to.String())
		out, err := b.c["blue1"].Exec(b.ctx, "ip", "route", "get", to.String())
		if err != nil || !strings.Contains(out, "mtu 1300") {
			b.t.Errorf("the MTU of the way to %s is not learned: %q, %v", to, out, err)
		}
		b.c["blue1"].Exec(b.ctx, "ip", "route", "flush", "cache")
		if out, err := b.c["blue1"].Exec(b.ctx, "ping", "-n", "-c", "1", "-W", "2", "-M", "dont", "-s", "4000", to.String()); err != nil {
			b.t.Errorf("a ping of 4000 bytes in fragments to %s: %v: %s", to, err, out)
		}
	}
	b.learnsMTU("blue1", b.outside.Addr6, 1300)
}

func (b *outsideBed) northSouthShut() {
	blue := b.c["blue1"]
	if _, _, err := b.ask("shut1", "tcp", b.outside.Addr, 0); err == nil {
		b.t.Error("a port of a router without egress reaches outside")
	}
	b.reservedForNode()
	// Packets from a node's tunnel address to the tunnel's port are taken for the node's
	// own. None of them may come from a container.
	sniffer, err := b.node("node1").SniffUnderlay()
	b.must(err)
	b.must(blue.Inside(func() error {
		conn, err := net.Dial("udp", netip.AddrPortFrom(b.node("node2").Addr, 4789).String())
		if err != nil {
			return err
		}
		defer conn.Close()
		for range 3 {
			conn.Write(lab.VXLANPacket(100, make([]byte, 60)))
		}
		return nil
	}))
	b.leaves("blue1", "udp", b.outside.Addr) // sent after it
	frames, err := sniffer.Frames(b.ctx)
	b.must(err)
	b.must(sniffer.Close())
	for _, f := range frames {
		if vni, _, ok := f.VXLAN(); ok && vni == 100 {
			b.t.Errorf("VXLAN of a container is on the underlay: %v", f)
		}
	}
	// From one tenant to another through the kernel, and from outside to a tenant.
	for _, from := range []string{"198.18.0.4", "198.18.0.6", "198.18.0.5", "198.18.0.3"} {
		if out, err := blue.Exec(b.ctx, "ping", "-n", "-c", "1", "-W", "0.3", from); err == nil {
			b.t.Errorf("%s answers: %s", from, out)
		}
	}
}

func (b *outsideBed) northSouthPolicies() {
	_, live, err := b.ask("blue1", "tcp", b.outside.Addr, 0)
	b.must(err)
	defer live.Close()
	b.apply(`{kind: Policy, name: out, spec: {subject: {selector: {matchLabels: {app: web}}}, egress: [{peers: [{cidr: 203.0.113.0/24}], ports: [tcp/80]}]}}`)
	b.leaves("blue1", "tcp", b.outside.Addr)
	b.echoes("a connection that the policy allows", live)
	b.stays("blue1", "udp", b.outside.Addr)
	b.revalidated()
	for range 3 { // also the first datagram of a connection, which is noted as begun
		if _, conn, err := b.seen(b.port("blue1"), "udp", b.outside.Addr, 80); err == nil {
			conn.Close()
			b.t.Error("a first datagram leaves that a policy denies")
		}
	}
	b.stays("blue1", "tcp", b.outside.Addr6)
	b.leaves("red1", "udp", b.outside.Addr)
	b.apply(`{kind: Policy, name: out, spec: {subject: {selector: {matchLabels: {app: web}}}, egress: [{action: reject, peers: [{cidr: 203.0.113.0/24}, {cidr: "2001:db8:113::/48"}]}]}}`)
	for _, to := range []netip.Addr{b.outside.Addr, b.outside.Addr6} {
		for _, network := range []string{"tcp", "udp"} {
			b.refused(b.port("blue1"), network, netip.AddrPortFrom(to, 80))
		}
	}
	b.apply(`{kind: Policy, name: out, spec: {subject: {selector: {matchLabels: {app: web}}}, isolates: [egress]}}`)
	b.stays("blue1", "tcp", b.outside.Addr)
	// Selectors pick ports: nobody outside, whatever they exclude.
	b.apply(`{kind: Policy, name: out, spec: {subject: {selector: {matchLabels: {app: web}}}, egress: [{peers: [{selector: {matchExpressions: [{key: app, operator: NotIn, values: [nobody]}]}}]}]}}`)
	b.stays("blue1", "tcp", b.outside.Addr)
	b.apply(`{kind: Policy, name: out, spec: {subject: {selector: {matchLabels: {app: web}}}, egress: [{}]}}`)
	b.leaves("blue1", "udp", b.outside.Addr)
	b.echoes("a connection that is allowed again", live)
	b.sdnctl("policy", "delete", "out", "--wait=20s")
	b.leaves("blue1", "tcp", b.outside.Addr6)
}

// refused checks that what one end begins is answered at once by a reset, or by an ICMP error.
func (b *outsideBed) refused(from end, network string, to netip.AddrPort) {
	b.t.Helper()
	what := fmt.Sprintf("%s by %s to %s", from.name, network, to)
	b.must(lab.PollFor(b.ctx, 10*time.Second, what+" to be refused", func(context.Context) error {
		_, conn, err := b.connect(from, network, to, 0, time.Second)
		if err == nil {
			conn.Close()
			return fmt.Errorf("it is reached")
		}
		for _, answer := range []error{syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.EACCES} {
			if errors.Is(err, answer) {
				return nil
			}
		}
		return fmt.Errorf("no answer: %w", err)
	}))
}

func (b *outsideBed) northSouthRestart() {
	_, live, err := b.ask("blue1", "tcp", b.outside.Addr, 0)
	b.must(err)
	defer live.Close()
	b.must(b.Controller.Stop(b.ctx, syscall.SIGTERM))
	b.echoes("without sdnd", live)
	b.leaves("blue1", "tcp", b.outside.Addr)
	b.must(b.Controller.Start(b.ctx))
	b.settle()
	b.echoes("with sdnd again", live)
	// The systemd unit has not run. OpenFlow shows that, and it is a condition.
	node1 := b.node("node1")
	_, err = node1.Exec(b.ctx, "ip", "link", "set", "uplink-sdn", "down")
	b.must(err)
	b.condition("blue", "UplinkDown", true)
	_, err = node1.Exec(b.ctx, node1.Dir+"/sdnctl/uplink", "start")
	b.must(err)
	b.condition("blue", "UplinkDown", false)
	b.echoes("after the unit ran again", live)
	// The machine reboots: Open vSwitch has its configuration, and the unit runs.
	n := b.node("node2")
	b.must(n.Reboot(b.ctx))
	b.must(n.RouteOutside(b.ctx))
	for _, script := range []string{"uplink", "host"} {
		_, err = n.Exec(b.ctx, n.Dir+"/sdnctl/"+script, "start")
		b.must(err)
	}
	b.c["blue2"] = b.plug("blue2", "node2")
	b.bound("blue2")
	b.serveOn(b.c["blue2"].Inside)
	b.hostReaches(end{"node2", n.Inside, n.Addr, n.Addr6}, b.port("blue2"))
	b.leaves("blue2", "tcp", b.outside.Addr)
	b.leaves("blue2", "udp", b.outside.Addr6)
}

func (b *outsideBed) northSouthLeave() {
	n := b.node("node1")
	b.joinUplink("node1") // again: nothing changes
	b.leaves("blue1", "tcp", b.outside.Addr)
	_, err := n.Exec(b.ctx, "sdnctl", "node", "leave", "--force")
	b.must(err)
	b.joined = slices.DeleteFunc(b.joined, func(o *lab.Node) bool { return o == n })
	for _, gone := range []struct {
		what string
		args []string
		bad  string
	}{
		{"the table of nftables", []string{"nft", "list", "tables"}, "sdnctl"},
		{"the port", []string{"ip", "-o", "addr"}, "uplink-sdn"},
		{"a route", []string{"ip", "route"}, "198.18"},
		{"a route of host access", []string{"ip", "route", "show", "table", "all"}, "10.244"},
		{"an IPv6 route of host access", []string{"ip", "-6", "route", "show", "table", "all"}, "fd00:244"},
		{"a rule of routing", []string{"ip", "rule"}, "11500"},
		{"the port for host access", []string{"ip", "-o", "link"}, "host-sdn"},
		{"forwarding", []string{"sysctl", "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"}, "= 1"},
	} {
		if out, err := n.Exec(b.ctx, gone.args...); err != nil || strings.Contains(out, gone.bad) {
			b.t.Errorf("%s is left: %s %v", gone.what, out, err)
		}
	}
}
