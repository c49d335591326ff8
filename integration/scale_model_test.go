package integration

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/integration/lab"
)

// TestScaleModel is the scale model of the examples: a block of addresses and a
// layer-2 domain per node, and routing between the nodes.
func TestScaleModel(t *testing.T) {
	b := newBed(t, 2)
	b.join("node1", "node2")
	b.apply(exampleFile(t, "scale-model"))
	all := map[string]*lab.Container{}
	var list []*lab.Container
	for name, node := range map[string]string{
		"netsho1": "node1", "netsho2": "node1", "netsho3": "node1", "nginx1": "node1",
		"netsho4": "node2", "nginx2": "node2",
	} {
		all[name] = b.plug(name, node)
		list = append(list, all[name])
	}
	b.bound("netsho1", "netsho2", "netsho3", "nginx1", "netsho4", "nginx2")
	b.matrix(list, everyPair)
	b.run("a seventh of OVN's flows, with twice the ports, as README.md says", func(t *testing.T, b *bed) {
		const most = 53
		for _, node := range []string{"node1", "node2"} {
			n := b.flowCount(node)
			t.Logf("%s: %d flows; OVN's node1 had 412 with two ports", node, n)
			if n > most {
				t.Errorf("%s has %d flows, want at most %d", node, n, most)
			}
		}
		readme, err := os.ReadFile("../README.md")
		b.must(err)
		if claim := fmt.Sprintf("the scale model takes %d for four", most); !strings.Contains(strings.Join(strings.Fields(string(readme)), " "), claim) {
			t.Errorf("README.md does not say %q", claim)
		}
	})
	b.apply(bothFamilies(t, exampleFile(t, "scale-model")))
	b.widened(list...)
	b.matrix(list, everyPair)
	one, far := all["netsho1"], all["netsho4"]

	b.run("addresses are the declared ones", func(t *testing.T, b *bed) {
		if one.IP != netip.MustParsePrefix("10.244.1.3/24") || one.Gateway != netip.MustParseAddr("10.244.1.1") {
			t.Errorf("netsho1 has %s and gateway %s", one.IP, one.Gateway)
		}
		if mac, err := one.NextHopMAC(b.ctx, far.IP.Addr()); err != nil || mac != "00:00:00:01:01:01" {
			t.Errorf("node1's gateway has MAC %q (%v)", mac, err)
		}
		if mac, err := far.NextHopMAC(b.ctx, one.IP.Addr()); err != nil || mac != "00:00:00:02:01:01" {
			t.Errorf("node2's gateway has MAC %q (%v)", mac, err)
		}
	})
	b.run("gateways answer", func(t *testing.T, b *bed) {
		for _, ask := range []struct {
			from *lab.Container
			gw   string
		}{{one, "10.244.1.1"}, {far, "10.244.2.1"}, {one, one.Gateway6.String()}, {far, far.Gateway6.String()}, {one, far.Gateway6.String()}} {
			if ttl := b.reach(ask.from, ask.gw); ttl != 64 {
				t.Errorf("%s answers with TTL %d, want 64", ask.gw, ttl)
			}
		}
	})
	b.run("one hop is one less to live", func(t *testing.T, b *bed) {
		if ttl := b.reach(one, "10.244.1.4"); ttl != 64 {
			t.Errorf("within the node the answer's TTL is %d, want 64", ttl)
		}
		sniffer := b.sniff(far)
		for _, a := range far.Addresses() {
			if ttl := b.reach(one, a.String()); ttl != 63 {
				t.Errorf("across nodes the answer's TTL from %s is %d, want 63", a, ttl)
			}
		}
		requests := b.frames(sniffer, func(f lab.Frame) bool {
			_, ok := f.Echo()
			return ok && !f.Sent
		})
		if len(requests) == 0 {
			t.Fatal("the request was not seen where it arrived")
		}
		for _, f := range requests {
			if e, _ := f.Echo(); e.TTL != 63 || e.EtherSrc.String() != "00:00:00:02:01:01" {
				t.Errorf("arrived as %v, want ttl 63 from node2's gateway", f)
			}
		}
	})
	b.run("full-size packets and TCP", func(t *testing.T, b *bed) {
		// 1422 bytes, 8 of ICMP and 20 of IP are the MTU of 1450; IPv6 has 40.
		for size, a := range map[string]netip.Addr{"-s1422": far.IP.Addr(), "-s1402": far.IP6.Addr()} {
			if out, err := one.Exec(b.ctx, "ping", "-c2", "-i0.2", "-W2", "-Mdo", size, a.String()); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		}
		b.tcp(one, far)
		b.tcp(one, all["nginx1"])
	})
	b.run("a packet at the end of its life is not routed", func(t *testing.T, b *bed) {
		sniffer := b.sniff(far)
		gateway, _ := net.ParseMAC("00:00:00:01:01:01")
		mine, _ := net.ParseMAC(one.MAC)
		for id, ttl := range map[uint16]uint8{1: 1, 2: 2} {
			b.must(one.Send(lab.Echo{EtherSrc: mine, EtherDest: gateway, From: one.IP.Addr(), To: far.IP.Addr(), TTL: ttl, ID: id}.Frame()))
		}
		b.reach(one, far.IP.Addr().String()) // passes after the two
		arrived := map[uint16]bool{}
		for _, f := range b.frames(sniffer, func(f lab.Frame) bool { return !f.Sent }) {
			if e, ok := f.Echo(); ok {
				arrived[e.ID] = true
			}
		}
		if arrived[1] || !arrived[2] {
			t.Errorf("with TTL 1 at the router it arrived: %t, with TTL 2: %t", arrived[1], arrived[2])
		}
	})
	b.run("ARP for a foreign subnet stays on the node", func(t *testing.T, b *bed) {
		underlay := b.sniffUnderlay("node1")
		sniffers := []*lab.Sniffer{b.sniff(far), b.sniff(all["nginx2"]), b.sniff(all["netsho2"])}
		mine, _ := net.ParseMAC(one.MAC)
		for range 5 {
			b.must(one.Send(lab.ARP{Op: lab.ARPRequest, SenderMAC: mine, SenderIP: one.IP.Addr(), TargetIP: far.IP.Addr()}.Frame()))
			b.must(one.Send(lab.ARP{Op: lab.ARPRequest, SenderMAC: mine, SenderIP: one.IP.Addr(), TargetIP: netip.MustParseAddr("10.99.0.1")}.Frame()))
		}
		b.reach(one, far.IP.Addr().String()) // passes after them
		sent := b.frames(underlay, func(f lab.Frame) bool {
			_, _, ok := f.VXLAN()
			return ok && !f.Sent
		})
		if len(sent) == 0 {
			t.Error("the ping was not seen on the underlay")
		}
		for _, f := range sent {
			if _, inner, _ := f.VXLAN(); inner.EtherType() != 0x0800 && inner.EtherType() != pipeline.TunnelProbeType {
				t.Errorf("left the node: %v", f)
			}
		}
		for _, s := range sniffers {
			if got := b.frames(s, receivedARPRequest); len(got) > 0 {
				t.Errorf("another container received %v", got)
			}
		}
	})
	b.run("a new port on node2 sends nothing to node1", func(t *testing.T, b *bed) {
		sent := b.changes(func() {
			b.sdnctl("port", "create", "late", "--network", "containers", "--node", "node2", "--wait")
			all["late"] = b.plug("late", "node2")
			b.bound("late")
		}, "node1", "node2")
		if sent["node1"] != 0 || sent["node2"] == 0 {
			t.Errorf("changes sent: %v, want none to node1 and some to node2", sent)
		}
		b.matrix(append(list, all["late"]), everyPair)
	})
	b.verify()
}
