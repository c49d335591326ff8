package integration

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// hostNetworks are two networks with host access, one of each mode.
const hostNetworks = `
{kind: Node, name: node1, spec: {tunnelIP: 172.16.56.2, addresses: ["%s"]}}
---
{kind: Node, name: node2, spec: {tunnelIP: 172.16.56.3, addresses: ["%s"]}}
---
{kind: Network, name: blue, spec: {subnets: [{cidr: 10.1.0.0/24}, {cidr: "fd00:0:0:1::/64"}], hostAccess: true}}
---
kind: Network
name: pods
spec: {mode: segmented, containersPerNode: 50, maxNodes: 4, subnets: [{cidr: 10.244.0.0/16}, {cidr: "fd00:244::/48"}], hostAccess: true}
---
{kind: Port, name: pods1, spec: {network: pods, node: node1}}
---
{kind: Port, name: pods2, spec: {network: pods, node: node2}}
`

// end is a node itself or a port, where programs run.
type end struct {
	name      string
	inside    func(func() error) error
	four, six netip.Addr
}

func (e end) of(four bool) netip.Addr {
	if four {
		return e.four
	}
	return e.six
}

func (b *outsideBed) host(name string) end {
	n := b.node(name)
	return end{name, n.Inside, n.Addr, n.Addr6}
}

func (b *outsideBed) port(name string) end {
	c := b.c[name]
	e := end{name: name, inside: c.Inside}
	for _, a := range c.Addresses() {
		if a.Is4() {
			e.four = a
		} else {
			e.six = a
		}
	}
	return e
}

// hostPort is where nodes and ports serve.
const hostPort = 8080

// serveOn answers TCP and UDP on hostPort with the client's address, and then echoes.
func (b *outsideBed) serveOn(inside func(func() error) error) {
	var l net.Listener
	var p net.PacketConn
	b.must(inside(func() (err error) {
		if l, err = net.Listen("tcp", fmt.Sprintf(":%d", hostPort)); err == nil {
			p, err = net.ListenPacket("udp", fmt.Sprintf(":%d", hostPort))
		}
		return err
	}))
	b.t.Cleanup(func() { l.Close(); p.Close() })
	go echo(l)
	go echoPackets(p)
}

// briefly is how long an attempt to connect may take that may be refused.
const briefly = 400 * time.Millisecond

// seen connects from one end to another and returns the address that the other sees, and
// the connection.
func (b *outsideBed) seen(from end, network string, to netip.Addr, port uint16) (seen netip.Addr, conn net.Conn, err error) {
	at, conn, err := b.connect(from, network, netip.AddrPortFrom(to, port), 0, briefly)
	return at.Addr(), conn, err
}

// connect connects from an end to an address that serves as echo does. It returns the address
// and port that the server sees, and the connection. source is the local port, 0 for any. The
// connection, and the first reply, may take no longer than within.
func (b *outsideBed) connect(from end, network string, to netip.AddrPort, source int, within time.Duration) (seen netip.AddrPort, conn net.Conn, err error) {
	ctx, cancel := context.WithTimeout(b.ctx, within)
	defer cancel()
	err = from.inside(func() (err error) {
		d := net.Dialer{}
		if source != 0 {
			d.LocalAddr = &net.TCPAddr{Port: source}
			if network == "udp" {
				d.LocalAddr = &net.UDPAddr{Port: source}
			}
		}
		conn, err = d.DialContext(ctx, network, to.String())
		return err
	})
	if err != nil {
		return seen, nil, err
	}
	conn.SetDeadline(time.Now().Add(within))
	if network == "udp" {
		conn.Write([]byte("x"))
	}
	buf := make([]byte, 100)
	n, err := conn.Read(buf)
	if err != nil {
		conn.Close()
		return seen, nil, err
	}
	line, _, _ := strings.Cut(string(buf[:n]), "\n")
	seen, err = netip.ParseAddrPort(line)
	return netip.AddrPortFrom(seen.Addr().Unmap(), seen.Port()), conn, err
}

