package answer

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// tooBigBed has the port web.1, which leaves by a bridge with the address 2001:db8::65 of its node.
func tooBigBed(t testing.TB) *bed {
	b := newBed(t, nil)
	op := func(v topology.Verb, kind topology.Kind, name string, s topology.Spec) topology.Op {
		return topology.Op{Verb: v, Ref: topology.Ref{Kind: kind, Name: name}, Spec: s}
	}
	r, err := topology.Plan(b.view.Topo, []topology.Op{
		op(topology.Create, topology.KindUplink, "ext", model.UplinkSpec{Type: model.UplinkBridge, Bridge: "br-ex", Subnet6: netip.MustParsePrefix("2001:db8::/64"), Gateway6: netip.MustParseAddr("fe80::1"),
			Addresses: []netip.Prefix{netip.MustParsePrefix("2001:db8::40/122")}}),
		op(topology.Put, topology.KindNode, "n1", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.1"), UplinkAddresses: []netip.Addr{netip.MustParseAddr("2001:db8::65")}}),
		op(topology.Put, topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"blue"}, Egress: &model.RouterEgress{Uplink: "ext"}}),
	}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	b.view = b.view.Next(pipeline.Update{Topo: r.Next, Changes: r.Changes})
	return b
}

// tooBig is a message about a packet of a protocol that was too big for an MTU, as Open vSwitch passes it on: with damage,
// if it translates the address from.
func (b *bed) tooBig(mtu uint32, proto layers.IPProtocol, from netip.Addr) *openflow.PacketIn {
	b.t.Helper()
	to, _ := b.port("web.1").Address(topology.IPv6)
	quoted := gopacket.NewSerializeBuffer()
	inner := &layers.IPv6{Version: 6, NextHeader: proto, HopLimit: 60, SrcIP: to.AsSlice(), DstIP: netip.MustParseAddr("2001:db8:9::9").AsSlice()}
	if err := gopacket.SerializeLayers(quoted, gopacket.SerializeOptions{FixLengths: true}, inner, gopacket.Payload(make([]byte, 40))); err != nil {
		b.t.Fatal(err)
	}
	message := binary.BigEndian.AppendUint32([]byte{tooBigType, 0, 0, 0}, mtu)
	if from.IsValid() {
		binary.BigEndian.PutUint16(message[6:], afterMove(uint16(mtu), from, to))
	}
	e := envelope{srcMAC: topology.MAC{2, 9}, dstMAC: topology.MAC{2, 8}, src: netip.MustParseAddr("2001:db8:9::1"), dst: to}
	frame, err := e.icmpv6(append(message, quoted.Bytes()...))
	if err != nil {
		b.t.Fatal(err)
	}
	m := b.packetIn("web.1", frame)
	m.Match = m.Match.Reg(1, 0x1000000)
	return m
}

// TestTooBig: P-ICM-01: a message that Open vSwitch has damaged is sent once more with the MTU that it had, and all others
// are left alone. The value is that of a test with Open vSwitch 3.1 (TestBridgeUplinkIPv6): 1280 became another MTU.
func TestTooBig(t *testing.T) {
	b := tooBigBed(t)
	node, udp, none := netip.MustParseAddr("2001:db8::65"), layers.IPProtocolUDP, netip.Addr{}
	uplink := packetin.Port{Node: "n1", No: 99}
	for _, mtu := range []uint32{1280, 1300, 1337, 1350} {
		m := b.tooBig(mtu, udp, node)
		r := TooBig(b.view, uplink, m)
		if r.Out == nil || r.Port != "web.1" {
			t.Fatalf("MTU %d: not sent again: %+v", mtu, r)
		}
		if want := pipeline.ReturnedAgain(m); string(r.Out.Actions) != string(want) {
			t.Errorf("actions %v, want %v", r.Out.Actions, want)
		}
		p := gopacket.NewPacket(r.Out.Data, layers.LayerTypeEthernet, gopacket.Default)
		icmp := p.Layer(layers.LayerTypeICMPv6).(*layers.ICMPv6)
		if got := binary.BigEndian.Uint32(icmp.Payload); got != mtu || icmp.Checksum != checksumOf(p) {
			t.Errorf("MTU %d with checksum %#x, want %d and %#x", got, icmp.Checksum, mtu, checksumOf(p))
		}
		if rest := slices.Clone(m.Data); string(rest[:icmpv6Sum]) != string(r.Out.Data[:icmpv6Sum]) || string(rest[quotedAt:]) != string(r.Out.Data[quotedAt:]) {
			t.Error("more than the MTU and the checksum is another")
		}
	}
	for _, c := range []struct {
		name string
		m    *openflow.PacketIn
		what string
	}{
		{"not damaged", b.tooBig(1300, udp, none), "MTU 1300"},
		{"about TCP", b.tooBig(20000, layers.IPProtocolTCP, none), "MTU 20000"},
		{"no address explains it", b.tooBig(1300, udp, netip.MustParseAddr("2001:db8:7777::1")), "cannot be"},
		{"larger than any MTU of this width", b.tooBig(1<<20, udp, none), "MTU 1048576"},
	} {
		if r := TooBig(b.view, uplink, c.m); r.Out != nil || !strings.Contains(r.What, c.what) {
			t.Errorf("%s: %+v", c.name, r)
		}
	}
	m := b.tooBig(1280, udp, node)
	for n := range quotedAt + 40 {
		cut := *m
		cut.Data = m.Data[:n]
		if r := TooBig(b.view, uplink, &cut); r.Out != nil || r.What == "" {
			t.Errorf("%d bytes of a frame are sent again", n)
		}
	}
	gone := *m
	gone.Match = openflow.Match(nil).Metadata(999)
	if r := TooBig(b.view, uplink, &gone); r.Out != nil || !strings.Contains(r.What, "network is gone") {
		t.Errorf("of no network: %+v", r)
	}
}

// FuzzTooBig: whatever comes, what is sent again has the MTU of a link and is not longer.
func FuzzTooBig(f *testing.F) {
	b := tooBigBed(f)
	f.Add(b.tooBig(1280, layers.IPProtocolUDP, netip.MustParseAddr("2001:db8::65")).Data)
	f.Fuzz(func(t *testing.T, frame []byte) {
		r := TooBig(b.view, packetin.Port{Node: "n1", No: 99}, (&bed{t, b.view}).packetIn("web.1", slices.Clone(frame)))
		if r.Out == nil {
			return
		}
		if mtu := binary.BigEndian.Uint32(r.Out.Data[icmpv6MTU:]); len(r.Out.Data) != len(frame) || mtu < minMTU || mtu > 1400 {
			t.Errorf("sent again with MTU %d and %d of %d bytes", mtu, len(r.Out.Data), len(frame))
		}
	})
}
