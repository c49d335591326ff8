package integration

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/topology/model"
)

// floats are floating addresses of ports of two tenants with equal addresses, on two nodes, and
// one that forwards to two ports.
const floats = `
{kind: Node, name: node2, spec: {tunnelIP: 172.16.56.3, uplinkAddresses: [192.0.2.66]}}
---
{kind: Port, name: blue3, spec: {network: blue, node: node1, ips: [10.1.0.13]}}
---
{kind: FloatingIP, name: blue1, spec: {uplink: ext, address: 192.0.2.71, port: blue1}}
---
{kind: FloatingIP, name: red1, spec: {uplink: ext, address: 192.0.2.72, port: red1}}
---
{kind: FloatingIP, name: blue2, spec: {uplink: ext, address: 192.0.2.73, port: blue2}}
---
{kind: FloatingIP, name: shared, spec: {uplink: ext, address: 192.0.2.74, forwards: [{port: 81, to: blue1, targetPort: 8080}, {port: 83, to: blue3, targetPort: 8080}, {protocol: udp, port: 83, to: blue3, targetPort: 8080}]}}
`

// floatingBed has floating addresses of one family; those of both end in the same digits.
type floatingBed struct {
	*bridgeBed
	six bool
}

func (b *floatingBed) part(name string, f func(*floatingBed)) {
	b.bridgeBed.part(name, func(part *bridgeBed) { f(&floatingBed{part, b.six}) })
}

// at returns the address on the uplink that ends in last.
func (b *floatingBed) at(last string) string {
	if b.six {
		return "2001:db8:0:2::" + last
	}
	return "192.0.2." + last
}

// on returns that address with a port.
func (b *floatingBed) on(last, port string) string { return net.JoinHostPort(b.at(last), port) }

// gateway returns the address of the machine outside.
func (b *floatingBed) gateway() netip.Addr {
	if b.six {
		return b.outside.Addr6
	}
	return b.outside.Addr
}

// internet is the machine outside.
func (b *floatingBed) internet() end {
	return end{name: "outside", inside: b.outside.Inside, four: b.outside.Addr, six: b.outside.Addr6}
}

// sees checks that one end reaches an address, and as which address it is seen there.
func (b *floatingBed) sees(from end, network, to, as string) {
	b.t.Helper()
	var seen netip.AddrPort
	err := lab.PollFor(b.ctx, 10*time.Second, from.name+" to reach "+to+" by "+network, func(context.Context) error {
		s, conn, err := b.connect(from, network, netip.MustParseAddrPort(to), 0, time.Second)
		if err == nil {
			conn.Close()
			seen = s
		}
		return err
	})
	if err != nil {
		b.t.Error(err)
	} else if seen.Addr().String() != as {
		b.t.Errorf("%s at %s by %s is seen as %s, want %s", from.name, to, network, seen, as)
	}
}

// fails checks that an address is not reached.
func (b *floatingBed) fails(from end, network, to string) {
	b.t.Helper()
	if _, conn, err := b.connect(from, network, netip.MustParseAddrPort(to), 0, 400*time.Millisecond); err == nil {
		conn.Close()
		b.t.Errorf("%s reaches %s by %s", from.name, to, network)
	}
}

// TestFloatingIP: floating addresses lead from an external network to ports, and from port to port.
func TestFloatingIP(t *testing.T) {
	b := &floatingBed{newBridgeBed(t), false}
	b.apply(floats)
	b.floatingIP()
}

// floats6 is floats in IPv6.
const floats6 = `
{kind: Node, name: node2, spec: {tunnelIP: 172.16.56.3, uplinkAddresses: [192.0.2.66, "2001:db8:0:2::66"]}}
---
{kind: Port, name: blue3, spec: {network: blue, node: node1, ips: [10.1.0.13, "fd00:0:0:1::13"]}}
---
{kind: FloatingIP, name: blue1, spec: {uplink: ext, address: "2001:db8:0:2::71", port: blue1}}
---
{kind: FloatingIP, name: red1, spec: {uplink: ext, address: "2001:db8:0:2::72", port: red1}}
---
{kind: FloatingIP, name: blue2, spec: {uplink: ext, address: "2001:db8:0:2::73", port: blue2}}
---
{kind: FloatingIP, name: shared, spec: {uplink: ext, address: "2001:db8:0:2::74", forwards: [{port: 81, to: blue1, targetPort: 8080}, {port: 83, to: blue3, targetPort: 8080}, {protocol: udp, port: 83, to: blue3, targetPort: 8080}]}}
---
{kind: FloatingIP, name: blue1-of-ipv4, spec: {uplink: ext, address: 192.0.2.71, port: blue1}}
`

