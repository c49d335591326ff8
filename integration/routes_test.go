package integration

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// static has a router whose static routes lead to what is behind its ports.
const static = `
{kind: Network, name: blue, spec: {subnets: [{cidr: 10.7.0.0/24}, {cidr: "fd00:7::/64"}]}}
---
{kind: Network, name: red, spec: {subnets: [{cidr: 10.8.0.0/24}, {cidr: "fd00:8::/64"}]}}
---
{kind: Network, name: pods, spec: {mode: segmented, containersPerNode: 100, maxNodes: 4, subnets: [{cidr: 10.244.0.0/16}, {cidr: "fd00:244::/48"}]}}
---
{kind: Port, name: near, spec: {network: blue, node: node1}}
---
{kind: Port, name: far, labels: {app: far}, spec: {network: red, node: node2}}
---
{kind: Port, name: vm1, spec: {network: blue, node: node1, ips: [10.7.0.11, "fd00:7::11"]}}
---
{kind: Port, name: vm2, spec: {network: blue, node: node1, ips: [10.7.0.12, "fd00:7::12"], portSecurity: off}}
---
{kind: Port, name: pod, spec: {network: pods, node: node2, portSecurity: off}}
---
{kind: Router, name: r, spec: {networks: [blue, red, pods], routes: [{to: 10.51.0.0/24, via: [10.7.0.11]}, {to: "fd51::/64", via: ["fd00:7::11"]}]}}
`

type routesBed struct {
	*bed
	c map[string]*lab.Container
}

// names makes a machine answer TCP on port 80, and UDP, with a name, and then echo TCP.
func names(t testing.TB, o *lab.Outside, name string) {
	t.Helper()
	l, err := o.Listen("tcp", ":80")
	if err != nil {
		t.Fatal(err)
	}
	p, err := o.ListenPacket("udp", ":80")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close(); p.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for in := bufio.NewReader(c); ; {
					fmt.Fprintln(c, name)
					if _, err := in.ReadString('\n'); err != nil {
						return
					}
				}
			}()
		}
	}()
	go func() {
		buf := make([]byte, 100)
		for {
			_, from, err := p.ReadFrom(buf)
			if err != nil {
				return
			}
			p.WriteTo([]byte(name+"\n"), from)
		}
	}()
}

// named connects to a machine of names and returns the name that it says.
func named(ctx context.Context, c *lab.Container, network, to string) (string, net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	conn, err := c.Dial(ctx, network, net.JoinHostPort(to, "80"))
	if err != nil {
		return "", nil, err
	}
	conn.SetDeadline(time.Now().Add(2 * time.Second))
	if network == "udp" {
		conn.Write([]byte("x"))
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		conn.Close()
		return "", nil, err
	}
	return strings.TrimSpace(line), conn, nil
}

// leads checks that containers reach an address, where a machine of that name answers.
func (b *routesBed) leads(to, name string, from ...string) {
	b.t.Helper()
	for _, from := range from {
		for _, network := range []string{"tcp", "udp"} {
			b.must(lab.PollFor(b.ctx, 10*time.Second, fmt.Sprintf("%s by %s to reach %s", from, network, to), func(ctx context.Context) error {
				got, conn, err := named(ctx, b.c[from], network, to)
				if err != nil {
					return err
				}
				conn.Close()
				if got != name {
					return fmt.Errorf("%s answers, want %s", got, name)
				}
				return nil
			}))
		}
	}
}

// router waits until the router has a condition, or none.
func (b *routesBed) router(reason string) {
	b.t.Helper()
	b.must(lab.PollFor(b.ctx, 10*time.Second, "the router's condition "+reason, func(ctx context.Context) error {
		r, err := b.api.Router(ctx, "r")
		if err != nil {
			return err
		}
		all := r.Status.Conditions
		if reason == "" && len(all) == 0 && r.Status.Ready || len(all) == 1 && all[0].Reason == reason {
			return nil
		}
		return fmt.Errorf("it has %+v", all)
	}))
}

