package integration

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestSpoofing: a packet from an address that is not its sender's reaches nobody, neither
// on its node nor on another.
func TestSpoofing(t *testing.T) {
	t.Parallel()
	b := newBed(t, 2)
	b.join("node1", "node2")
	b.apply(bothFamilies(t, nodes(2)+`
{kind: Network, name: blue, spec: {cidr: 10.7.0.0/24}}
---
{kind: Network, name: green, spec: {cidr: 10.8.0.0/24}}
---
{kind: Router, name: r, spec: {networks: [blue, green]}}
---
{kind: Port, name: rogue, spec: {network: blue, node: node1}}
---
{kind: Port, name: rogue6, spec: {network: blue, node: node1}}
---
{kind: Port, name: near, spec: {network: blue, node: node1}}
---
{kind: Port, name: far, spec: {network: blue, node: node2}}
---
{kind: Port, name: routed, spec: {network: green, node: node2}}
`))
	rogue, near, far, routed := b.plug("rogue", "node1"), b.plug("near", "node1"), b.plug("far", "node2"), b.plug("routed", "node2")
	b.plug("rogue6", "node1")
	b.bound("rogue", "rogue6", "near", "far", "routed")
	b.matrix([]*lab.Container{rogue, near, far, routed}, everyPair)
	gateway, err := rogue.NextHopMAC(b.ctx, routed.IP.Addr())
	b.must(err)

	var (
		mine   = mac(t, rogue.MAC)
		me     = rogue.IP.Addr()
		false1 = mac(t, "02:de:ad:be:ef:01")
		nobody = netip.MustParseAddr("10.7.0.99")
	)
	// The id of an echo request identifies the forgery.
	const honest = 1000
	for _, to := range []struct {
		victim *lab.Container
		mac    string
	}{{near, near.MAC}, {far, far.MAC}, {routed, gateway}} {
		b.run("to "+to.victim.Name, func(t *testing.T, b *bed) {
			sniffer := b.sniff(to.victim)
			dst, ip := mac(t, to.mac), to.victim.IP.Addr()
			for _, frame := range [][]byte{
				lab.Echo{EtherSrc: false1, EtherDest: dst, From: me, To: ip, TTL: 64, ID: 1}.Frame(),
				lab.Echo{EtherSrc: mine, EtherDest: dst, From: nobody, To: ip, TTL: 64, ID: 2}.Frame(),
				lab.Echo{EtherSrc: mac(t, near.MAC), EtherDest: dst, From: near.IP.Addr(), To: ip, TTL: 64, ID: 3}.Frame(),
				lab.Echo{EtherSrc: mine, EtherDest: net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, From: me, To: ip, TTL: 64, ID: 4}.Frame(),
				// Poison: "I am near", "I am the gateway", to the victim and to all.
				lab.ARP{Op: lab.ARPReply, SenderMAC: mine, SenderIP: near.IP.Addr(), TargetMAC: dst, TargetIP: ip, EtherDest: dst}.Frame(),
				lab.ARP{Op: lab.ARPReply, SenderMAC: mine, SenderIP: rogue.Gateway, TargetMAC: dst, TargetIP: ip}.Frame(),
				lab.ARP{Op: lab.ARPReply, SenderMAC: false1, SenderIP: me, TargetMAC: dst, TargetIP: ip, EtherSrc: mine, EtherDest: dst}.Frame(),
				lab.ARP{Op: lab.ARPRequest, SenderMAC: mine, SenderIP: near.IP.Addr(), TargetIP: ip}.Frame(),
				lab.Echo{EtherSrc: mine, EtherDest: dst, From: me, To: ip, TTL: 64, ID: honest}.Frame(),
			} {
				b.must(rogue.Send(frame))
			}
			b.awaitFrame(sniffer, "the one honest packet", func(f lab.Frame) bool {
				e, ok := f.Echo()
				return ok && e.ID == honest && !f.Sent
			})
			for _, f := range b.frames(sniffer, func(f lab.Frame) bool { return !f.Sent }) {
				if e, ok := f.Echo(); ok && e.ID < honest {
					t.Errorf("forgery %d arrived: %v", e.ID, f)
				}
				if a, ok := f.ARP(); ok && (a.SenderMAC.String() == rogue.MAC || a.SenderMAC.String() == false1.String()) {
					t.Errorf("false ARP arrived: %v", f)
				}
			}
		})
	}
	b.run("nor does a forged question get an answer", func(t *testing.T, b *bed) {
		sniffer := b.sniff(rogue)
		b.must(rogue.Send(lab.ARP{Op: lab.ARPRequest, SenderMAC: false1, SenderIP: nobody, TargetIP: near.IP.Addr()}.Frame()))
		b.must(rogue.Send(lab.ARP{Op: lab.ARPRequest, SenderMAC: mine, SenderIP: me, TargetIP: near.IP.Addr()}.Frame()))
		answered := func(to net.HardwareAddr) func(lab.Frame) bool {
			return func(f lab.Frame) bool {
				a, ok := f.ARP()
				return ok && !f.Sent && a.Op == lab.ARPReply && a.TargetMAC.String() == to.String()
			}
		}
		b.awaitFrame(sniffer, "the answer to the honest question", answered(mine))
		if got := b.frames(sniffer, answered(false1)); len(got) > 0 {
			t.Errorf("answered: %v", got)
		}
	})
	b.run("by IPv6", func(t *testing.T, b *bed) { spoofByIPv6(t, b, near, far, routed) })
	b.verify()
}

