package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/topology/model"
)

// egressing has ports of two tenants with equal addresses on a node that has no way out, and two
// nodes by which they leave with an egress address.
const egressing = `
{kind: Node, name: node1, spec: {tunnelIP: 172.16.56.2}}
---
{kind: Node, name: node2, spec: {tunnelIP: 172.16.56.3, uplinkAddresses: [192.0.2.66]}}
---
{kind: Node, name: node3, spec: {tunnelIP: 172.16.56.4, uplinkAddresses: [192.0.2.67]}}
---
{kind: Uplink, name: ext, spec: {type: bridge, bridge: br-ex, subnet: 192.0.2.0/24, gateway: 192.0.2.1, addresses: [192.0.2.64/26]}}
---
{kind: Network, name: blue, spec: {subnets: [{cidr: 10.1.0.0/24}]}}
---
{kind: Network, name: red, spec: {mode: segmented, subnets: [{cidr: 10.1.0.0/16}], containersPerNode: 250, maxNodes: 100}}
---
{kind: Router, name: blue, spec: {networks: [blue], egress: {uplink: ext}}}
---
{kind: Router, name: red, spec: {networks: [red], egress: {uplink: ext}}}
---
{kind: Port, name: blue1, labels: {app: crawler}, spec: {network: blue, node: node1, ips: [10.1.0.11]}}
---
{kind: Port, name: red1, labels: {app: crawler}, spec: {network: red, node: node1}}
---
{kind: Port, name: blue2, spec: {network: blue, node: node2, ips: [10.1.0.12]}}
---
{kind: Port, name: blue3, labels: {app: crawler}, spec: {network: blue, node: node3, ips: [10.1.0.13]}}
---
{kind: EgressIP, name: crawlers, spec: {uplink: ext, addresses: [192.0.2.80], ports: {selector: {matchLabels: {app: crawler}}}, nodes: [node2, node3]}}
`

// egressing6 is egressing with both families; the egress address has one of each.
const egressing6 = `
{kind: Node, name: node1, spec: {tunnelIP: 172.16.56.2}}
---
{kind: Node, name: node2, spec: {tunnelIP: 172.16.56.3, uplinkAddresses: [192.0.2.66, "2001:db8:0:2::66"]}}
---
{kind: Node, name: node3, spec: {tunnelIP: 172.16.56.4, uplinkAddresses: [192.0.2.67, "2001:db8:0:2::67"]}}
---
{kind: Uplink, name: ext, spec: {type: bridge, bridge: br-ex, subnet: 192.0.2.0/24, gateway: 192.0.2.1, subnet6: "2001:db8:0:2::/64", gateway6: "fe80::1", addresses: [192.0.2.64/26, "2001:db8:0:2::40/122", "2001:db8:0:2::80/128"]}}
---
{kind: Network, name: blue, spec: {subnets: [{cidr: 10.1.0.0/24}, {cidr: "fd00:1::/64"}]}}
---
{kind: Network, name: red, spec: {mode: segmented, subnets: [{cidr: 10.1.0.0/16}, {cidr: "fd00:1::/48"}], containersPerNode: 250, maxNodes: 100}}
---
{kind: Router, name: blue, spec: {networks: [blue], egress: {uplink: ext}}}
---
{kind: Router, name: red, spec: {networks: [red], egress: {uplink: ext}}}
---
{kind: Port, name: blue1, labels: {app: crawler}, spec: {network: blue, node: node1, ips: [10.1.0.11, "fd00:1::11"]}}
---
{kind: Port, name: red1, labels: {app: crawler}, spec: {network: red, node: node1}}
---
{kind: Port, name: blue2, spec: {network: blue, node: node2, ips: [10.1.0.12, "fd00:1::12"]}}
---
{kind: Port, name: blue3, labels: {app: crawler}, spec: {network: blue, node: node3, ips: [10.1.0.13, "fd00:1::13"]}}
---
{kind: EgressIP, name: crawlers, spec: {uplink: ext, addresses: [192.0.2.80, "2001:db8:0:2::80"], ports: {selector: {matchLabels: {app: crawler}}}, nodes: [node2, node3]}}
`