// TestStaticRoutes: packets go by static routes to what is behind ports, on the same and on other
// nodes, and several next hops share connections.
func TestStaticRoutes(t *testing.T) {
	t.Parallel()
	b := &routesBed{newBed(t, 2), map[string]*lab.Container{}}
	b.join("node1", "node2")
	b.apply(nodes(2) + static)
	for name, node := range map[string]string{"near": "node1", "far": "node2", "vm1": "node1", "vm2": "node1", "pod": "node2"} {
		b.c[name] = b.plug(name, node)
	}
	b.bound("near", "far", "vm1", "vm2", "pod")
	for name, behind := range map[string]string{"vm1": "51", "vm2": "51", "pod": "52"} {
		o, err := b.AddBehind(b.ctx, b.c[name], netip.MustParseAddr("10."+behind+".0.9"), netip.MustParseAddr("fd"+behind+"::9"))
		b.must(err)
		names(t, o, name)
	}
	run := func(name string, f func(*routesBed)) {
		b.run(name, func(_ *testing.T, part *bed) { f(&routesBed{part, b.c}) })
	}
	run("one next hop", (*routesBed).oneHop)
	run("several next hops", (*routesBed).severalHops)
	run("sdnd stopped", (*routesBed).stoppedHops)
	run("next hops come and go", (*routesBed).comeAndGo)
	b.verify()
}

func (b *routesBed) oneHop() {
	b.router("RouteHopRestricted")
	for _, to := range []string{"10.51.0.9", "fd51::9"} {
		if got, _, err := named(b.ctx, b.c["near"], "tcp", to); err == nil {
			b.t.Errorf("%s at %s answers through a port that may not send from there", got, to)
		}
	}
	b.sdnctl("port", "set", "vm1", "--port-security", "off", "--wait=20s")
	b.router("")
	for _, to := range []string{"10.51.0.9", "fd51::9"} {
		b.leads(to, "vm1", "near", "far", "pod")
		// 64, less one for the container and one for the router, on the way back.
		if ttl := b.reach(b.c["far"], to); ttl != 62 {
			b.t.Errorf("the TTL of answers from %s is %d, want 62", to, ttl)
		}
		out, _ := b.c["far"].Exec(b.ctx, "ping", "-n", "-c1", "-W2", "-t1", to)
		if !strings.Contains(out, "Time to live exceeded") && !strings.Contains(out, "Hop limit") {
			b.t.Errorf("ping of %s with a TTL of 1: %s", to, out)
		}
	}
	// In a segmented network, on another node, by the default route.
	pod, err := b.api.Port(b.ctx, "pod")
	b.must(err)
	four, six := pod.Status.Addresses[0], pod.Status.Addresses[1]
	b.sdnctl("router", "set", "r", "--route", "10.51.0.0/24=10.7.0.11", "--route", "fd51::/64=fd00:7::11", "--route", "0.0.0.0/0="+four.IP, "--route", "::/0="+six.IP, "--wait=20s")
	for _, to := range []string{"10.52.0.9", "fd52::9"} {
		b.leads(to, "pod", "near", "far")
	}
	b.leads("10.51.0.9", "vm1", "near")
	b.reach(b.c["near"], b.c["far"].IP.Addr().String()) // the router's own networks come first
	for _, to := range []string{"10.244.200.9", "10.8.0.99"} {
		out, _ := b.c["near"].Exec(b.ctx, "ping", "-n", "-c1", "-W1", to)
		if strings.Contains(out, pod.Status.Addresses[0].IP) {
			b.t.Errorf("an address that no port has goes by the default route: %s", out)
		}
	}
	// Policies judge what goes through a port by its address outside.
	b.apply(`{kind: Policy, name: out, spec: {subject: {selector: {matchLabels: {app: far}}}, egress: [{peers: [{cidr: 10.52.0.0/24}], ports: [tcp/80]}]}}`)
	b.must(lab.PollFor(b.ctx, 10*time.Second, "UDP to be denied", func(ctx context.Context) error {
		if _, conn, err := named(ctx, b.c["far"], "udp", "10.52.0.9"); err == nil {
			conn.Close()
			return fmt.Errorf("it passes")
		}
		return nil
	}))
	if got, conn, err := named(b.ctx, b.c["far"], "tcp", "10.52.0.9"); err != nil || got != "pod" {
		b.t.Errorf("what a policy allows: %q, %v", got, err)
	} else {
		conn.Close()
	}
	b.sdnctl("policy", "delete", "out", "--wait=20s")
}