// TestFloatingIPv6: IPv6 floating addresses do what those of IPv4 do (TestFloatingIP), beside one of IPv4 for the same port.
func TestFloatingIPv6(t *testing.T) {
	t.Parallel()
	six := newBridge6Bed(t)
	six.far = six.far6
	b := &floatingBed{six.bridgeBed, true}
	b.apply(floats6)
	b.floatingIP()
	b.part("beside IPv4", func(b *floatingBed) {
		b.sees(b.internet(), "tcp", "192.0.2.71:8080", "192.0.2.1")
		b.sees(b.port("blue1"), "tcp", "192.0.2.1:80", "192.0.2.71")
	})
	b.part("nobody else takes the address", func(b *floatingBed) {
		_, err := six.beyond.Exec(b.ctx, "ip", "addr", "add", b.at("72")+"/64", "dev", "lan")
		b.must(err)
		b.must(lab.PollFor(b.ctx, 20*time.Second, "the machine to notice that the address is taken", func(ctx context.Context) error {
			out, err := six.beyond.Exec(ctx, "ip", "addr", "show", "dev", "lan")
			if err == nil && !strings.Contains(out, "dadfailed") {
				err = fmt.Errorf("%s", out)
			}
			return err
		}))
		_, err = six.beyond.Exec(b.ctx, "ip", "addr", "del", b.at("72")+"/64", "dev", "lan")
		b.must(err)
		b.sees(b.internet(), "tcp", b.on("72", "8080"), b.gateway().String())
	})
	b.part("the router of its port routes IPv6", func(b *floatingBed) {
		if why := b.bed.refused("router", "set", "red", "--egress-ipv6", "routed"); !strings.Contains(why, "leaves router/red routed by ext, with its own address") {
			b.t.Errorf("refused with %q", why)
		}
	})
}

// floatingIP is the test of one family.
func (b *floatingBed) floatingIP() {
	b.c["blue3"] = b.plug("blue3", "node1")
	b.bound("blue3")
	for _, c := range b.c {
		b.serveOn(c.Inside)
	}
	_, err := b.outside.Exec(b.ctx, "ip", "link", "set", "lan", "mtu", "1450") // as that of the ports
	b.must(err)
	b.part("in and out", (*floatingBed).inAndOut)
	b.part("P-NS-01: its own address, and those of others", (*floatingBed).ownAndOthers)
	b.part("P-NS-02: replies leave as they came", (*floatingBed).replies)
	b.part("forwards", (*floatingBed).forwards)
	b.part("policies judge what comes in", (*floatingBed).policies)
	b.part("P-ICM-01: errors both ways", (*floatingBed).errors)
	b.part("P-ICM-04: larger than the MTU of the port", (*floatingBed).tooLarge)
	b.part("what stays shut", (*floatingBed).shutIn)
	b.part("a stream of UDP follows an address", (*floatingBed).streamFollows)
	b.part("restart", (*floatingBed).restart)
	b.part("an address moves", (*floatingBed).moves)
}

func (b *floatingBed) inAndOut() {
	for port, a := range map[string]string{"blue1": b.at("71"), "red1": b.at("72"), "blue2": b.at("73")} {
		for _, network := range []string{"tcp", "udp"} {
			b.sees(b.internet(), network, net.JoinHostPort(a, "8080"), b.gateway().String())
		}
		b.sees(b.port(port), "tcp", netip.AddrPortFrom(b.far, 80).String(), a)
		b.sees(b.port(port), "udp", netip.AddrPortFrom(b.gateway(), 80).String(), a)
		if out, err := b.outside.Exec(b.ctx, "ping", "-n", "-c", "2", "-i", "0.2", "-W", "1", "-s", "3000", a); err != nil {
			b.t.Errorf("ping of %s in fragments: %v: %s", a, err, out)
		}
	}
	b.outAs("blue3", "tcp", b.far, b.at("65")) // has forwards only
}