// hostReaches checks that one end reaches the other by both families and protocols, and
// that the other sees its own address (P-NS-12).
func (b *outsideBed) hostReaches(from, to end) {
	b.t.Helper()
	for _, four := range []bool{true, false} {
		for _, network := range []string{"tcp", "udp"} {
			what := fmt.Sprintf("%s by %s to %s (%s)", from.name, network, to.name, to.of(four))
			var got netip.Addr
			err := lab.PollFor(b.ctx, 20*time.Second, what, func(context.Context) error {
				at, conn, err := b.seen(from, network, to.of(four), hostPort)
				if err == nil {
					got = at
					conn.Close()
				}
				return err
			})
			if err != nil {
				b.t.Error(err)
			} else if got != from.of(four) {
				b.t.Errorf("%s is seen as %s, want %s", what, got, from.of(four))
			}
		}
	}
}

// hostRefused checks that one end does not reach a port of the other, once Open vSwitch has
// revalidated its cached flows.
func (b *outsideBed) hostRefused(from, to end, port uint16) {
	b.t.Helper()
	b.revalidated()
	var tries sync.WaitGroup
	for _, four := range []bool{true, false} {
		for _, network := range []string{"tcp", "udp"} {
			tries.Go(func() {
				if _, conn, err := b.seen(from, network, to.of(four), port); err == nil {
					conn.Close()
					b.t.Errorf("%s reaches %s by %s at %s, port %d", from.name, to.name, network, to.of(four), port)
				}
			})
		}
	}
	tries.Wait()
}

// joinHost joins a node with host access, beside its uplink.
func (b *outsideBed) joinHost(name string) {
	b.t.Helper()
	n := b.node(name)
	_, err := n.Exec(b.ctx, "sdnctl", "node", "join", name, "--controller", b.Controller.Addr.String(), "--tunnel-ip", n.Addr.String(), "--no-wait",
		"--address", n.Addr6.String(), "--host-access", "10.1.0.0/24,fd00:0:0:1::/64", "--host-access", "10.244.0.0/16,fd00:244::/48")
	b.must(err)
}

// hostAccess: nodes and ports reach each other without translation, and nothing else does.
func (b *outsideBed) hostAccess() {
	nodes := []string{"node1", "node2"}
	b.apply(fmt.Sprintf(hostNetworks, b.node("node1").Addr6, b.node("node2").Addr6))
	b.condition("blue", "HostAccessMissing", true)
	for _, name := range nodes {
		// P-NS-11: strict filtering of reverse paths.
		_, err := b.node(name).Exec(b.ctx, "sysctl", "-qw", "net.ipv4.conf.all.rp_filter=1", "net.ipv4.conf.default.rp_filter=1")
		b.must(err)
		b.joinHost(name)
		b.serveOn(b.node(name).Inside)
	}
	b.condition("blue", "HostAccessMissing", false)
	b.c["pods1"], b.c["pods2"] = b.plug("pods1", "node1"), b.plug("pods2", "node2")
	b.bound("pods1", "pods2")
	ports := []string{"blue1", "blue2", "pods1", "pods2"}
	for _, port := range ports {
		b.serveOn(b.c[port].Inside)
	}
	b.run("P-NS-12: both ends see the other's own address", func(_ *testing.T, part *bed) {
		b := b.with(part)
		for _, node := range nodes {
			for _, port := range ports {
				b.hostReaches(b.host(node), b.port(port))
				b.hostReaches(b.port(port), b.host(node))
			}
		}
		for _, port := range ports {
			for _, a := range b.c[port].Addresses() {
				if out, err := b.node("node1").Exec(b.ctx, "ping", "-n", "-c", "1", "-W", "2", "-s", "4000", a.String()); err != nil {
					b.t.Errorf("a large ping of %s (%s): %v: %s", port, a, err, out)
				}
			}
		}
	})
	b.run("with Docker", func(_ *testing.T, part *bed) { b.with(part).hostDocker() })
	b.run("nothing else", func(_ *testing.T, part *bed) { b.with(part).hostNothingElse() })
	b.run("policies", func(_ *testing.T, part *bed) { b.with(part).hostPolicies() })
	b.run("restart", func(_ *testing.T, part *bed) { b.with(part).hostRestart() })
}

