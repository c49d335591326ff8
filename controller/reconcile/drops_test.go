package reconcile_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/reconcile"
	"github.com/sdnctl/sdnctl/controller/worker"
	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/topology"
)

// TestWrongSource: a port that sends from another MAC or address, or with a VLAN
// tag, says so, with both and with how many packets were dropped; until it has
// not for a while. Finding that out is no change of flows, neither ours nor
// others'. What every kernel sends is nothing wrong.
func TestWrongSource(t *testing.T) {
	var passed atomic.Int64
	b := newBedWith(t, 1, reconcile.Config{
		DropsEvery: 50 * time.Millisecond, ReviewEvery: 50 * time.Millisecond,
		Now: func() time.Time { return time.Now().Add(time.Duration(passed.Load())) },
	})
	n := b.Nodes[0]
	ports := []string{"mac", "arp", "ip", "tagged", "fine"}
	ops := []topology.Op{b.nodeOp(n), networkOp()}
	for _, p := range ports {
		b.plug(n, p)
		ops = append(ops, portOp(p, "node1"))
	}
	b.apply(ops...)
	b.join(n)
	b.settled()
	adds, deletes := b.sent("node1")

	wrong := net.HardwareAddr{0x92, 0x5f, 0, 0, 0, 1}
	elsewhere, gateway := netip.MustParseAddr("10.0.9.9"), net.HardwareAddr{2, 0, 0, 0, 0, 2}
	own := func(port string) (net.HardwareAddr, netip.Addr) {
		p, _ := b.store.Snapshot().Port(port)
		return p.MAC[:], p.Addresses[0]
	}
	send := func(port string, frame []byte) {
		t.Helper()
		if _, err := n.OFCtl(b.Context(), "packet-out", "br-int", fmt.Sprintf("in_port=%s,packet=%x,actions=table", port, frame)); err != nil {
			t.Fatal(err)
		}
	}
	tag := func(frame []byte, id uint16) []byte {
		return slices.Concat(frame[:12], []byte{0x81, 0}, binary.BigEndian.AppendUint16(nil, id), frame[12:])
	}
	sendAll := func() {
		_, ip := own("mac")
		send("mac", lab.Echo{EtherSrc: wrong, EtherDest: gateway, From: ip, To: elsewhere, TTL: 64}.Frame())
		mac, _ := own("arp")
		send("arp", lab.ARP{Op: lab.ARPRequest, SenderMAC: mac, SenderIP: elsewhere, TargetIP: ip}.Frame())
		mac, _ = own("ip")
		send("ip", lab.Echo{EtherSrc: mac, EtherDest: gateway, From: elsewhere, To: ip, TTL: 64}.Frame())
		mac, ip = own("tagged")
		send("tagged", tag(lab.Echo{EtherSrc: mac, EtherDest: gateway, From: ip, To: elsewhere, TTL: 64}.Frame(), 5))
		// What is nobody's fault: IPv6, DHCP, LLDP, a probe, a priority tag.
		mac, ip = own("fine")
		solicit := slices.Concat(gateway, mac, []byte{0x86, 0xdd, 0x60}, make([]byte, 39))
		send("fine", solicit)
		send("fine", lab.Echo{EtherSrc: mac, EtherDest: gateway, From: netip.IPv4Unspecified(), To: elsewhere, TTL: 64}.Frame())
		send("fine", slices.Concat([]byte{1, 0x80, 0xc2, 0, 0, 0xe}, mac, []byte{0x88, 0xcc}, make([]byte, 46)))
		send("fine", lab.ARP{Op: lab.ARPRequest, SenderMAC: mac, SenderIP: netip.IPv4Unspecified(), TargetIP: ip}.Frame())
		send("fine", tag(lab.Echo{EtherSrc: mac, EtherDest: gateway, From: ip, To: elsewhere, TTL: 64}.Frame(), 0))
	}
	mac := func(port string) string { m, _ := own(port); return m.String() }
	ip := func(port string) string { _, a := own(port); return a.String() }
	want := map[string]condition.Dropped{
		"mac":    {MAC: wrong.String(), WantMAC: mac("mac")},
		"arp":    {IP: elsewhere.String(), WantIP: ip("arp")},
		"ip":     {IP: elsewhere.String(), WantIP: ip("ip")},
		"tagged": {Tagged: true},
	}
	reasons := map[string]condition.Reason{
		"mac": condition.SourceMACMismatch, "arp": condition.SourceAddressMismatch,
		"ip": condition.SourceAddressMismatch, "tagged": condition.SourceTagged,
	}
	// Until each has been sampled: four at a time, each again after a while.
	b.await("the ports to say what they send", func(context.Context) error {
		sendAll()
		passed.Add(int64(5 * time.Second))
		if a := b.fabric.Audit(b.Context(), "node1"); a.Verdict == worker.Differs {
			t.Errorf("samples are taken for a difference: %+v", a)
		}
		for port, w := range want {
			s := b.fabric.PortStatus(port)
			if got := sources(s.Conditions); s.Dropped == nil || len(got) != 1 || got[0] != reasons[port] {
				return fmt.Errorf("%s: %+v, %+v", port, s.Dropped, s.Conditions)
			}
			got := *s.Dropped
			if got.Packets == 0 {
				t.Errorf("%s: dropped, but not counted", port)
			}
			if got.Packets, got.Last = 0, w.Last; got != w {
				t.Errorf("%s: %+v, want %+v", port, got, w)
			}
		}
		return nil
	})
	b.await("the counters to say the same", func(context.Context) error {
		var packets uint64
		for port := range want {
			packets += b.fabric.PortStatus(port).Dropped.Packets
		}
		source := b.counter("sdnd_dropped_packets_total", map[string]string{"node": "node1", "reason": "source"})
		ipv6 := b.counter("sdnd_dropped_packets_total", map[string]string{"node": "node1", "reason": "ipv6"})
		if source < float64(packets) || ipv6 == 0 {
			return fmt.Errorf("source %v, ipv6 %v; the ports have %d", source, ipv6, packets)
		}
		return nil
	})
	if s := b.fabric.Summary(0); s.Dropping != len(want) || s.DroppedPackets == 0 {
		t.Errorf("all in all %d ports and %d packets, want %d ports", s.Dropping, s.DroppedPackets, len(want))
	}
	if s := b.fabric.PortStatus("fine"); len(sources(s.Conditions)) > 0 {
		t.Errorf("what every kernel sends is a condition: %+v", s.Conditions)
	}
	b.wantSent("node1", adds, deletes)
	// Also where the switch has another connection by then.
	var ended sync.Map
	defer b.fabric.Subscribe(func(o topology.Ref) { ended.Store(o.Name, true) })()
	if _, err := n.VSCtl(b.Context(), "del-controller", "br-int"); err != nil {
		t.Fatal(err)
	}
	b.await("the connection to end", func(context.Context) error {
		if s, _ := b.fabric.NodeStatus("node1"); s.Connected {
			return errors.New("it is there")
		}
		return nil
	})
	b.join(n)
	b.settled()
	adds, deletes = b.sent("node1")
	b.await("they to say so no longer", func(context.Context) error {
		passed.Add(int64(10 * time.Second))
		for port := range want {
			s := b.fabric.PortStatus(port)
			if _, notified := ended.Load(port); !notified || len(sources(s.Conditions)) > 0 {
				return fmt.Errorf("%s: %+v, subscribers were notified: %t", port, s.Conditions, notified)
			}
			if s.Dropped == nil || s.Dropped.Packets == 0 || s.Dropped.Last.IsZero() {
				t.Fatalf("%s: what was dropped is forgotten: %+v", port, s.Dropped)
			}
		}
		return nil
	})
	if s := b.fabric.Summary(0); s.Dropping != 0 {
		t.Errorf("%d ports drop a minute later", s.Dropping)
	}
	b.await("the samples to be gone", func(ctx context.Context) error {
		out, err := n.OFCtl(ctx, "dump-flows", "br-int", fmt.Sprintf("table=%d", pipeline.TableSample))
		if err == nil && strings.Contains(out, "cookie=") {
			err = errors.New(out)
		}
		return err
	})
	b.settled()
	b.wantSent("node1", adds, deletes)
	if ds := b.fabric.Drifts("node1"); len(ds) > 0 {
		t.Errorf("finding out is taken for drift: %+v", ds)
	}
	if a := b.fabric.Audit(b.Context(), "node1"); a.Verdict != worker.Equal {
		t.Errorf("audit: %+v", a)
	}
}

