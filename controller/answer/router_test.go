package answer

import (
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// unforwarded is a packet-in of a packet that a port sent to its router, which could not
// forward it.
func (b *bed) unforwarded(port, to string, l gopacket.SerializableLayer) *sentIn {
	b.t.Helper()
	p, dst := b.port(port), netip.MustParseAddr(to)
	family := topology.IPv4
	if dst.Is6() {
		family = topology.IPv6
	}
	src, _ := p.Address(family)
	e := envelope{srcMAC: p.MAC, dstMAC: topology.MAC{2, 9, 9, 9, 9, 9}, src: src, dst: dst}
	proto := layers.IPProtocolUDP
	if _, ok := l.(*layers.TCP); ok {
		proto = layers.IPProtocolTCP
	}
	frame, err := e.frame(proto, 1, l, l.(checksummed), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return &sentIn{b.packetIn(port, frame), p}
}

// TestRouterErrors: a router's error comes from the gateway of the port that sent the
// packet; what is for a gateway is answered as a host does on which nothing listens.
func TestRouterErrors(t *testing.T) {
	b := newBed(t, nil)
	const ipv4, ipv6 = "10.0.0.1", "fd00:1::1"
	for name, tt := range map[string]struct {
		port, to string
		answer   answerer
		tcp      bool
		from     string
		says     string
	}{
		"expired":                  {"web.1", "10.9.0.5", Expired, true, ipv4, "TimeExceeded(TTLExceeded)"},
		"no route":                 {"web.1", "192.0.2.9", NoRoute, false, ipv4, "DestinationUnreachable(Net)"},
		"no neighbour":             {"web.1", "10.0.0.99", NoNeighbour, false, ipv4, "DestinationUnreachable(Host)"},
		"IPv6 expired":             {"web.1", "fd00:9::5", Expired, true, ipv6, "TimeExceeded(HopLimitExceeded)"},
		"IPv6 no route":            {"web.1", "2001:db8::9", NoRoute, false, ipv6, "DestinationUnreachable(NoRouteToDst)"},
		"IPv6 no neighbour":        {"web.1", "fd00:1::99", NoNeighbour, false, ipv6, "DestinationUnreachable(AddressUnreachable)"},
		"UDP to the gateway":       {"web.1", ipv4, NoNeighbour, false, ipv4, "DestinationUnreachable(Port)"},
		"the last hop of a trace":  {"web.1", ipv4, Expired, false, ipv4, "DestinationUnreachable(Port)"},
		"TCP to the gateway":       {"web.1", ipv4, NoNeighbour, true, ipv4, "reset"},
		"TCP to the IPv6 gateway":  {"web.1", ipv6, NoNeighbour, true, ipv6, "reset"},
		"a block's gateway":        {"job", "10.2.0.33", NoNeighbour, true, "10.2.0.33", "reset"},
		"out of a block":           {"job", "192.0.2.9", NoRoute, true, "10.2.0.33", "DestinationUnreachable(Net)"},
		"to a link-local gateway":  {"web.1", "fe80::1", NoNeighbour, false, ipv6, "DestinationUnreachable(AddressUnreachable)"},
		"another network's subnet": {"web.1", "10.1.0.1", NoRoute, false, ipv4, "DestinationUnreachable(Net)"},
	} {
		t.Run(name, func(t *testing.T) {
			var l gopacket.SerializableLayer = &layers.UDP{SrcPort: 40000, DstPort: 33434}
			if tt.tcp {
				l = &layers.TCP{SrcPort: 40000, DstPort: 80, SYN: true}
			}
			in := b.unforwarded(tt.port, tt.to, l)
			r := tt.answer(b.view, b.at(tt.port), in.PacketIn)
			if r.Out == nil {
				t.Fatalf("no answer: %s", r.What)
			}
			p := gopacket.NewPacket(r.Out.Data, layers.LayerTypeEthernet, gopacket.Default)
			if got := p.NetworkLayer().NetworkFlow().Src().String(); got != tt.from {
				t.Errorf("it is from %s, want %s", got, tt.from)
			}
			if got := p.LinkLayer().LinkFlow().Dst().String(); got != in.port.MAC.String() {
				t.Errorf("it is for %s", got)
			}
			says := ""
			switch {
			case p.Layer(layers.LayerTypeICMPv4) != nil:
				says = p.Layer(layers.LayerTypeICMPv4).(*layers.ICMPv4).TypeCode.String()
			case p.Layer(layers.LayerTypeICMPv6) != nil:
				says = p.Layer(layers.LayerTypeICMPv6).(*layers.ICMPv6).TypeCode.String()
			case p.Layer(layers.LayerTypeTCP) != nil && p.Layer(layers.LayerTypeTCP).(*layers.TCP).RST:
				says = "reset"
			}
			if says != tt.says {
				t.Errorf("it says %s, want %s (%s)", says, tt.says, r.What)
			}
		})
	}
}

// TestNoRouterError: who is not where its MAC is declared, or has no gateway of the family, is
// not answered; nor are frames that are none.
func TestNoRouterError(t *testing.T) {
	b := newBed(t, nil)
	udp := &layers.UDP{SrcPort: 40000, DstPort: 33434}
	m := b.unforwarded("web.1", "192.0.2.9", udp)
	if r := NoRoute(b.view, b.at("lone"), m.PacketIn); r.Out != nil {
		t.Errorf("it came in elsewhere, and is answered: %s", r.What)
	}
	for n := range len(m.Data) {
		cut := *m.PacketIn
		cut.Data = m.Data[:n]
		if r := NoRoute(b.view, b.at("web.1"), &cut); r.Out != nil && n < 14+20 {
			t.Errorf("%d bytes are answered: %s", n, r.What)
		}
	}
}

// answerer answers packets of a cause.
type answerer func(*pipeline.View, packetin.Port, *openflow.PacketIn) packetin.Reply

// sentIn is a packet-in, and the port that sent the packet.
type sentIn struct {
	*openflow.PacketIn
	port *topology.Port
}

// fromOutsideFlag is set in register 0 of packets that came in by an uplink (docs/pipeline.md, "Fields").
const fromOutsideFlag = 0x20

// TestExpiredFromOutside: who sends from outside gets the error from the address that was sent to, by the way
// of what that port sends.
func TestExpiredFromOutside(t *testing.T) {
	b := newBed(t, nil)
	port, gateway := b.port("web.1"), topology.MAC{}
	in := func(to netip.Addr) *openflow.PacketIn {
		t.Helper()
		src, family := "203.0.113.9", topology.IPv4
		if to.Is6() {
			src, family = "2001:db8::9", topology.IPv6
		}
		gateway = b.view.LinkOf(port, "n1", family).MAC
		e := envelope{srcMAC: topology.MAC{2, 9, 9, 9, 9, 9}, dstMAC: port.MAC, src: netip.MustParseAddr(src), dst: to}
		udp := &layers.UDP{SrcPort: 40000, DstPort: 33434}
		frame, err := e.frame(layers.IPProtocolUDP, 1, udp, udp, nil)
		if err != nil {
			t.Fatal(err)
		}
		m := b.packetIn("web.1", frame)
		m.Match = m.Match.Reg(0, fromOutsideFlag)
		return m
	}
	uplink := packetin.Port{Node: "n1", No: 99}
	for _, family := range []topology.Family{topology.IPv4, topology.IPv6} {
		to, _ := port.Address(family)
		m := in(to)
		r := Expired(b.view, uplink, m)
		if r.Out == nil || r.Port != "web.1" {
			t.Fatalf("%s: no answer for web.1: %+v", to, r)
		}
		if want := pipeline.AnswerTo(m); string(r.Out.Actions) != string(want) {
			t.Errorf("%s: actions %v, want %v", to, r.Out.Actions, want)
		}
		p := gopacket.NewPacket(r.Out.Data, layers.LayerTypeEthernet, gopacket.Default)
		if got := p.NetworkLayer().NetworkFlow().Src().String(); got != to.String() {
			t.Errorf("%s: it is from %s", to, got)
		}
		if got := p.LinkLayer().LinkFlow().Dst().String(); got != gateway.String() {
			t.Errorf("%s: it is for %s, want the gateway %s", to, got, gateway)
		}
		four, _ := p.Layer(layers.LayerTypeICMPv4).(*layers.ICMPv4)
		six, _ := p.Layer(layers.LayerTypeICMPv6).(*layers.ICMPv6)
		if (four == nil || four.TypeCode.String() != "TimeExceeded(TTLExceeded)") && (six == nil || six.TypeCode.String() != "TimeExceeded(HopLimitExceeded)") {
			t.Errorf("%s: the answer is %v", to, p)
		}
	}
	if r := Expired(b.view, uplink, in(netip.MustParseAddr("10.0.0.99"))); r.Out != nil || r.What == "" {
		t.Errorf("what is for no port is answered: %+v", r)
	}
	m := in(netip.MustParseAddr("10.0.0.99"))
	for n := range len(m.Data) {
		cut := *m
		cut.Data = m.Data[:n]
		if r := Expired(b.view, uplink, &cut); r.Out != nil || r.What == "" {
			t.Errorf("%d bytes of a frame are answered", n)
		}
	}
	m.Match = openflow.Match(nil).Reg(0, fromOutsideFlag).Metadata(999)
	if r := Expired(b.view, uplink, m); r.Out != nil || r.What != "its network is gone" {
		t.Errorf("what is for no network: %+v", r)
	}
}