// bothHops are routes with two next hops on node1.
var bothHops = []string{"router", "set", "r", "--route", "10.51.0.0/24=10.7.0.11,10.7.0.12", "--route", "fd51::/64=fd00:7::11,fd00:7::12", "--wait=20s"}

func (b *routesBed) severalHops() {
	b.sdnctl(bothHops...)
	b.router("")
	for _, to := range []string{"10.51.0.9", "fd51::9"} {
		for _, from := range []string{"near", "far"} {
			counts := map[string]float64{}
			const n = 1000
			for i := range n {
				got, conn, err := named(b.ctx, b.c[from], "tcp", to)
				if err != nil {
					b.t.Fatalf("connection %d from %s to %s: %v", i, from, to, err)
				}
				counts[got]++
				if i%50 == 0 { // it stays on its next hop
					in := bufio.NewReader(conn)
					for range 3 {
						fmt.Fprintln(conn, "again")
						if again, err := in.ReadString('\n'); err != nil || strings.TrimSpace(again) != got {
							b.t.Fatalf("a connection of %s goes on at %q, %v", got, again, err)
						}
					}
				}
				conn.Close()
			}
			after := []float64{counts["vm1"], counts["vm2"]}
			sum, chi := chiSquare(make([]float64, 2), after)
			b.t.Logf("%s to %s: %v, chi-square %.1f", from, to, counts, chi)
			if limit := chiSquareLimit(1); chi > limit || sum != n {
				b.t.Errorf("%s to %s: shares %v, chi-square %.1f, want at most %.1f", from, to, counts, chi, limit)
			}
		}
	}
}

// stoppedHops: a next hop whose interface is down leaves while sdnd does not run.
func (b *routesBed) stoppedHops() {
	got := b.changes(func() {
		b.must(b.Controller.Stop(b.ctx, syscall.SIGTERM))
		for _, step := range []struct{ state, name string }{{"down", "vm2"}, {"up", ""}} {
			_, err := b.c["vm1"].Exec(b.ctx, "ip", "link", "set", "eth0", step.state)
			b.must(err)
			if step.name == "" {
				continue
			}
			for _, to := range []string{"10.51.0.9", "fd51::9"} {
				b.must(lab.PollFor(b.ctx, 20*time.Second, "the other next hop to get all connections", func(ctx context.Context) error {
					for range 40 {
						got, conn, err := named(ctx, b.c["near"], "tcp", to)
						if err != nil {
							return err
						}
						conn.Close()
						if got != step.name {
							return fmt.Errorf("%s answers", got)
						}
					}
					return nil
				}))
			}
		}
		b.must(b.c["vm1"].SetGateway(b.ctx, b.c["vm1"].Gateway)) // gone with the link
		_, err := b.c["vm1"].Exec(b.ctx, "ip", "-6", "addr", "replace", b.c["vm1"].IP6.String(), "dev", "eth0", "nodad")
		b.must(err)
		b.must(b.c["vm1"].SetGateway(b.ctx, b.c["vm1"].Gateway6))
		b.must(b.Controller.Start(b.ctx))
	}, "node1", "node2")
	if got["node1"]+got["node2"] != 0 {
		b.t.Errorf("a restart of sdnd changed flows: %v", got)
	}
}

func (b *routesBed) comeAndGo() {
	b.must(b.c["vm1"].Remove(b.ctx))
	b.router("RouteHopMissing")
	b.settle()
	for _, from := range []string{"near", "far"} {
		for range 10 {
			b.leads("10.51.0.9", "vm2", from)
		}
	}
	b.must(b.c["vm2"].Remove(b.ctx))
	b.router("RouteUnusable")
	b.settle()
	if got, _, err := named(b.ctx, b.c["near"], "tcp", "10.51.0.9"); err == nil {
		b.t.Errorf("%s answers, though no next hop is there", got)
	}
	if out := b.refused("router", "set", "r", "--route", "10.51.0.0/24=10.7.0.1"); !strings.Contains(out, "router's own address") {
		b.t.Errorf("a route to the gateway: %s", out)
	}
	b.sdnctl("router", "set", "r", "--route", "", "--wait=20s")
	b.router("")
}