// TestDropsWhileSampled: packets that a port sends while it is sampled are in its counter and in
// the metric, also if it sends nothing afterwards.
func TestDropsWhileSampled(t *testing.T) {
	b := newBedWith(t, 1, reconcile.Config{DropsEvery: 50 * time.Millisecond})
	n := b.Nodes[0]
	b.plug(n, "p")
	b.apply(b.nodeOp(n), networkOp(), portOp("p", "node1"))
	b.join(n)
	b.settled()
	p, _ := b.store.Snapshot().Port("p")
	frame := lab.Echo{
		EtherSrc: net.HardwareAddr{0x92, 0x5f, 0, 0, 0, 1}, EtherDest: net.HardwareAddr{2, 0, 0, 0, 0, 2},
		From: p.Addresses[0], To: netip.MustParseAddr("10.0.9.9"), TTL: 64,
	}.Frame()
	var sent uint64
	send := func(ctx context.Context) error {
		sent++
		_, err := n.OFCtl(ctx, "packet-out", "br-int", fmt.Sprintf("in_port=p,packet=%x,actions=table", frame))
		return err
	}
	b.await("the port to be sampled", func(ctx context.Context) error {
		out, err := n.OFCtl(ctx, "dump-flows", "br-int", fmt.Sprintf("table=%d,cookie=%#x/%#x", pipeline.TableClassify, uint64(pipeline.SampleCookie(0)), uint64(pipeline.SampleMask)))
		if err == nil && !strings.Contains(out, "cookie=") {
			err = errors.Join(errors.New("no sample is there"), send(ctx))
		}
		return err
	})
	// The first reading of the counters says what they start from, and the metric leaves that out.
	before, sampled := sent, uint64(10)
	for range sampled {
		if err := send(b.Context()); err != nil {
			t.Fatal(err)
		}
	}
	b.await("all packets to be counted", func(context.Context) error {
		s := b.fabric.PortStatus("p")
		metric := b.counter("sdnd_dropped_packets_total", map[string]string{"node": "node1", "reason": "source"})
		if s.Dropped == nil || s.Dropped.Packets != sent || metric <= float64(sampled) || metric < float64(sent-before+1) || metric > float64(sent) {
			return fmt.Errorf("%d sent, %d of them before the sample, status %+v, metric %v", sent, before, s.Dropped, metric)
		}
		return nil
	})
}

// sources returns those of the reasons that are about what a port sends.
func sources(all []condition.Condition) (out []condition.Reason) {
	for _, c := range all {
		if strings.HasPrefix(string(c.Reason), "Source") {
			out = append(out, c.Reason)
		}
	}
	return out
}
