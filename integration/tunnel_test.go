package integration

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/topology/model"
)

// vxlanPort is the UDP port of VXLAN (RFC 7348, section 5).
const vxlanPort = 4789

// TestTunnelSources: packets from the tunnel are accepted only from nodes that are members
// of the packet's network, and only IP.
func TestTunnelSources(t *testing.T) {
	t.Parallel()
	b := newBed(t, 3)
	b.join("node1", "node2", "node3")
	b.apply(nodes(3) + `
{kind: Network, name: blue, spec: {cidr: 10.7.0.0/24, vni: 100}}
---
{kind: Network, name: pods, spec: {mode: segmented, cidr: 10.9.0.0/16, containersPerNode: 250, maxNodes: 20, vni: 200}}
---
{kind: Network, name: green, spec: {cidr: 10.8.0.0/24, vni: 300}}
---
{kind: Port, name: blue1, spec: {network: blue, node: node1}}
---
{kind: Port, name: blue2, spec: {network: blue, node: node2}}
---
{kind: Port, name: pod1, spec: {network: pods, node: node1}}
---
{kind: Port, name: pod2, spec: {network: pods, node: node2}}
---
{kind: Port, name: green1, spec: {network: green, node: node1}}
---
{kind: Port, name: green3, spec: {network: green, node: node3}}
`)
	blue1, blue2 := b.plug("blue1", "node1"), b.plug("blue2", "node2")
	pod1, pod2 := b.plug("pod1", "node1"), b.plug("pod2", "node2")
	green1, green3 := b.plug("green1", "node1"), b.plug("green3", "node3")
	b.bound("blue1", "blue2", "pod1", "pod2", "green1", "green3")
	for _, n := range []string{"node1", "node2", "node3"} {
		b.noCondition(n, condition.TunnelSourceUnchecked)
	}
	b.matrix([]*lab.Container{blue1, blue2}, everyPair)
	b.matrix([]*lab.Container{pod1, pod2}, everyPair)
	b.matrix([]*lab.Container{green1, green3}, everyPair)

	unknown, node3 := b.Controller.SendUDP, b.node("node3").SendUDP
	b.run("an unknown machine", func(_ *testing.T, b *bed) {
		b.tunnelled(unknown, blue1, 100, false)
		b.tunnelled(unknown, pod1, 200, false)
		b.tunnelled(unknown, green1, 300, false)
		b.tunnelled(unknown, blue1, 4711, false)
	})
	b.run("a node without a part in the network", func(_ *testing.T, b *bed) {
		b.tunnelled(node3, blue1, 100, false)
		b.tunnelled(node3, pod1, 200, false)
		// The packet inside is not checked if its node is a member.
		b.tunnelled(node3, green1, 300, true)
	})
	b.run("a node comes to have one", func(t *testing.T, b *bed) {
		b.put("blue3", model.PortSpec{Network: "blue", Node: "node3"})
		blue3 := b.plug("blue3", "node3")
		b.bound("blue3")
		b.matrix([]*lab.Container{blue1, blue2, blue3}, everyPair)
		b.must(blue3.Remove(b.ctx))
		b.del(api.KindPort, "blue3")
		b.settle()
		b.tunnelled(node3, blue1, 100, false)
	})
	b.run("a node of which it is not known from where it sends", func(t *testing.T, b *bed) {
		local := func(address string) {
			t.Helper()
			_, err := b.node("node2").VSCtl(b.ctx, "set", "interface", "vxlan-sdn", "options:local_ip="+address)
			b.must(err)
		}
		// As an older sdnctl left it, which does not mark the interface, so that sdnd does
		// not write it.
		_, err := b.node("node2").VSCtl(b.ctx, "remove", "interface", "vxlan-sdn", "options", "local_ip", "--", "remove", "interface", "vxlan-sdn", "external_ids", "sdnctl-node")
		b.must(err)
		b.awaitCondition("node2", condition.TunnelSourceUnchecked)
		b.settle()
		b.matrix([]*lab.Container{blue1, blue2}, everyPair)
		b.tunnelled(unknown, blue1, 100, true)
		b.tunnelled(unknown, green1, 300, false)
		// Enforced.
		b.put("node2", model.NodeSpec{TunnelIP: b.node("node2").Addr, TunnelCheck: model.TunnelEnforce})
		b.noCondition("node2", condition.TunnelSourceUnchecked)
		b.settle()
		b.tunnelled(unknown, blue1, 100, false)
		b.matrix([]*lab.Container{blue1, blue2}, everyPair)
		local("172.16.56.77")
		b.awaitCondition("node2", condition.TunnelSourceWrong)
		local(b.node("node2").Addr.String())
		b.noCondition("node2", condition.TunnelSourceWrong)
		b.put("node2", model.NodeSpec{TunnelIP: b.node("node2").Addr})
		b.noCondition("node2", condition.TunnelSourceUnchecked)
		b.reach(blue1, blue2.IP.Addr().String())
	})
	b.run("what was seen is remembered", func(t *testing.T, b *bed) {
		if n := b.changes(func() {
			b.must(b.Controller.Stop(b.ctx, syscall.SIGTERM))
			b.must(b.Controller.Start(b.ctx))
			b.settle()
		}, "node1", "node2"); n["node1"]+n["node2"] != 0 {
			t.Errorf("a restart sent flow-mods: %v", n)
		}
	})
	b.verify()
}