// with returns the bed for a part of the test.
func (b *outsideBed) with(part *bed) *outsideBed { return &outsideBed{part, b.outside, b.c} }

// hostNothingElse: a tenant reaches neither another tenant by way of the node nor anything
// that the node forwards to, and the node's own services stay unreachable.
func (b *outsideBed) hostNothingElse() {
	n, blue, pods := b.node("node1"), b.port("blue1"), b.port("pods1")
	// The node forwards, and publishes ports of another tenant, which Docker itself (hostDocker) cannot.
	for _, args := range [][]string{
		{"sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"},
		{"ip", "link", "add", "other0", "type", "veth", "peer", "name", "other1"},
		{"ip", "addr", "add", "172.31.0.1/16", "dev", "other0"},
		{"ip", "link", "set", "other0", "up"},
		{"nft", "add table inet docker"},
		{"nft", "add chain inet docker pre { type nat hook prerouting priority dstnat; }"},
		{"nft", "add chain inet docker post { type nat hook postrouting priority srcnat; }"},
		{"nft", fmt.Sprintf("add rule inet docker pre meta l4proto { tcp, udp } th dport 9090 dnat ip to %s:%d", pods.four, hostPort)},
		{"nft", fmt.Sprintf("add rule inet docker pre meta l4proto { tcp, udp } th dport 9090 dnat ip6 to [%s]:%d", pods.six, hostPort)},
		{"nft", "add rule inet docker post meta l4proto { tcp, udp } masquerade"},
	} {
		_, err := n.Exec(b.ctx, args...)
		b.must(err)
	}
	defer n.Exec(b.ctx, "nft", "delete table inet docker")
	b.hostRefused(blue, b.host("node1"), 9090)
	b.hostRefused(blue, pods, hostPort)
	b.hostRefused(b.port("blue2"), pods, hostPort)
	// Without the unit's rules of nftables those of routing hold.
	_, err := n.Exec(b.ctx, "nft", "flush table inet sdnctl_host")
	b.must(err)
	b.hostRefused(blue, pods, hostPort)
	b.hostRefused(blue, b.host("node1"), 9090)
	_, err = n.Exec(b.ctx, n.Dir+"/sdnctl/host", "start")
	b.must(err)
	// A network without host access reaches no node.
	b.hostRefused(b.port("red1"), b.host("node1"), hostPort)
	// P-NS-07: no VXLAN of a port arrives at a node, its own or another.
	b.must(blue.inside(func() error {
		for _, to := range []netip.Addr{b.node("node1").Addr, b.node("node2").Addr, b.node("node1").Addr6} {
			conn, err := net.Dial("udp", netip.AddrPortFrom(to, 4789).String())
			if err != nil {
				return err
			}
			defer conn.Close()
			for range 3 {
				conn.Write(lab.VXLANPacket(300, make([]byte, 60)))
			}
		}
		return nil
	}))
	b.must(lab.PollFor(b.ctx, 20*time.Second, "VXLAN of a port to be dropped before the node", func(ctx context.Context) error {
		for _, node := range []string{"node1", "node2"} {
			out, err := b.node(node).OFCtl(ctx, "dump-flows", "br-int", "table=115,udp")
			if err != nil || !strings.Contains(out, "n_packets=3") {
				return fmt.Errorf("%s: %v: %s", node, err, out)
			}
		}
		return nil
	}))
}