// egressBed has an egress address of one family, or of both and is about IPv6; those of both end in the same digits.
type egressBed struct {
	*bridgeBed
	six bool
}

// at returns the address on the uplink that ends in last.
func (b *egressBed) at(last string) string {
	if b.six {
		return "2001:db8:0:2::" + last
	}
	return "192.0.2." + last
}

// gateway returns the address of the machine outside.
func (b *egressBed) gateway() netip.Addr {
	if b.six {
		return b.outside.Addr6
	}
	return b.outside.Addr
}

// etherType is that of the family.
func (b *egressBed) etherType() uint16 {
	if b.six {
		return 0x86dd
	}
	return 0x0800
}

func newEgressBed(t *testing.T, six bool) *egressBed {
	b := &egressBed{&bridgeBed{&outsideBed{bed: newBed(t, 3), c: map[string]*lab.Container{}}, netip.MustParseAddr("198.51.100.9")}, six}
	declared := egressing
	if six {
		b.far, declared = netip.MustParseAddr("2001:db8:f::9"), egressing6
	}
	var err error
	b.outside, err = b.AddExternal(b.ctx)
	b.must(err)
	b.join("node1")
	b.joinBridge("node2")
	b.joinBridge("node3")
	b.apply(declared)
	for port, node := range map[string]string{"blue1": "node1", "red1": "node1", "blue2": "node2", "blue3": "node3"} {
		b.c[port] = b.plug(port, node)
	}
	b.bound("blue1", "red1", "blue2", "blue3")
	b.serve()
	return b
}

func (b *egressBed) part(name string, f func(*egressBed)) {
	b.bridgeBed.part(name, func(part *bridgeBed) { f(&egressBed{part, b.six}) })
}

// holds waits until a node has the egress address.
func (b *egressBed) holds(node string) {
	b.t.Helper()
	b.must(lab.PollFor(b.ctx, 20*time.Second, node+" to have the egress address", func(ctx context.Context) error {
		out, err := b.Controller.SDNCtl(ctx, "egressip", "show", "crawlers")
		if err == nil && !strings.Contains(out, "node "+node+": has the addresses") && !strings.Contains(strings.Join(strings.Fields(out), " "), "node "+node+": has the addresses") {
			err = fmt.Errorf("it has:\n%s", out)
		}
		return err
	}))
}

// attended waits until the egress address has no condition.
func (b *egressBed) attended() {
	b.t.Helper()
	b.sdnctl("wait", "--for", "ready", "egressip/crawlers")
	b.must(lab.PollFor(b.ctx, 20*time.Second, "no condition of the egress address", func(ctx context.Context) error {
		out, err := b.Controller.SDNCtl(ctx, "egressip", "show", "crawlers")
		if err == nil && strings.Contains(out, "EgressIP") {
			err = fmt.Errorf("%s", out)
		}
		return err
	}))
}