func (b *floatingBed) ownAndOthers() {
	for _, network := range []string{"tcp", "udp"} {
		b.sees(b.port("blue1"), network, b.on("71", "8080"), b.at("71"))
		b.sees(b.port("blue1"), network, b.on("72", "8080"), b.at("71"))
		b.sees(b.port("red1"), network, b.on("71", "8080"), b.at("72"))
		b.sees(b.port("blue1"), network, b.on("73", "8080"), b.at("71"))
		b.sees(b.port("blue2"), network, b.on("71", "8080"), b.at("73"))
		b.sees(b.port("blue3"), network, b.on("71", "8080"), b.at("65"))
		b.sees(b.port("blue3"), network, b.on("73", "8080"), b.at("65"))
		b.sees(b.port("blue3"), network, b.on("74", "83"), b.at("65")) // its own, by a forward
	}
	for _, to := range []string{b.at("71"), b.at("72"), b.at("73")} {
		if _, err := b.c["blue1"].Reaches(b.ctx, netip.MustParseAddr(to)); err != nil {
			b.t.Errorf("blue1: ping of %s: %v", to, err)
		}
	}
}

// replies: blue1 has a floating address of its own, and another one forwards to it.
func (b *floatingBed) replies() {
	_, live, err := b.connect(b.internet(), "tcp", netip.MustParseAddrPort(b.on("74", "81")), 0, time.Second)
	b.must(err)
	defer live.Close()
	b.echoes("by the forward", live)
	b.sees(b.port("blue1"), "tcp", netip.AddrPortFrom(b.far, 80).String(), b.at("71"))
	b.echoes("by the forward", live)
}

func (b *floatingBed) forwards() {
	b.sees(b.internet(), "tcp", b.on("74", "83"), b.gateway().String())
	b.sees(b.internet(), "udp", b.on("74", "83"), b.gateway().String())
	b.fails(b.internet(), "tcp", b.on("74", "8080"))
	b.fails(b.internet(), "udp", b.on("74", "81"))
	if out, err := b.outside.Exec(b.ctx, "ping", "-n", "-c", "1", "-W", "0.4", b.at("74")); err == nil {
		b.t.Errorf("an address with forwards answers pings: %s", out)
	}
}

func (b *floatingBed) policies() {
	policy := func(cidr string) {
		b.apply(fmt.Sprintf(`{kind: Policy, name: web, spec: {subject: {selector: {matchLabels: {app: web}}}, ingress: [{peers: [{cidr: "%s"}], ports: [tcp/8080]}]}}`, cidr))
	}
	client, others := b.gateway().String()+"/32", "192.0.2.128/25"
	if b.six {
		client, others = b.gateway().String()+"/128", "2001:db8:0:2:8000::/65"
	}
	policy(client)
	_, live, err := b.connect(b.internet(), "tcp", netip.MustParseAddrPort(b.on("71", "8080")), 0, 3*time.Second)
	b.must(err)
	defer live.Close()
	b.echoes("allowed", live)
	b.fails(b.internet(), "udp", b.on("71", "8080"))
	b.fails(b.port("red1"), "tcp", b.on("71", "8080"))
	b.sees(b.internet(), "tcp", b.on("74", "81"), b.gateway().String())
	b.sees(b.port("blue1"), "tcp", netip.AddrPortFrom(b.far, 80).String(), b.at("71"))
	policy(others)
	b.must(lab.PollFor(b.ctx, 10*time.Second, "the connection to end", func(context.Context) error {
		live.SetDeadline(time.Now().Add(300 * time.Millisecond))
		if _, err := live.Write([]byte("x")); err != nil {
			return nil
		}
		if _, err := live.Read(make([]byte, 1)); err != nil {
			return nil
		}
		return fmt.Errorf("it echoes still")
	}))
	b.fails(b.internet(), "tcp", b.on("71", "8080"))
	b.apply(fmt.Sprintf(`{kind: Policy, name: web, spec: {subject: {selector: {matchLabels: {app: web}}}, ingress: [{action: reject, peers: [{cidr: "%s"}], ports: [tcp/8080, udp/8080]}]}}`, client))
	for _, network := range []string{"tcp", "udp"} {
		b.refused(b.internet(), network, netip.MustParseAddrPort(b.on("71", "8080")))
	}
	b.refused(b.internet(), "tcp", netip.MustParseAddrPort(b.on("74", "81")))
	b.sdnctl("policy", "delete", "web", "--wait=20s")
	b.sees(b.internet(), "udp", b.on("71", "8080"), b.gateway().String())
}

