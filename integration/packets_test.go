package integration

import (
	"encoding/binary"
	"net"
	"net/netip"
	"testing"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// TestGatewaysAnswer: whichever gateway a container pings, its own node answers: for its
// own gateway, for one of another node or network, and for one of a block without ports;
// with any TTL, and in fragments.
func TestGatewaysAnswer(t *testing.T) {
	t.Parallel()
	b := newBed(t, 3)
	b.join("node1", "node2", "node3")
	b.apply(nodes(3) + `
{kind: Network, name: blue, spec: {cidr: 10.0.0.0/24}}
---
{kind: Network, name: green, spec: {subnets: [{cidr: 10.1.0.0/24, gateway: 10.1.0.254}]}}
---
kind: Network
name: pods
spec:
  mode: segmented
  cidr: 10.244.0.0/16
  containersPerNode: 250
  maxNodes: 10
  blocks: [{node: node2, cidr: 10.244.40.0/24, gateway: 10.244.40.254}]
---
{kind: Router, name: r, spec: {networks: [blue, green, pods]}}
---
{kind: Port, name: b1, spec: {network: blue, node: node1}}
---
{kind: Port, name: p1, spec: {network: pods, node: node1}}
---
{kind: Port, name: p2, spec: {network: pods, node: node2, ip: 10.244.40.1}}
`)
	blue, pod, far := b.plug("b1", "node1"), b.plug("p1", "node1"), b.plug("p2", "node2")
	b.bound("b1", "p1", "p2")

	const own, other, noPorts = "10.244.1.1", "10.244.40.254", "10.244.2.1"
	pings := []struct {
		what    string
		options []string
	}{
		{"an ordinary ping", nil},
		{"with TTL 1", []string{"-t1"}},
		{"in three fragments", []string{"-s3000"}},
		{"in fifteen fragments, with TTL 1", []string{"-s20000", "-t1"}},
		{"with options in the IP header", []string{"-R"}},
	}
	for _, ask := range []struct {
		from *lab.Container
		gw   string
	}{
		{pod, own}, {pod, other}, {pod, noPorts}, {pod, "10.0.0.1"}, {pod, "10.1.0.254"},
		{blue, "10.0.0.1"}, {blue, "10.1.0.254"}, {blue, own}, {blue, other}, {blue, noPorts},
		{far, other}, {far, own},
	} {
		if ttl := b.reach(ask.from, ask.gw); ttl != 64 {
			t.Errorf("%s answers %s with TTL %d, want 64", ask.gw, ask.from.Name, ttl)
		}
		for _, p := range pings {
			args := append([]string{"ping", "-n", "-c1", "-W1"}, append(p.options, ask.gw)...)
			if out, err := ask.from.Exec(b.ctx, args...); err != nil {
				t.Errorf("%s of %s by %s: %v\n%s", p.what, ask.gw, ask.from.Name, err, out)
			}
		}
	}
	b.run("only gateways", func(t *testing.T, b *bed) {
		// 10.244.40.1 would be a gateway in another block. Here it is a container.
		if ttl := b.reach(pod, "10.244.40.1"); ttl != 63 {
			t.Errorf("10.244.40.1 answers with TTL %d: not the container but a gateway", ttl)
		}
		b.unreachable(pod, "10.244.2.254") // no port there, nor a gateway
		b.unreachable(pod, "10.244.9.1")   // no node's block
		b.matrix([]*lab.Container{blue, pod, far}, everyPair)
		if out, err := blue.Exec(b.ctx, "ping", "-n", "-c1", "-W2", "-s3000", "10.244.40.1"); err != nil {
			t.Errorf("a container across the router, in fragments: %v\n%s", err, out)
		}
	})
	b.run("an echo request of a code that there is not (RFC 792)", func(t *testing.T, b *bed) {
		s := b.sniff(pod)
		frame := echoFrom(t, pod, own)
		frame[35]++ // the code, and what that takes from the checksum
		binary.BigEndian.PutUint16(frame[36:], binary.BigEndian.Uint16(frame[36:])-1)
		b.must(pod.Send(frame))
		b.reach(pod, own) // passes after it
		for _, f := range b.frames(s, func(f lab.Frame) bool { return !f.Sent }) {
			if d := f.Data; f.EtherType() == 0x0800 && len(d) > 36 && d[23] == 1 && (d[34] != 0 || d[35] != 0) {
				t.Errorf("answered with ICMP type %d, code %d", d[34], d[35])
			}
		}
	})
	b.verify()
}

// echoFrom returns an echo request from a container to an address by its gateway.
func echoFrom(t testing.TB, c *lab.Container, to string) []byte {
	t.Helper()
	gateway, err := c.NextHopMAC(t.Context(), netip.MustParseAddr(to))
	if err != nil {
		t.Fatal(err)
	}
	dst, err1 := net.ParseMAC(gateway)
	src, err2 := net.ParseMAC(c.MAC)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	return lab.Echo{EtherSrc: src, EtherDest: dst, From: c.IP.Addr(), To: netip.MustParseAddr(to), TTL: 64, ID: 0x5dc}.Frame()
}

// TestAddressDetection: a host that asks by ARP whether an address is taken, as hosts do
// before they use one (RFC 5227), gets answers for the addresses of others and none for its
// own.
func TestAddressDetection(t *testing.T) {
	t.Parallel()
	b := newBed(t, 2)
	b.join("node1", "node2")
	b.apply(nodes(2) + `
{kind: Network, name: blue, spec: {cidr: 10.0.0.0/24}}
---
{kind: Port, name: one, spec: {network: blue, node: node1, ip: 10.0.0.11}}
---
{kind: Port, name: two, spec: {network: blue, node: node1, ip: 10.0.0.12}}
---
{kind: Port, name: far, spec: {network: blue, node: node2, ip: 10.0.0.13}}
---
{kind: Port, name: off, spec: {network: blue, node: node1, ip: 10.0.0.14}}
`)
	one, far := b.plug("one", "node1"), b.plug("far", "node2")
	b.plug("two", "node1")
	b.bound("one", "two", "far")
	mac := func(c *lab.Container) net.HardwareAddr {
		m, err := net.ParseMAC(c.MAC)
		return must(b, m, err)
	}
	otherMAC := net.HardwareAddr{2, 0, 0, 0, 0, 0x99}
	const nobody = "0.0.0.0"
	for _, tt := range []struct {
		what         string
		from         *lab.Container
		op           uint16
		sha          net.HardwareAddr
		sender, asks string
		answered     bool
	}{
		{"a request for one here", one, lab.ARPRequest, nil, "10.0.0.11", "10.0.0.12", true},
		{"a request for one elsewhere", one, lab.ARPRequest, nil, "10.0.0.11", "10.0.0.13", true},
		{"a request for one that is not plugged in, on its own node", one, lab.ARPRequest, nil, "10.0.0.11", "10.0.0.14", true},
		{"a request for one that is not plugged in, elsewhere", far, lab.ARPRequest, nil, "10.0.0.13", "10.0.0.14", true},
		{"a request for nobody's address", one, lab.ARPRequest, nil, "10.0.0.11", "10.0.0.99", false},
		{"a probe for another's address", one, lab.ARPRequest, nil, nobody, "10.0.0.12", true},
		{"a probe for another's address elsewhere", one, lab.ARPRequest, nil, nobody, "10.0.0.13", true},
		{"a probe for the own address", one, lab.ARPRequest, nil, nobody, "10.0.0.11", false},
		{"an announcement of the own address", one, lab.ARPRequest, nil, "10.0.0.11", "10.0.0.11", false},
		{"an announcement as a reply", one, lab.ARPReply, nil, "10.0.0.11", "10.0.0.11", false},
		{"a request with another's address as sender", one, lab.ARPRequest, nil, "10.0.0.12", "10.0.0.13", false},
		{"a request with another hardware address inside", one, lab.ARPRequest, otherMAC, "10.0.0.11", "10.0.0.13", false},
		{"a probe with another hardware address inside", one, lab.ARPRequest, otherMAC, nobody, "10.0.0.13", false},
	} {
		s, sha := b.sniff(tt.from), tt.sha
		if sha == nil {
			sha = mac(tt.from)
		}
		b.must(tt.from.Send(lab.ARP{Op: tt.op, EtherSrc: mac(tt.from), SenderMAC: sha,
			SenderIP: netip.MustParseAddr(tt.sender), TargetIP: netip.MustParseAddr(tt.asks)}.Frame()))
		answer := func(f lab.Frame) bool {
			a, ok := f.ARP()
			return ok && !f.Sent && a.Op == lab.ARPReply && a.SenderIP.String() == tt.asks
		}
		if tt.answered {
			b.awaitFrame(s, tt.what+" to be answered", answer)
			continue
		}
		// The next request is answered after it.
		last := netip.MustParseAddr("10.0.0.14")
		b.must(tt.from.Send(lab.ARP{Op: lab.ARPRequest, SenderMAC: mac(tt.from), SenderIP: tt.from.IP.Addr(), TargetIP: last}.Frame()))
		b.awaitFrame(s, "the next request to be answered", func(f lab.Frame) bool {
			a, ok := f.ARP()
			return ok && !f.Sent && a.SenderIP == last
		})
		if got := b.frames(s, answer); len(got) > 0 {
			t.Errorf("%s is answered: %v", tt.what, got)
		}
	}
	b.run("arping -D", func(t *testing.T, b *bed) {
		for address, free := range map[string]bool{"10.0.0.11": true, "10.0.0.12": false, "10.0.0.13": false} {
			_, err := one.Exec(b.ctx, "busybox", "arping", "-D", "-q", "-c1", "-w1", "-I", "eth0", address)
			if free != (err == nil) {
				t.Errorf("arping says that %s is free: %t, want %t", address, err == nil, free)
			}
		}
	})
	b.verify()
}