// signal sends a signal to the switch of a node. Stopped, it is as dead as after a loss of power.
func (b *bed) signal(node string, sig syscall.Signal) {
	b.t.Helper()
	text, err := os.ReadFile(filepath.Join(b.node(node).Dir, "ovs-vswitchd.pid"))
	b.must(err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	b.must(err)
	b.must(syscall.Kill(pid, sig))
}

// gap sends a datagram of a port to outside every 5 ms while f runs, and until it is answered after
// that, and returns the longest time without an answer.
func (b *egressBed) gap(port string, f func()) (longest time.Duration) {
	b.t.Helper()
	var conn net.Conn
	b.must(b.c[port].Inside(func() (err error) {
		conn, err = net.Dial("udp", net.JoinHostPort(b.gateway().String(), "80"))
		return err
	}))
	defer conn.Close()
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	go func() {
		for tick := time.NewTicker(5 * time.Millisecond); ctx.Err() == nil; <-tick.C {
			conn.Write([]byte("ping"))
		}
	}()
	answered := make(chan time.Time, 1<<16)
	go func() {
		defer close(answered)
		for buf := make([]byte, 100); ; {
			if _, err := conn.Read(buf); errors.Is(err, net.ErrClosed) {
				return
			} else if err == nil {
				answered <- time.Now()
			}
		}
	}()
	next := func() time.Time {
		select {
		case at := <-answered:
			return at
		case <-time.After(10 * time.Second):
			b.t.Fatalf("%s gets no answer from outside", port)
		}
		return time.Time{}
	}
	last := next()
	f()
	for done := time.Now(); !last.After(done); {
		at := next()
		longest = max(longest, at.Sub(last))
		last = at
	}
	return longest
}

// TestEgressIP: selected ports leave with a given address by given nodes, and others as they did.
func TestEgressIP(t *testing.T) {
	newEgressBed(t, false).egressIP()
}

// TestEgressIPv6: IPv6 egress addresses do what those of IPv4 do (TestEgressIP), beside one of IPv4 for the same ports.
func TestEgressIPv6(t *testing.T) {
	b := newEgressBed(t, true)
	b.part("beside IPv4", func(b *egressBed) {
		b.attended()
		four := netip.MustParseAddr("198.51.100.9")
		b.outAs("blue1", "tcp", four, "192.0.2.80")
		b.outAs("blue2", "tcp", four, "192.0.2.66")
	})
	b.part("nobody else takes the address", (*egressBed).nobodyElse)
	b.part("a router routes IPv6", (*egressBed).routes6)
	b.egressIP()
}

// nobodyElse: a machine outside that is given the address finds it taken, by the one node that has it.
func (b *egressBed) nobodyElse() {
	b.holds("node2")
	_, err := b.outside.Exec(b.ctx, "ip", "addr", "add", b.at("80")+"/64", "dev", "lan")
	b.must(err)
	b.must(lab.PollFor(b.ctx, 20*time.Second, "the machine to notice that the address is taken", func(ctx context.Context) error {
		out, err := b.outside.Exec(ctx, "ip", "addr", "show", "dev", "lan")
		if err == nil && !strings.Contains(out, "dadfailed") {
			err = errors.New(out)
		}
		return err
	}))
	_, err = b.outside.Exec(b.ctx, "ip", "addr", "del", b.at("80")+"/64", "dev", "lan")
	b.must(err)
	for node, want := range map[string]bool{"node2": true, "node3": false} {
		answers := slices.ContainsFunc(b.flowSet(node), func(f string) bool {
			return strings.Contains(f, "icmp_type=135") && strings.Contains(f, "nd_target="+b.at("80")) && !strings.Contains(f, "dl_dst=")
		})
		if answers != want {
			b.t.Errorf("%s answers all who ask for the address: %v", node, answers)
		}
	}
}

// routes6: ports of a router that routes IPv6 keep their own addresses, which a condition says.
func (b *egressBed) routes6() {
	says := func(want bool) {
		b.t.Helper()
		b.must(lab.PollFor(b.ctx, 20*time.Second, fmt.Sprintf("the condition EgressIPRouted: %v", want), func(ctx context.Context) error {
			out, err := b.Controller.SDNCtl(ctx, "egressip", "show", "crawlers")
			if err == nil && strings.Contains(out, "EgressIPRouted") != want {
				err = errors.New(out)
			}
			return err
		}))
	}
	b.sdnctl("router", "set", "red", "--egress-ipv6", "routed", "--wait=20s")
	says(true)
	b.revalidated()
	b.outAs("red1", "tcp", netip.MustParseAddr("198.51.100.9"), "192.0.2.80")
	b.outAs("blue1", "tcp", b.far, b.at("80"))
	b.sdnctl("router", "set", "red", "--egress-ipv6", "translated", "--wait=20s")
	says(false)
	b.revalidated()
	b.outAs("red1", "tcp", b.far, b.at("80"))
}

// advertised returns how many unsolicited advertisements of the egress address a sniffer has seen.
func (b *egressBed) advertised(s *lab.Sniffer) (n int) {
	b.t.Helper()
	frames, err := s.Frames(b.ctx)
	b.must(err)
	target := netip.MustParseAddr(b.at("80")).As16()
	for _, f := range frames {
		if f.EtherType() == 0x86dd && len(f.Data) >= 78 && f.Data[20] == 58 && f.Data[54] == 136 && f.Data[38] == 0xff && bytes.Equal(f.Data[62:78], target[:]) {
			n++
		}
	}
	return n
}

// egressIP is the test of one family.
func (b *egressBed) egressIP() {
	b.attended()
	b.holds("node2")
	b.part("selected ports leave with the address", func(b *egressBed) {
		for _, to := range []struct {
			network string
			addr    netip.Addr
		}{{"tcp", b.far}, {"udp", b.gateway()}} {
			for _, port := range []string{"blue1", "red1", "blue3"} {
				b.outAs(port, to.network, to.addr, b.at("80"))
			}
			b.outAs("blue2", to.network, to.addr, b.at("66"))
		}
		b.condition("blue", "UplinkMissing", false) // on node1 no port needs one
	})
	b.part("nodes that stand by know the uplink's gateway", (*egressBed).knowGateway)
	b.part("a restart changes nothing", (*egressBed).restart)
	b.part("P-NS-04: nodes themselves are not reached with the address", (*egressBed).nodesThemselves)
	b.part("policies judge the port", (*egressBed).policies)
	b.part("the switch itself notices that a gateway is dead", (*egressBed).dies)
	b.part("what comes in while no port sends", (*egressBed).diesIdle)
	b.part("also while sdnd is away", (*egressBed).diesAlone)
	b.part("P-NS-03: a gateway that dies while sdnd is away", (*egressBed).diesMeanwhile)
	b.part("P-NS-05: connections for which a gateway has no room", (*egressBed).exhausted)
	b.part("labels", (*egressBed).relabelled)
	b.verify()
	b.part("without egress address nothing is left", (*egressBed).deleted)
	b.verify()
}

// knowGateway: all nodes of the address learn the MAC of the uplink's gateway before they need it, as sdnd
// may be away then.
func (b *egressBed) knowGateway() {
	for _, name := range []string{"node2", "node3"} {
		b.must(lab.PollFor(b.ctx, 20*time.Second, name+" to know the uplink's gateway", func(ctx context.Context) error {
			out, err := b.Controller.SDNCtl(ctx, "flows", name, "--table", "next-hop")
			known := "0xc0000201"
			if b.six {
				known = "0xfe800000"
			}
			if err == nil && !strings.Contains(out, known) {
				err = fmt.Errorf("next-hop has: %s", out)
			}
			return err
		}))
	}
}

// restart: a restart of sdnd sends nothing, and connections go on.
func (b *egressBed) restart() {
	_, live, err := b.ask("blue1", "tcp", b.far, 0)
	b.must(err)
	defer live.Close()
	if got := b.changes(func() {
		b.must(b.Controller.Stop(b.ctx, syscall.SIGTERM))
		b.must(b.Controller.Start(b.ctx))
		b.holds("node2")
	}, "node1", "node2", "node3"); got["node1"]+got["node2"]+got["node3"] != 0 {
		b.t.Errorf("a restart of sdnd changed flows: %v", got)
	}
	b.echoes("after a restart of sdnd", live)
}

// nodesThemselves: what is for a node itself does not take the way of the egress address. The sender's
// node has no uplink of its own, so it is dropped there; with the address it would arrive.
func (b *egressBed) nodesThemselves() {
	b.sdnctl("node", "set", "node3", "--address", b.far.String(), "--wait=20s") // as if it was a node's
	b.revalidated()
	if _, conn, err := b.connect(b.port("blue1"), "tcp", netip.AddrPortFrom(b.far, 80), 0, 400*time.Millisecond); err == nil {
		conn.Close()
		b.t.Error("blue1 reaches a node with the egress address")
	}
	b.sdnctl("node", "set", "node3", "--address", "", "--wait=20s")
	b.outAs("blue1", "tcp", b.far, b.at("80"))
}

// policies: the port that sends is judged, where it is, by the address outside.
func (b *egressBed) policies() {
	b.apply(`{kind: Policy, name: shop, spec: {subject: {selector: {matchLabels: {app: crawler}}}, egress: [{action: allow, peers: [{cidr: "` + netip.PrefixFrom(b.gateway(), b.gateway().BitLen()).String() + `"}], ports: [tcp/80]}]}}`)
	b.revalidated()
	b.outAs("blue1", "tcp", b.gateway(), b.at("80"))
	b.outAs("red1", "tcp", b.gateway(), b.at("80"))
	if _, conn, err := b.connect(b.port("blue1"), "tcp", netip.AddrPortFrom(b.far, 80), 0, 400*time.Millisecond); err == nil {
		conn.Close()
		b.t.Error("a policy does not keep blue1 from an address outside")
	}
	b.sdnctl("policy", "delete", "shop", "--wait=20s")
	b.outAs("blue1", "tcp", b.far, b.at("80"))
}

// gapBound is how long packets may be lost when a gateway dies, sdnd running or not: the best of several
// deaths counts, as the machine may be busy.
const gapBound = 300 * time.Millisecond

// bestGap kills the first gateway up to ten times, until the time without an answer is within the bound.
func (b *egressBed) bestGap(what string, noticed func()) {
	b.t.Helper()
	_, live, err := b.ask("blue1", "tcp", b.far, 0)
	b.must(err)
	defer live.Close()
	b.steady()
	best := time.Hour
	for try := 0; try < 10 && best > gapBound; try++ {
		b.echoes("before", live)
		gap := b.gap("blue1", func() {
			b.signal("node2", syscall.SIGSTOP)
			noticed()
		})
		b.t.Logf("%s: longest time without an answer: %v", what, gap)
		best = min(best, gap)
		b.echoes("after the gateway's death", live)
		b.signal("node2", syscall.SIGCONT)
		b.steady()
		b.echoes("after its return", live)
	}
	if best > gapBound {
		b.t.Errorf("%s: %v without an answer, want at most %v", what, best, gapBound)
	}
}

// notices waits until node1's switch finds that one of its gateways is not reached.
func (b *egressBed) notices() {
	b.t.Helper()
	b.must(lab.PollFor(b.ctx, 20*time.Second, "node1's switch to notice", func(ctx context.Context) error {
		out, err := b.node("node1").AppCtl(ctx, "bfd/show")
		if err == nil && strings.Count(out, "Forwarding: true") != 1 {
			err = errors.New(out)
		}
		return err
	}))
}

// lastSent is when Open vSwitch sent the last packet of a BFD session.
var lastSent = regexp.MustCompile(`Last TX Time: now -(\d+)ms`)

// steady waits until node1's switch reaches both gateways and has sent to both at the full rate for a
// while. A session begins with a packet a second. Until Open vSwitch has sent the next one it does
// not look at the time either, and notices nothing.
func (b *egressBed) steady() {
	b.t.Helper()
	var since time.Time
	b.must(lab.PollFor(b.ctx, 60*time.Second, "node1's switch to probe at the full rate", func(ctx context.Context) error {
		out, err := b.node("node1").AppCtl(ctx, "bfd/show")
		ok := err == nil && strings.Count(out, "Forwarding: true") == 2 && strings.Count(out, "RX Interval: Approx 60ms") == 2
		for _, m := range lastSent.FindAllStringSubmatch(out, -1) {
			ago, _ := strconv.Atoi(m[1])
			ok = ok && ago < 200
		}
		switch {
		case !ok:
			since = time.Time{}
		case since.IsZero():
			since = time.Now()
		case time.Since(since) > time.Second:
			return nil
		}
		return errors.Join(err, errors.New(out))
	}))
}

// dies: live connections go on when the first gateway dies, and when it returns.
func (b *egressBed) dies() {
	b.bestGap("with sdnd", func() {
		b.holds("node3")
		b.outAs("red1", "tcp", b.far, b.at("80"))
	})
	b.holds("node2")
}

// inboundBound is how long after the death of the first gateway what comes in arrives at the next one.
const inboundBound = time.Second

// diesIdle: while no port sends anything sdnd has the next gateway announce the address, so that what
// comes in gets there, and who asks for the address finds it. The best of several deaths counts.
func (b *egressBed) diesIdle() {
	conn, err := b.outside.ListenPacket("udp", ":9")
	b.must(err)
	defer conn.Close()
	address := net.ParseIP(b.at("80"))
	mac := model.OutsideMAC(netip.MustParseAddr(b.at("80")))
	best := time.Hour
	for try := 0; try < 10 && best > inboundBound; try++ {
		b.steady()
		_, live, err := b.ask("blue1", "tcp", b.far, 0)
		b.must(err)
		sniffer, err := b.outside.Sniff("to-node3")
		b.must(err)
		announced, err := b.outside.Sniff("lan")
		b.must(err)
		b.signal("node2", syscall.SIGSTOP)
		died := time.Now()
		b.must(lab.PollFor(b.ctx, 20*time.Second, "what is for the egress address to get to node3", func(ctx context.Context) error {
			if _, err := conn.WriteTo([]byte("x"), &net.UDPAddr{IP: address, Port: 9}); err != nil {
				return err
			}
			frames, err := sniffer.Frames(ctx)
			for _, f := range frames {
				if f.EtherType() == b.etherType() && bytes.HasPrefix(f.Data, mac[:]) {
					return nil
				}
			}
			return errors.Join(err, errors.New("it does not"))
		}))
		arrived := time.Since(died)
		best = min(best, arrived)
		b.t.Logf("what comes in gets to the next gateway after %v", arrived)
		sniffer.Close()
		b.holds("node3")
		if n := b.advertised(announced); b.six && n == 0 {
			b.t.Error("nobody advertised the address")
		}
		announced.Close()
		_, err = b.outside.Exec(b.ctx, "ip", "neigh", "flush", "to", b.at("80"))
		b.must(err)
		b.must(lab.PollFor(b.ctx, 20*time.Second, "an answer to who asks for the address", func(ctx context.Context) error {
			conn.WriteTo([]byte("x"), &net.UDPAddr{IP: address, Port: 9})
			out, err := b.outside.Exec(ctx, "ip", "neigh", "show", "to", b.at("80"))
			if err == nil && !strings.Contains(out, mac.String()) {
				err = errors.New(out)
			}
			return err
		}))
		b.echoes("a connection that was idle when the gateway died", live)
		live.Close()
		b.signal("node2", syscall.SIGCONT)
		b.holds("node2")
	}
	if best > inboundBound {
		b.t.Errorf("what comes in gets to the next gateway after %v, want at most %v", best, inboundBound)
	}
}

// diesAlone: without sdnd the switches do the same, and others learn the new place from what it sends.
func (b *egressBed) diesAlone() {
	b.must(b.Controller.Stop(b.ctx, syscall.SIGKILL))
	b.bestGap("without sdnd", func() { b.notices() })
	b.must(b.Controller.Start(b.ctx))
	b.holds("node2")
	b.attended()
}

// diesMeanwhile: the gateway dies while sdnd is away, and returns later: one node has the address at
// any time, and no flow of before is left.
func (b *egressBed) diesMeanwhile() {
	b.must(b.Controller.Stop(b.ctx, syscall.SIGKILL))
	b.signal("node2", syscall.SIGSTOP)
	b.must(b.Controller.Start(b.ctx))
	b.holds("node3")
	b.outAs("blue1", "tcp", b.far, b.at("80"))
	b.signal("node2", syscall.SIGCONT)
	b.holds("node2")
	b.attended()
	b.outAs("blue1", "tcp", b.far, b.at("80"))
	b.sdnctl("egressip", "set", "crawlers", "--node", "node3", "--wait=20s")
	b.holds("node3")
	b.outAs("blue1", "tcp", b.far, b.at("80"))
	for _, f := range b.flowSet("node2") {
		if strings.Contains(f, b.at("80")) || strings.Contains(f, model.OutsideMAC(netip.MustParseAddr(b.at("80"))).String()) {
			b.t.Errorf("node2 still has %s", f)
		}
	}
	b.sdnctl("egressip", "set", "crawlers", "--node", "node2,node3", "--wait=20s")
	b.attended()
}

// exhausted: what finds no source port on a gateway does not leave. It is counted, and a condition of the
// gateway. The same flows count what finds the gateway's connection tracker full, which takes few packets.
func (b *egressBed) exhausted() {
	set := func(limit string) {
		_, err := b.node("node2").AppCtl(b.ctx, "dpctl/ct-set-maxconns", limit)
		b.must(err)
	}
	before, err := b.node("node2").AppCtl(b.ctx, "dpctl/ct-get-maxconns")
	b.must(err)
	defer set(strings.TrimSpace(before))
	b.steady()
	b.outAs("blue1", "udp", b.gateway(), b.at("80"))
	b.nodeCondition("SourcePortsExhausted", "")
	sniffer, err := b.outside.Sniff("lan")
	b.must(err)
	defer sniffer.Close()
	set("1")
	b.must(lab.PollFor(b.ctx, 20*time.Second, "connections to find no room", func(context.Context) error {
		_, conn, err := b.connect(b.port("blue1"), "udp", netip.AddrPortFrom(b.gateway(), 80), 0, 300*time.Millisecond)
		if err == nil {
			conn.Close()
			return errors.New("a connection came about")
		}
		return nil
	}))
	b.nodeCondition("SourcePortsExhausted", "of blue for a port")
	frames, err := sniffer.Frames(b.ctx)
	b.must(err)
	for _, f := range frames {
		four := f.EtherType() == 0x0800 && (bytes.HasPrefix(f.Data[26:], []byte{10, 1, 0, 11}) || bytes.HasPrefix(f.Data[26:], []byte{198, 18}))
		six := f.EtherType() == 0x86dd && (bytes.HasPrefix(f.Data[22:], []byte{0xfd, 0, 0, 1}) || bytes.HasPrefix(f.Data[22:], []byte{0xfd, 0x73}))
		if four || six {
			b.t.Errorf("left untranslated: %v", f)
		}
	}
	set(strings.TrimSpace(before))
	b.outAs("blue1", "udp", b.gateway(), b.at("80"))
}

// nodeCondition waits until node2 has a condition whose message has some words, or has none for "".
func (b *egressBed) nodeCondition(reason, words string) {
	b.t.Helper()
	b.must(lab.PollFor(b.ctx, 90*time.Second, "the condition "+reason+" of node2", func(ctx context.Context) error {
		n, err := b.api.Node(ctx, "node2")
		if err != nil {
			return err
		}
		for _, c := range n.Status.Conditions {
			if c.Reason == reason && (words == "" || !strings.Contains(c.Message, words)) {
				return fmt.Errorf("it has %q", c.Message)
			} else if c.Reason == reason {
				return nil
			}
		}
		if words != "" {
			return fmt.Errorf("it has only %v", n.Status.Conditions)
		}
		return nil
	}))
}

// relabelled: a port gets and loses the address by its labels, which costs flows on its own node only.
func (b *egressBed) relabelled() {
	for _, step := range []struct{ label, as string }{{"app=crawler", b.at("80")}, {"app-", b.at("66")}} {
		changed := b.changes(func() { b.sdnctl("port", "set", "blue2", "--label", step.label, "--wait=20s") }, "node1", "node2", "node3")
		if changed["node1"]+changed["node3"] != 0 {
			b.t.Errorf("%s: flows changed %v", step.label, changed)
		}
		b.revalidated()
		b.outAs("blue2", "tcp", b.far, step.as)
	}
}

func (b *egressBed) deleted() {
	b.sdnctl("egressip", "delete", "crawlers", "--wait=20s")
	b.must(lab.PollFor(b.ctx, 10*time.Second, "ports that probe to go", func(ctx context.Context) error {
		out, err := b.node("node1").VSCtl(ctx, "list-ports", "br-int")
		if err == nil && strings.Contains(out, "\nsd") {
			err = fmt.Errorf("br-int has\n%s", out)
		}
		return err
	}))
	b.outAs("blue3", "tcp", b.far, b.at("67"))
	b.condition("blue", "UplinkMissing", true)
}
