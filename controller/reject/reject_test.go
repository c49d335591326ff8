package reject_test

import (
	"bytes"
	"net"
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/sdnctl/sdnctl/controller/reject"
)

var (
	clientMAC, serverMAC = net.HardwareAddr{2, 0, 0, 0, 0, 1}, net.HardwareAddr{2, 0, 0, 0, 0, 2}
	client4, server4     = net.IP{10, 0, 0, 1}, net.IP{10, 0, 0, 2}
	client6, server6     = net.ParseIP("fd00::1"), net.ParseIP("fd00::2")
)

func ipv4(protocol layers.IPProtocol) *layers.IPv4 {
	return &layers.IPv4{Version: 4, TTL: 63, Protocol: protocol, SrcIP: client4, DstIP: server4}
}

func ipv6(next layers.IPProtocol) *layers.IPv6 {
	return &layers.IPv6{Version: 6, HopLimit: 63, NextHeader: next, SrcIP: client6, DstIP: server6}
}

// frame is one with these layers, as a client sends it.
func frame(t testing.TB, all ...gopacket.SerializableLayer) []byte {
	t.Helper()
	eth := &layers.Ethernet{SrcMAC: clientMAC, DstMAC: serverMAC, EthernetType: layers.EthernetTypeIPv4}
	var network gopacket.NetworkLayer
	switch ip := all[0].(type) {
	case *layers.IPv4:
		network = ip
	case *layers.IPv6:
		eth.EthernetType, network = layers.EthernetTypeIPv6, ip
	}
	for _, l := range all {
		if s, ok := l.(interface {
			SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
		}); ok {
			if err := s.SetNetworkLayerForChecksum(network); err != nil {
				t.Fatal(err)
			}
		}
	}
	b := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, append([]gopacket.SerializableLayer{eth}, all...)...); err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(b.Bytes())
}

// TestAnswerTooLarge: who sends packets that are too large learns the MTU, unless they may be
// fragmented.
func TestAnswerTooLarge(t *testing.T) {
	large := &layers.UDP{SrcPort: 4000, DstPort: 53}
	whole := ipv4(layers.IPProtocolUDP)
	whole.Flags = layers.IPv4DontFragment
	b, ok := reject.AnswerTooLarge(frame(t, whole, large, gopacket.Payload(make([]byte, 100))), 1450, netip.Addr{})
	p := gopacket.NewPacket(b, layers.LayerTypeEthernet, gopacket.Default)
	if icmp, is := p.Layer(layers.LayerTypeICMPv4).(*layers.ICMPv4); !ok || !is || icmp.TypeCode != layers.CreateICMPv4TypeCode(3, 4) || icmp.Seq != 1450 || icmp.Id != 0 {
		t.Errorf("IPv4: %v, %v", ok, p)
	}
	b, ok = reject.AnswerTooLarge(frame(t, ipv6(layers.IPProtocolUDP), large, gopacket.Payload(make([]byte, 100))), 1450, netip.Addr{})
	p = gopacket.NewPacket(b, layers.LayerTypeEthernet, gopacket.Default)
	if icmp, is := p.Layer(layers.LayerTypeICMPv6).(*layers.ICMPv6); !ok || !is || icmp.TypeCode != layers.CreateICMPv6TypeCode(2, 0) || !bytes.HasPrefix(icmp.Payload, []byte{0, 0, 5, 0xaa, 0x60}) {
		t.Errorf("IPv6: %v, %v", ok, p)
	}
	if b, ok := reject.AnswerTooLarge(frame(t, ipv4(layers.IPProtocolUDP), large), 1450, netip.Addr{}); ok {
		t.Errorf("what may be fragmented is answered: %x", b)
	}
	// The answer is small enough for any link, however much of the packet is known.
	const header = 14
	for most, f := range map[int][]byte{
		576:  frame(t, whole, large, gopacket.Payload(make([]byte, 1400))),
		1280: frame(t, ipv6(layers.IPProtocolUDP), large, gopacket.Payload(make([]byte, 1400))),
	} {
		if b, ok := reject.AnswerTooLarge(f, 1300, netip.Addr{}); !ok || len(b) != header+most {
			t.Errorf("%v, the answer has %d bytes, want %d", ok, len(b)-header, most)
		}
	}
}