// TestTunnelReaddressed: packets of a node with a new tunnel address are accepted from the
// old one until OVSDB shows that it sends from the new one. The interface is not marked as
// the node's, so that sdnd does not set the address itself.
func TestTunnelReaddressed(t *testing.T) {
	t.Parallel()
	b := newBed(t, 2)
	b.join("node1", "node2")
	b.apply(nodes(2) + `
{kind: Network, name: blue, spec: {cidr: 10.7.0.0/24, vni: 100}}
---
{kind: Port, name: blue1, spec: {network: blue, node: node1}}
---
{kind: Port, name: blue2, spec: {network: blue, node: node2}}
`)
	b.plug("blue1", "node1")
	b.plug("blue2", "node2")
	b.bound("blue1", "blue2")
	b.noCondition("node2", condition.TunnelSourceUnchecked)
	admits := func() (all []string) {
		got, err := b.api.Flows(b.ctx, "node1")
		b.must(err)
		for _, f := range got.Flows {
			if f.TableName == "source" && f.Priority > 0 {
				all = append(all, f.Match)
			}
		}
		slices.Sort(all)
		return all
	}
	both := admits()
	_, err := b.node("node2").VSCtl(b.ctx, "remove", "interface", "vxlan-sdn", "external_ids", "sdnctl-node")
	b.must(err)
	b.put("node2", model.NodeSpec{TunnelIP: netip.MustParseAddr("172.16.56.200")})
	b.awaitCondition("node2", condition.TunnelSourceUnchecked)
	b.settle()
	if got := admits(); !slices.Contains(got, "reg1=0x64") {
		t.Errorf("what node2 sends from its old address is not admitted: %v", got)
	}
	_, err = b.node("node2").VSCtl(b.ctx, "set", "interface", "vxlan-sdn", "options:local_ip=172.16.56.200")
	b.must(err)
	b.noCondition("node2", condition.TunnelSourceUnchecked)
	b.settle()
	want := []string{"reg1=0x64,tun_src=172.16.56.2", "reg1=0x64,tun_src=172.16.56.200"}
	if got := admits(); !slices.Equal(got, want) {
		t.Errorf("node1 admits %v, want %v; before it was %v", got, want, both)
	}
}

// tunnelled sends VXLAN packets to the container's node: an IP packet, and ARP packets that
// claim the gateway's address. Only the former may arrive, and only if admitted is true;
// those that do not must be counted.
func (b *bed) tunnelled(send func(netip.AddrPort, []byte) error, to *lab.Container, vni uint32, admitted bool) {
	b.t.Helper()
	b.tunnelledTo(netip.AddrPortFrom(b.node(to.Node).Addr, vxlanPort), send, to, vni, admitted)
}

// tunnelledTo does what tunnelled does, to an address of the container's node.
func (b *bed) tunnelledTo(node netip.AddrPort, send func(netip.AddrPort, []byte) error, to *lab.Container, vni uint32, admitted bool) {
	b.t.Helper()
	sniffer := b.sniff(to)
	forged, dst, ip := mac(b.t, "02:de:ad:be:ef:99"), mac(b.t, to.MAC), to.IP.Addr()
	want := 0
	if admitted {
		want = 1
	}
	before := b.tunnelDrops(to.Node)
	frames := [][]byte{
		lab.Echo{EtherSrc: forged, EtherDest: dst, From: ip.Next(), To: ip, TTL: 64, ID: 99}.Frame(),
		lab.ARP{Op: lab.ARPReply, SenderMAC: forged, SenderIP: ip.Next(), TargetMAC: dst, TargetIP: ip, EtherDest: dst}.Frame(),
		lab.ARP{Op: lab.ARPRequest, SenderMAC: forged, SenderIP: ip.Next(), TargetIP: ip, EtherDest: dst}.Frame(),
	}
	for _, frame := range frames {
		b.must(send(node, lab.VXLANPacket(vni, frame)))
	}
	arrived := func() []lab.Frame {
		return b.frames(sniffer, func(f lab.Frame) bool {
			e, isEcho := f.Echo()
			a, isARP := f.ARP()
			return !f.Sent && (isEcho && e.ID == 99 || isARP && a.SenderMAC.String() == forged.String())
		})
	}
	b.must(lab.PollFor(b.ctx, 10*time.Second, "each forged packet to arrive or be counted", func(context.Context) error {
		if n, got := b.tunnelDrops(to.Node)-before, len(arrived()); n+uint64(got) < uint64(len(frames)) {
			return fmt.Errorf("%d are counted, %d arrived", n, got)
		}
		return nil
	}))
	if got := arrived(); len(got) != want || want == 1 && got[0].EtherType() != 0x0800 {
		b.t.Errorf("to %s with VNI %d: arrived %v, want %d IP packets", to.Name, vni, got, want)
	}
}

// awaitCondition waits until a node has a condition.
func (b *bed) awaitCondition(node string, r condition.Reason) {
	b.t.Helper()
	b.must(lab.PollFor(b.ctx, 10*time.Second, fmt.Sprintf("%s to have %s", node, r), func(ctx context.Context) error {
		return b.hasCondition(ctx, node, r, "")
	}))
}

// noCondition waits until a node no longer has a condition.
func (b *bed) noCondition(node string, r condition.Reason) {
	b.t.Helper()
	b.must(lab.PollFor(b.ctx, 10*time.Second, fmt.Sprintf("%s not to have %s", node, r), func(ctx context.Context) error {
		n, err := b.api.Node(ctx, node)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(n.Status.Conditions, func(c api.Condition) bool { return c.Reason == string(r) }) {
			return fmt.Errorf("conditions: %+v", n.Status.Conditions)
		}
		return nil
	}))
}

// tunnelDrops returns how many packets from the tunnel a node has dropped.
func (b *bed) tunnelDrops(node string) (n uint64) {
	b.t.Helper()
	got, err := b.api.Flows(b.ctx, node)
	b.must(err)
	for _, f := range got.Flows {
		if f.Actions == "drop" && (f.TableName == "source" || f.TableName == "classify" && strings.HasPrefix(f.Match, "in_port=")) {
			n += f.Packets
		}
	}
	return n
}