// errors: a closed port of UDP is reported to who asks, in either direction.
func (b *floatingBed) errors() {
	refused := func(from end, to string) {
		b.t.Helper()
		err := from.inside(func() error {
			conn, err := net.Dial("udp", to)
			if err != nil {
				return err
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(3 * time.Second))
			conn.Write([]byte("x"))
			_, err = conn.Read(make([]byte, 1))
			return err
		})
		if err == nil || !strings.Contains(err.Error(), "refused") {
			b.t.Errorf("%s: UDP to closed %s: %v", from.name, to, err)
		}
	}
	refused(b.internet(), b.on("71", "99"))
	refused(b.port("blue1"), netip.AddrPortFrom(b.far, 99).String())
	refused(b.port("blue1"), b.on("73", "99"))
}

// tooLarge: who sends packets from outside that are larger than the MTU of the port learns it, for a
// floating address, and for what a port asked by the address of its node.
func (b *floatingBed) tooLarge() {
	mtu := func(of string) {
		_, err := b.outside.Exec(b.ctx, "ip", "link", "set", "lan", "mtu", of)
		b.must(err)
	}
	mtu("1500")
	headers := 20 + 8 // of a ping
	if b.six {
		headers = 40 + 8
	}
	learned := func(to string) {
		b.t.Helper()
		out, err := b.outside.Exec(b.ctx, "ip", "route", "get", to)
		if err != nil || !strings.Contains(out, "mtu 1450") {
			b.t.Errorf("the MTU of the way to %s is not learned: %q, %v", to, out, err)
		}
	}
	if out, err := b.outside.Exec(b.ctx, "ping", "-n", "-c", "1", "-W", "2", "-M", "do", "-s", strconv.Itoa(1450-headers), b.at("71")); err != nil {
		b.t.Errorf("a ping of the MTU: %v: %s", err, out)
	}
	out, _ := b.outside.Exec(b.ctx, "ping", "-n", "-c", "2", "-i", "0.3", "-W", "1", "-M", "do", "-s", strconv.Itoa(1451-headers), b.at("71"))
	if !strings.Contains(out, "mtu = 1450") && !strings.Contains(out, "mtu=1450") {
		b.t.Errorf("a ping of a byte more than the MTU: %s", out)
	}
	learned(b.at("71"))
	defer mtu("1450")
	if b.six {
		return // what a port asks by the node's address: TestBridgeUplinkIPv6
	}
	var conn net.Conn
	b.must(b.c["blue3"].Inside(func() (err error) {
		conn, err = net.Dial("udp", netip.AddrPortFrom(b.gateway(), 80).String())
		return err
	}))
	defer conn.Close()
	// The first answer is too large by a few bytes, the next is sent in fragments.
	b.must(lab.PollFor(b.ctx, 10*time.Second, "a large answer", func(context.Context) error {
		if _, err := conn.Write(make([]byte, 1410)); err != nil {
			return err
		}
		conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
		n, err := conn.Read(make([]byte, 2000))
		if err == nil && n < 1420 {
			err = fmt.Errorf("%d bytes", n)
		}
		return err
	}))
	learned(b.at("65"))
	_, err := b.outside.Exec(b.ctx, "ip", "route", "flush", "cache")
	b.must(err)
}

// streamFollows: a stream that never pauses goes on when its address, or a forward, gets another
// port on the same node.
func (b *floatingBed) streamFollows() {
	for _, step := range []struct{ to, set, back string }{
		{b.on("71", "8080"), "blue1 --port blue3", "blue1 --port blue1"},
		{b.on("74", "83"), "shared --forward tcp/81:blue1:8080,tcp/83:blue3:8080,udp/83:blue1:8080", "shared --forward tcp/81:blue1:8080,tcp/83:blue3:8080,udp/83:blue3:8080"},
	} {
		var conn net.Conn
		b.must(b.outside.Inside(func() (err error) {
			conn, err = net.Dial("udp", step.to)
			return err
		}))
		answered := func(within time.Duration) error {
			buf := make([]byte, 100)
			for end := time.Now().Add(within); time.Now().Before(end); {
				conn.Write([]byte("x")) // an error of the network is reported by Read
				conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
				if _, err := conn.Read(buf); err == nil {
					return nil
				}
			}
			return fmt.Errorf("no answer from %s within %s", step.to, within)
		}
		b.must(answered(5 * time.Second))
		for _, set := range []string{step.set, step.back} {
			b.sdnctl(append([]string{"floatingip", "set", "--wait=20s"}, strings.Fields(set)...)...)
			stop := time.Now().Add(2 * time.Second)
			for time.Now().Before(stop) { // until sdnd has deleted what cached flows made again
				answered(50 * time.Millisecond)
			}
			b.must(answered(3 * time.Second))
		}
		conn.Close()
	}
}