// TestAnswer: what the answers to all kinds of packets are, from whom and to whom.
func TestAnswer(t *testing.T) {
	syn := func() *layers.TCP { return &layers.TCP{SrcPort: 40000, DstPort: 80, Seq: 1000, SYN: true} }
	data := func() *layers.TCP {
		return &layers.TCP{SrcPort: 40000, DstPort: 80, Seq: 1000, Ack: 7000, ACK: true, PSH: true}
	}
	fast := func() *layers.TCP { return &layers.TCP{SrcPort: 40000, DstPort: 80, Seq: 1000, SYN: true, FIN: true} }
	long := gopacket.Payload(make([]byte, 1000))
	for _, tt := range []struct {
		name  string
		frame []byte
		// reset is the sequence number, the acknowledged one and whether it counts; else the
		// answer is an ICMP error.
		reset *layers.TCP
	}{
		{"a first segment", frame(t, ipv4(layers.IPProtocolTCP), syn()), &layers.TCP{Ack: 1001, ACK: true}},
		{"a first segment by IPv6", frame(t, ipv6(layers.IPProtocolTCP), syn()), &layers.TCP{Ack: 1001, ACK: true}},
		{"a first segment with data and end", frame(t, ipv4(layers.IPProtocolTCP), fast(), long), &layers.TCP{Ack: 2002, ACK: true}},
		{"data", frame(t, ipv4(layers.IPProtocolTCP), data(), long), &layers.TCP{Seq: 7000}},
		{"data by IPv6", frame(t, ipv6(layers.IPProtocolTCP), data(), long), &layers.TCP{Seq: 7000}},
		{"a datagram", frame(t, ipv4(layers.IPProtocolUDP), &layers.UDP{SrcPort: 40000, DstPort: 53}, long), nil},
		{"a datagram by IPv6", frame(t, ipv6(layers.IPProtocolUDP), &layers.UDP{SrcPort: 40000, DstPort: 53}, long), nil},
		{"a ping", frame(t, ipv4(layers.IPProtocolICMPv4), &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(8, 0)}), nil},
		{"a ping by IPv6", frame(t, ipv6(layers.IPProtocolICMPv6), &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(128, 0)}, gopacket.Payload{0, 1, 0, 1}), nil},
		{"SCTP", frame(t, ipv4(layers.IPProtocolSCTP), gopacket.Payload(make([]byte, 40))), nil},
		{"a protocol that is not known", frame(t, ipv6(254), gopacket.Payload(make([]byte, 40))), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cut := tt.frame[:min(len(tt.frame), 256)]
			sent := bytes.Clone(cut)
			got, ok := reject.Answer(cut, reject.Prohibited, netip.Addr{})
			if !ok || !bytes.Equal(sent, cut) {
				t.Fatalf("answered %t; the frame is as it was: %t", ok, bytes.Equal(sent, cut))
			}
			p := gopacket.NewPacket(got, layers.LayerTypeEthernet, gopacket.Default)
			if e := p.ErrorLayer(); e != nil {
				t.Fatal(e.Error())
			}
			eth, flow := p.LinkLayer().(*layers.Ethernet), p.NetworkLayer().NetworkFlow()
			asked := gopacket.NewPacket(tt.frame, layers.LayerTypeEthernet, gopacket.Default).NetworkLayer()
			if eth.SrcMAC.String() != serverMAC.String() || eth.DstMAC.String() != clientMAC.String() || flow != asked.NetworkFlow().Reverse() {
				t.Errorf("from %v to %v, %v", eth.SrcMAC, eth.DstMAC, flow)
			}
			for _, l := range p.Layers() {
				if s, ok := l.(interface {
					SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
				}); ok {
					if err := s.SetNetworkLayerForChecksum(p.NetworkLayer()); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err, bad := p.VerifyChecksums(); err != nil || len(bad) > 0 {
				t.Errorf("checksums: %v %v", err, bad)
			}
			if want := tt.reset; want != nil {
				tcp := p.Layer(layers.LayerTypeTCP).(*layers.TCP)
				if !tcp.RST || tcp.SYN || tcp.Seq != want.Seq || tcp.Ack != want.Ack || tcp.ACK != want.ACK || tcp.SrcPort != 80 || tcp.DstPort != 40000 {
					t.Errorf("got %+v", tcp)
				}
				return
			}
			quotes(t, p, tt.frame)
		})
	}
}

// quotes checks an ICMP error: it says "prohibited", and quotes the packet.
func quotes(t *testing.T, p gopacket.Packet, sent []byte) {
	t.Helper()
	var quote []byte
	switch icmp := p.TransportLayer(); {
	case p.Layer(layers.LayerTypeICMPv4) != nil:
		l := p.Layer(layers.LayerTypeICMPv4).(*layers.ICMPv4)
		if l.TypeCode != layers.CreateICMPv4TypeCode(3, 13) {
			t.Errorf("it says %v", l.TypeCode)
		}
		quote = l.Payload
	case p.Layer(layers.LayerTypeICMPv6) != nil:
		l := p.Layer(layers.LayerTypeICMPv6).(*layers.ICMPv6)
		if l.TypeCode != layers.CreateICMPv6TypeCode(1, 1) {
			t.Errorf("it says %v", l.TypeCode)
		}
		quote = l.Payload[4:]
	default:
		t.Fatalf("no ICMP: %v", icmp)
	}
	if len(quote) < 28 || !bytes.HasPrefix(sent[14:], quote) {
		t.Errorf("it quotes %d bytes: %x", len(quote), quote)
	}
}