// hostPolicies: a node always reaches its own ports; other nodes are the peer "node".
func (b *outsideBed) hostPolicies() {
	const web = "subject: {selector: {matchLabels: {app: web}}}"
	own, other, blue, peer := b.host("node1"), b.host("node2"), b.port("blue1"), b.port("blue2")
	_, live, err := b.seen(own, "tcp", blue.four, hostPort)
	b.must(err)
	defer live.Close()
	// P-POL-09: probes under default deny, with replies.
	b.apply("{kind: Policy, name: web, spec: {" + web + ", isolates: [ingress, egress]}}")
	b.hostReaches(own, blue)
	b.echoes("a connection of the node itself", live)
	b.hostRefused(other, blue, hostPort)
	b.hostRefused(blue, own, hostPort)
	b.hostRefused(blue, other, hostPort)
	b.apply("{kind: Policy, name: web, spec: {" + web + ", egress: [{action: reject, peers: [{node: true}]}]}}")
	for _, node := range []end{own, other} {
		b.refused(blue, "tcp", netip.AddrPortFrom(node.four, hostPort))
		b.refused(blue, "tcp", netip.AddrPortFrom(node.six, hostPort))
	}
	// P-POL-10: selectors pick ports, never a node.
	b.apply("{kind: Policy, name: web, spec: {" + web + ", ingress: [{peers: [{selector: {}}]}], egress: [{peers: [{selector: {}}]}]}}")
	b.hostReaches(peer, blue)
	b.hostReaches(own, blue)
	b.hostRefused(other, blue, hostPort)
	b.hostRefused(blue, own, hostPort)
	b.apply("{kind: Policy, name: web, spec: {" + web + ", ingress: [{peers: [{node: true}], ports: [tcp/8080, udp/8080]}], egress: [{peers: [{node: true}]}]}}")
	b.hostReaches(other, blue)
	b.hostReaches(blue, own)
	b.hostReaches(blue, other)
	b.hostRefused(peer, blue, hostPort)
	b.hostRefused(blue, peer, hostPort)
	if out := b.sdnctl("policy", "show", "web"); !strings.Contains(out, "allow from node:*") {
		b.t.Errorf("policy show does not name nodes:\n%s", out)
	}
	// P-POL-19: a policy about nodes alone does nothing, and says so.
	b.apply("{kind: Policy, name: nobody, spec: {subject: {selector: {matchLabels: {hostNetwork: yes-it-is}}}, isolates: [ingress]}}")
	if out := b.sdnctl("policy", "show", "nobody"); !strings.Contains(out, "no port") {
		b.t.Errorf("policy show does not say that the policy selects no port:\n%s", out)
	}
	b.sdnctl("policy", "delete", "nobody", "web", "--wait=20s")
	b.hostReaches(blue, peer)
}

// hostRestart: without sdnd everything goes on, and a restart sends nothing.
func (b *outsideBed) hostRestart() {
	_, live, err := b.seen(b.host("node1"), "tcp", b.port("pods2").six, hostPort)
	b.must(err)
	defer live.Close()
	b.must(b.Controller.Stop(b.ctx, syscall.SIGTERM))
	b.echoes("without sdnd", live)
	b.must(b.Controller.Start(b.ctx))
	b.settle()
	if n := b.flowMods(); n != 0 {
		b.t.Errorf("a restart sent %d flow-mods", n)
	}
	b.echoes("with sdnd again", live)
	// The unit has not run, and the machine joined for too little: both are conditions.
	n := b.node("node1")
	_, err = n.Exec(b.ctx, "ip", "link", "set", "host-sdn", "down")
	b.must(err)
	b.condition("pods", "HostAccessDown", true)
	_, err = n.Exec(b.ctx, n.Dir+"/sdnctl/host", "start")
	b.must(err)
	b.condition("pods", "HostAccessDown", false)
	_, err = n.VSCtl(b.ctx, "set", "interface", "host-sdn", "external_ids:sdnctl-host-ranges=10.244.0.0/16")
	b.must(err)
	b.condition("blue", "HostAccessDiffers", true)
	b.joinHost("node1")
	b.condition("blue", "HostAccessDiffers", false)
	b.hostReaches(b.host("node1"), b.port("pods2"))
}