func (b *floatingBed) shutIn() {
	sniffer, err := b.c["blue1"].Sniff()
	b.must(err)
	b.must(b.outside.Inside(func() error {
		conn, err := net.Dial("udp", b.on("71", "4789"))
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = conn.Write(lab.VXLANPacket(100, make([]byte, 60)))
		return err
	}))
	b.sees(b.internet(), "udp", b.on("71", "8080"), b.gateway().String()) // sent after it
	frames, err := sniffer.Frames(b.ctx)
	b.must(err)
	b.must(sniffer.Close())
	for _, f := range frames {
		if _, _, ok := f.VXLAN(); ok {
			b.t.Errorf("VXLAN from outside reaches a port: %v", f)
		}
	}
	// The floating address of another tenant is no way to this one's ports.
	b.fails(b.internet(), "tcp", b.on("65", "8080"))
	b.fails(b.internet(), "tcp", b.on("70", "8080"))
}

func (b *floatingBed) restart() {
	_, live, err := b.connect(b.internet(), "tcp", netip.MustParseAddrPort(b.on("71", "8080")), 0, time.Second)
	b.must(err)
	defer live.Close()
	if got := b.changes(func() {
		b.must(b.Controller.Stop(b.ctx, syscall.SIGTERM))
		b.must(b.Controller.Start(b.ctx))
	}, "node1"); got["node1"] != 0 {
		b.t.Errorf("a restart of sdnd changed flows: %v", got)
	}
	b.echoes("after a restart of sdnd", live)
	b.sees(b.internet(), "tcp", b.on("74", "83"), b.gateway().String())
}

// moves: the new node says where the address is, and the old one no longer answers for it.
func (b *floatingBed) moves() {
	sniffer, err := b.outside.Sniff("lan")
	b.must(err)
	b.sdnctl("floatingip", "delete", "blue2", "--wait=20s")
	b.sdnctl("floatingip", "set", "blue1", "--port", "blue2", "--wait=20s")
	b.sees(b.internet(), "tcp", b.on("71", "8080"), b.gateway().String())
	b.sees(b.port("blue2"), "tcp", netip.AddrPortFrom(b.far, 80).String(), b.at("71"))
	b.outAs("blue1", "tcp", b.far, b.at("65"))
	announced := bytes.Join([][]byte{{0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1, 0x0e, 0x73, 192, 0, 2, 71, 192, 0, 2, 71}, make([]byte, 6), {192, 0, 2, 71}}, nil)
	if b.six { // unsolicited, and overrides what is cached
		a := netip.MustParseAddr(b.at("71"))
		mac := model.OutsideMAC(a)
		announced = bytes.Join([][]byte{{0x20, 0, 0, 0}, a.AsSlice(), {2, 1}, mac[:]}, nil)
	}
	b.must(lab.PollFor(b.ctx, 10*time.Second, "two announcements of the address", func(ctx context.Context) error {
		frames, err := sniffer.Frames(ctx)
		found := 0
		for _, f := range frames {
			if bytes.Contains(f.Data, announced) {
				found++
			}
		}
		if err == nil && found < 2 {
			err = fmt.Errorf("%d are there", found)
		}
		return err
	}))
	b.must(sniffer.Close())
	for node, answers := range map[string]bool{"node1": false, "node2": true} {
		out, err := b.node(node).Exec(b.ctx, "ovs-ofctl", "-O", "OpenFlow13", "dump-flows", "br-int", "table=4")
		b.must(err)
		if got := strings.Contains(out, "arp_tpa="+b.at("71")) || strings.Contains(out, "nd_target="+b.at("71")); got != answers {
			b.t.Errorf("%s answers for the address: %t, want %t", node, got, answers)
		}
	}
	out := b.sdnctl("floatingip", "list")
	if !strings.Contains(out, "node2") {
		b.t.Errorf("floatingip list:\n%s", out)
	}
}