// TestReason: an ICMP error says why. What the destination itself would say resets TCP; what
// a router says does not, and it comes from the router.
func TestReason(t *testing.T) {
	udp := &layers.UDP{SrcPort: 40000, DstPort: 53}
	router4, router6 := netip.MustParseAddr("10.0.0.254"), netip.MustParseAddr("fd00::254")
	const tcpReset = 0x14 // RST and ACK
	for _, tt := range []struct {
		why                        reject.Reason
		type4, code4, type6, code6 uint8
		resets                     bool
	}{
		{reject.Prohibited, 3, 13, 1, 1, true},
		{reject.NoPort, 3, 3, 1, 4, true},
		{reject.NoRoute, 3, 0, 1, 0, false},
		{reject.NoHost, 3, 1, 1, 3, false},
		{reject.Expired, 11, 0, 3, 0, false},
	} {
		four, ok4 := reject.Answer(frame(t, ipv4(layers.IPProtocolUDP), udp), tt.why, router4)
		six, ok6 := reject.Answer(frame(t, ipv6(layers.IPProtocolUDP), udp), tt.why, router6)
		if !ok4 || !ok6 || four[34] != tt.type4 || four[35] != tt.code4 || six[54] != tt.type6 || six[55] != tt.code6 {
			t.Errorf("%d: %x and %x", tt.why, four, six)
			continue
		}
		if !bytes.Equal(four[26:30], router4.AsSlice()) || !bytes.Equal(six[22:38], router6.AsSlice()) {
			t.Errorf("%d: the answers are from %v and %v", tt.why, net.IP(four[26:30]), net.IP(six[22:38]))
		}
		segment, ok := reject.Answer(frame(t, ipv4(layers.IPProtocolTCP), &layers.TCP{SYN: true}), tt.why, netip.Addr{})
		if isReset := ok && segment[23] == uint8(layers.IPProtocolTCP) && segment[47] == tcpReset; isReset != tt.resets {
			t.Errorf("%d: TCP is answered by %x", tt.why, segment)
		}
	}
}

// TestNoAnswer: what must not be answered is not.
func TestNoAnswer(t *testing.T) {
	later, multicast, source := ipv4(layers.IPProtocolUDP), ipv4(layers.IPProtocolUDP), ipv6(layers.IPProtocolUDP)
	later.FragOffset = 100
	multicast.DstIP = net.IP{224, 0, 0, 1}
	source.SrcIP = net.IPv6unspecified
	for name, f := range map[string][]byte{
		"a reset":            frame(t, ipv4(layers.IPProtocolTCP), &layers.TCP{SrcPort: 1, DstPort: 2, RST: true}),
		"an error":           frame(t, ipv4(layers.IPProtocolICMPv4), &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(3, 3)}),
		"an error by IPv6":   frame(t, ipv6(layers.IPProtocolICMPv6), &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(1, 4)}, gopacket.Payload{0, 0, 0, 0}),
		"a later fragment":   frame(t, later, gopacket.Payload{1, 2, 3}),
		"to a group":         frame(t, multicast, &layers.UDP{}),
		"from nobody":        frame(t, source, &layers.UDP{}),
		"no IP":              frame(t, gopacket.Payload{1}),
		"nothing":            nil,
		"half of a header":   frame(t, ipv4(layers.IPProtocolTCP), &layers.TCP{SYN: true})[:40],
		"half of an address": frame(t, ipv4(layers.IPProtocolTCP), &layers.TCP{SYN: true})[:28],
	} {
		if got, ok := reject.Answer(f, reject.Prohibited, netip.Addr{}); ok {
			t.Errorf("%s is answered: %x", name, got)
		}
	}
	if got, ok := reject.Answer(frame(t, ipv4(layers.IPProtocolICMPv4), &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(13, 0)}), reject.NoPort, netip.Addr{}); ok {
		t.Errorf("ICMP is answered by port unreachable: %x", got)
	}
}

// FuzzAnswer: whatever a port sends, the answer is a frame to whoever sent it, or none.
func FuzzAnswer(f *testing.F) {
	f.Add(frame(f, ipv4(layers.IPProtocolTCP), &layers.TCP{SYN: true}))
	f.Add(frame(f, ipv6(layers.IPProtocolUDP), &layers.UDP{}))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, ok := reject.Answer(b, reject.Prohibited, netip.Addr{})
		if !ok {
			return
		}
		if !bytes.Equal(got[:6], b[6:12]) || !bytes.Equal(got[6:12], b[:6]) || len(got) > len(b)+100 {
			t.Errorf("%x is answered by %x", b, got)
		}
		if again, ok := reject.Answer(got, reject.Prohibited, netip.Addr{}); ok {
			t.Errorf("the answer %x is answered: %x", got, again)
		}
	})
}