// TestStaticRoutesOutside: next hops on the network of an uplink share connections.
func TestStaticRoutesOutside(t *testing.T) {
	t.Parallel()
	b := newBridgeBed(t)
	for name, addr := range map[string]string{"one": "192.0.2.8", "two": "192.0.2.9"} {
		o, err := b.AddExternalRouter(b.ctx, b.outside, name, netip.MustParseAddr(addr), netip.MustParseAddr("203.0.113.9"))
		b.must(err)
		names(t, o, name)
	}
	b.hopsOutside("203.0.113.9", "203.0.113.0/24=192.0.2.8,192.0.2.9", "0.0.0.0/0=192.0.2.9", b.outside.Addr, "192.0.2.65")
}

// TestStaticRoutesOutsideIPv6: TestStaticRoutesOutside in IPv6.
func TestStaticRoutesOutsideIPv6(t *testing.T) {
	t.Parallel()
	b := newBridge6Bed(t)
	b.far = b.far6
	for name, last := range map[string]string{"one": "a", "two": "b"} {
		o, err := b.AddExternalRouter(b.ctx, b.outside, name, netip.MustParseAddr(map[string]string{"a": "192.0.2.10", "b": "192.0.2.11"}[last]), netip.MustParseAddr("203.0.113.9"))
		b.must(err)
		for _, cmd := range []string{"ip addr add 2001:db8:0:2::" + last + "/64 dev lan nodad", "ip addr add 2001:db8:d::9/128 dev lo nodad"} {
			_, err := o.Exec(b.ctx, strings.Fields(cmd)...)
			b.must(err)
		}
		names(t, o, name)
	}
	const shared, all = "2001:db8:d::/48=2001:db8:0:2::a,2001:db8:0:2::b", "::/0=2001:db8:0:2::b"
	b.hopsOutside("2001:db8:d::9", shared, all, b.outside.Addr6, "2001:db8:0:2::65")
}

// hopsOutside has router blue share connections to an address among the next hops of a route, which names answer, and
// then send all by the one that is "two". as is how its ports are seen.
func (b *bridgeBed) hopsOutside(to, shared, all string, direct netip.Addr, as string) {
	t := b.t
	t.Helper()
	b.sdnctl("router", "set", "blue", "--route", shared, "--wait=20s")
	counts := map[string]float64{}
	b.must(lab.PollFor(b.ctx, 10*time.Second, "both next hops to be known", func(ctx context.Context) error {
		for range 20 {
			if _, conn, err := named(ctx, b.c["blue1"], "tcp", to); err != nil {
				return err
			} else {
				conn.Close()
			}
		}
		return nil
	}))
	for i := range 1000 {
		got, conn, err := named(b.ctx, b.c["blue1"], "tcp", to)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		conn.Close()
		counts[got]++
	}
	after := []float64{counts["one"], counts["two"]}
	if _, chi := chiSquare(make([]float64, 2), after); chi > chiSquareLimit(1) {
		t.Errorf("shares %v, chi-square %.1f", counts, chi)
	}
	t.Logf("%v", counts)
	b.outAs("blue1", "tcp", b.far, as) // by the gateway of the uplink
	b.outAs("red1", "tcp", b.far, as)
	// One for all: another way out than the gateway of the uplink.
	b.sdnctl("router", "set", "blue", "--route", all, "--wait=20s")
	b.must(lab.PollFor(b.ctx, 10*time.Second, "the other gateway", func(ctx context.Context) error {
		for range 20 {
			got, conn, err := named(ctx, b.c["blue1"], "tcp", to)
			if err != nil {
				return err
			}
			conn.Close()
			if got != "two" {
				return fmt.Errorf("%s answers", got)
			}
		}
		return nil
	}))
	b.outAs("blue1", "tcp", direct, as) // on the network itself
	b.verify()
}