// spoofByIPv6 sends from the container rogue6 from addresses that are not its own, and
// messages that would poison others' caches: none arrives, and those from wrong addresses
// are counted for the port.
func spoofByIPv6(t *testing.T, b *bed, near, far, routed *lab.Container) {
	rogue, err := b.Container("rogue6")
	b.must(err)
	b.reach(rogue, routed.IP6.Addr().String())
	gateway, err := rogue.NextHopMAC(b.ctx, routed.IP6.Addr())
	b.must(err)
	linkLocal := func(c *lab.Container) netip.Addr { return model.LinkLocal(model.MAC(mac(t, c.MAC))) }
	var (
		mine     = mac(t, rogue.MAC)
		me       = rogue.IP6.Addr()
		false1   = mac(t, "02:de:ad:be:ef:06")
		allNodes = netip.MustParseAddr("ff02::1")
	)
	const honest = 1000
	sent := 0
	for _, to := range []struct {
		victim *lab.Container
		mac    string
	}{{near, near.MAC}, {far, far.MAC}, {routed, gateway}} {
		sniffer := b.sniff(to.victim)
		dst, ip := mac(t, to.mac), to.victim.IP6.Addr()
		as := func(src net.HardwareAddr, from netip.Addr) lab.ICMPv6 {
			return lab.ICMPv6{EtherSrc: src, EtherDest: dst, From: from, To: ip}
		}
		// From addresses that are not the port's.
		var frames [][]byte
		for id, m := range []lab.ICMPv6{
			as(false1, me), as(mine, netip.MustParseAddr("fd00:a07::99")), as(mine, near.IP6.Addr()), as(mac(t, near.MAC), near.IP6.Addr()),
			as(mine, linkLocal(near)), as(mine, netip.MustParseAddr("fe80::99")),
		} {
			frames = append(frames, m.Echo(uint16(id)).Frame())
		}
		for _, from := range []netip.Addr{linkLocal(near), model.LinkLocal(model.MAC(mac(t, gateway)))} {
			for _, m := range as(mine, from).NeighbourDiscovery(near.IP6.Addr(), mine) {
				frames = append(frames, m.Frame())
			}
		}
		sent += len(frames)
		// From its own address: it claims near's address and to be the router; to the
		// victim and to all.
		for _, from := range []netip.Addr{me, linkLocal(rogue)} {
			for _, m := range as(mine, from).NeighbourDiscovery(near.IP6.Addr(), mine) {
				frames = append(frames, m.Frame())
				m.To, m.EtherDest = allNodes, net.HardwareAddr{0x33, 0x33, 0, 0, 0, 1}
				frames = append(frames, m.Frame())
			}
		}
		for _, f := range append(frames, as(mine, me).Echo(honest).Frame()) {
			b.must(rogue.Send(f))
		}
		is := func(id uint16) func(lab.Frame) bool {
			return func(f lab.Frame) bool {
				m, ok := f.ICMPv6()
				got, echo := m.EchoID()
				return ok && echo && got == id && !f.Sent
			}
		}
		b.awaitFrame(sniffer, "the one honest packet by IPv6", is(honest))
		for _, f := range b.frames(sniffer, func(f lab.Frame) bool { return !f.Sent && !is(honest)(f) }) {
			// The victim asks for the rogue's address, since it answers the rogue, and gets
			// an answer.
			ownAddress := func(m lab.ICMPv6) bool { return m.Type == 136 && netip.AddrFrom16([16]byte(m.Body[4:20])) == m.From }
			if m, ok := f.ICMPv6(); ok && !ownAddress(m) {
				t.Errorf("to %s arrived ICMPv6 type %d from %s (%s): % x", to.victim.Name, m.Type, m.From, m.EtherSrc, m.Body)
			}
		}
		neighbours, err := to.victim.Exec(b.ctx, "ip", "-6", "neigh", "show", near.IP6.Addr().String())
		b.must(err)
		if strings.Contains(neighbours, rogue.MAC) {
			t.Errorf("%s believes that near is the rogue: %s", to.victim.Name, neighbours)
		}
	}
	more := lab.ICMPv6{EtherSrc: false1, EtherDest: mac(t, near.MAC), From: me, To: near.IP6.Addr()}.Echo(1).Frame()
	b.must(lab.PollFor(b.ctx, 30*time.Second, "what the port may not send to be reported", func(ctx context.Context) error {
		// A port's counter is read when the counter of all ports has grown, and packets
		// that arrive while their senders are sampled do not count there.
		if err := rogue.Send(more); err != nil {
			return err
		}
		p, err := b.api.Port(ctx, "rogue6")
		if err != nil {
			return err
		}
		for _, c := range p.Status.Conditions {
			if c.Reason == string(condition.SourceMACMismatch) || c.Reason == string(condition.SourceAddressMismatch) {
				if d := p.Status.Drops; d == nil || d.Packets < uint64(sent) {
					return fmt.Errorf("%d packets were sent, and reported is %+v", sent, d)
				}
				return nil
			}
		}
		return fmt.Errorf("conditions: %+v", p.Status.Conditions)
	}))
}

// TestTaggedFrames: a frame with a VLAN tag reaches nobody, neither on its node nor on
// another nor through the router, and the gateway does not answer it. A priority tag passes
// (pitfalls P-L2-02, P-L2-13).
func TestTaggedFrames(t *testing.T) {
	t.Parallel()
	b := newBed(t, 2)
	b.join("node1", "node2")
	b.apply(nodes(2) + `
{kind: Network, name: blue, spec: {cidr: 10.7.0.0/24}}
---
{kind: Network, name: green, spec: {cidr: 10.8.0.0/24}}
---
{kind: Router, name: r, spec: {networks: [blue, green]}}
---
{kind: Port, name: sender, spec: {network: blue, node: node1}}
---
{kind: Port, name: near, spec: {network: blue, node: node1}}
---
{kind: Port, name: far, spec: {network: blue, node: node2}}
---
{kind: Port, name: routed, spec: {network: green, node: node2}}
`)
	sender, near, far, routed := b.plug("sender", "node1"), b.plug("near", "node1"), b.plug("far", "node2"), b.plug("routed", "node2")
	b.bound("sender", "near", "far", "routed")
	b.reach(sender, routed.IP.Addr().String())
	gateway, err := sender.NextHopMAC(b.ctx, routed.IP.Addr())
	b.must(err)
	const customer, provider, untagged = 0x8100, 0x88a8, 1000
	forbidden := [][]lab.Tag{
		{{TPID: customer, VID: 100}}, {{TPID: customer, VID: 4095}}, {{TPID: customer, PCP: 5, VID: 1}},
		{{TPID: provider, VID: 100}},
		{{TPID: customer, VID: 100}, {TPID: customer, VID: 200}}, {{TPID: provider, VID: 100}, {TPID: customer, VID: 200}},
		{{TPID: customer}, {TPID: customer, VID: 100}}, {{TPID: provider}, {TPID: customer, VID: 100}},
	}
	priority := []lab.Tag{{TPID: customer, PCP: 5}}
	for _, to := range []struct {
		victim *lab.Container
		mac    string
	}{{near, near.MAC}, {far, far.MAC}, {routed, gateway}} {
		b.run("to "+to.victim.Name, func(t *testing.T, b *bed) {
			sniffer, back := b.sniff(to.victim), b.sniff(sender)
			echo := func(to netip.Addr, dst string, id uint16) []byte {
				return lab.Echo{EtherSrc: mac(t, sender.MAC), EtherDest: mac(t, dst), From: sender.IP.Addr(), To: to, TTL: 64, ID: id}.Frame()
			}
			arp := lab.ARP{Op: lab.ARPRequest, SenderMAC: mac(t, sender.MAC), SenderIP: sender.IP.Addr(), TargetIP: near.IP.Addr()}.Frame()
			for i, tags := range forbidden {
				b.must(sender.Send(lab.Tagged(echo(to.victim.IP.Addr(), to.mac, uint16(1+i)), tags...)))
				b.must(sender.Send(lab.Tagged(echo(sender.Gateway, gateway, uint16(1+i)), tags...)))
				b.must(sender.Send(lab.Tagged(arp, tags...)))
			}
			b.must(sender.Send(lab.Tagged(echo(to.victim.IP.Addr(), to.mac, untagged-1), priority...)))
			b.must(sender.Send(echo(to.victim.IP.Addr(), to.mac, untagged)))
			for _, id := range []uint16{untagged - 1, untagged} {
				b.awaitFrame(sniffer, "what is not tagged, or with a priority only", func(f lab.Frame) bool {
					e, ok := f.Echo()
					return ok && e.ID == id && !f.Sent
				})
			}
			for _, f := range b.frames(sniffer, func(f lab.Frame) bool { return !f.Sent }) {
				if e, ok := f.Echo(); ok && e.ID < untagged-1 {
					t.Errorf("with tags %v arrived: %v", forbidden[e.ID-1], f)
				}
			}
			for _, f := range b.frames(back, func(f lab.Frame) bool { return !f.Sent }) {
				if a, ok := f.ARP(); ok && a.SenderIP == near.IP.Addr() {
					t.Errorf("a tagged ARP request was answered: %v", f)
				}
				if e, ok := f.EchoReply(); ok && e.ID < untagged-1 {
					t.Errorf("with tags %v answered: %v", forbidden[e.ID-1], f)
				}
			}
		})
	}
	b.verify()
}

func mac(t testing.TB, s string) net.HardwareAddr {
	t.Helper()
	m, err := net.ParseMAC(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
