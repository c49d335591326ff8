package answer

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/miekg/dns"

	"github.com/sdnctl/sdnctl/controller/nameserver"
	"github.com/sdnctl/sdnctl/topology"
)

// withDNS has the network's gateway answer DNS.
func withDNS(upstream ...netip.Addr) func(*topology.NetworkSpec) {
	return func(s *topology.NetworkSpec) {
		s.DNS.Enabled, s.DNS.Domain, s.DNS.Upstream = true, "blue.example", upstream
	}
}

// toGateway is a question of a port to its gateway.
func (b *bed) toGateway(port string, f topology.Family, q *dns.Msg) []byte {
	b.t.Helper()
	message, err := q.Pack()
	if err != nil {
		b.t.Fatal(err)
	}
	p := b.port(port)
	ip, _ := p.Address(f)
	gateways := [...]string{topology.IPv4: "10.0.0.1", topology.IPv6: "fd00:1::1"}
	frame, err := envelope{srcMAC: p.MAC, src: ip, dst: netip.MustParseAddr(gateways[f]), srcPort: 4096, dstPort: 53}.udp(message)
	if err != nil {
		b.t.Fatal(err)
	}
	return frame
}

func question(name string, kind uint16) *dns.Msg { return new(dns.Msg).SetQuestion(name, kind) }

// TestDNSAnswer: a port's question by either family is answered by its gateway, out of the
// port that asked.
func TestDNSAnswer(t *testing.T) {
	b := newBed(t, withDNS())
	for _, f := range []topology.Family{topology.IPv4, topology.IPv6} {
		r := DNS(nameserver.Upstream{})(b.view, b.at("web.1"), b.packetIn("web.1", b.toGateway("web.1", f, question("own.blue.example.", dns.TypeA))))
		got := b.sent("web.1", r)
		m := new(dns.Msg)
		if err := m.Unpack(got.payload); err != nil {
			t.Fatal(err)
		}
		want, _ := b.port("own").Address(topology.IPv4)
		ip, _ := b.port("web.1").Address(f)
		if got.to != ip || got.srcPort != 53 || got.dstPort != 4096 || len(m.Answer) != 1 || m.Answer[0].(*dns.A).A.String() != want.String() {
			t.Errorf("%v: %+v %v", f, got, m)
		}
	}
}

// TestDNSNotAnswered: what is not to the port's gateway (P-DNS-12), not from the port, or not a
// question has no answer.
func TestDNSNotAnswered(t *testing.T) {
	b := newBed(t, withDNS())
	p := b.port("web.1")
	ip, _ := p.Address(topology.IPv4)
	message, err := question("own.blue.example.", dns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	response := append([]byte(nil), message...)
	response[2] |= 0x80
	gateway := netip.MustParseAddr("10.0.0.1")
	for name, tt := range map[string]struct {
		e       envelope
		payload []byte
	}{
		"to another address":       {envelope{srcMAC: p.MAC, src: ip, dst: netip.MustParseAddr("10.0.0.9"), srcPort: 9, dstPort: 53}, message},
		"to another port":          {envelope{srcMAC: p.MAC, src: ip, dst: gateway, srcPort: 9, dstPort: 54}, message},
		"from an address not its":  {envelope{srcMAC: p.MAC, src: netip.MustParseAddr("10.0.0.200"), dst: gateway, srcPort: 9, dstPort: 53}, message},
		"from no port":             {envelope{srcMAC: p.MAC, src: ip, dst: gateway, dstPort: 53}, message},
		"an answer":                {envelope{srcMAC: p.MAC, src: ip, dst: gateway, srcPort: 53, dstPort: 53}, response},
		"too short for a header":   {envelope{srcMAC: p.MAC, src: ip, dst: gateway, srcPort: 9, dstPort: 53}, message[:11]},
		"from a MAC that has none": {envelope{srcMAC: topology.MAC{2, 9}, src: ip, dst: gateway, srcPort: 9, dstPort: 53}, message},
	} {
		frame, err := tt.e.udp(tt.payload)
		if err != nil {
			t.Fatal(err)
		}
		if r := DNS(nameserver.Upstream{})(b.view, b.at("web.1"), b.packetIn("web.1", frame)); r.Out != nil || r.What == "" {
			t.Errorf("%s: answered: %s", name, r.What)
		}
	}
}

// TestDNSByTCP: connections are reset, so that clients need not wait (P-DNS-09).
func TestDNSByTCP(t *testing.T) {
	b := newBed(t, withDNS())
	p := b.port("web.1")
	ip, _ := p.Address(topology.IPv4)
	eth := &layers.Ethernet{SrcMAC: p.MAC[:], DstMAC: net.HardwareAddr{6, 0, 0, 0, 0, 0x64}, EthernetType: layers.EthernetTypeIPv4}
	h := &layers.IPv4{Version: 4, IHL: 5, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: net.IP(ip.AsSlice()), DstIP: net.IP{10, 0, 0, 1}}
	tcp := &layers.TCP{SrcPort: 4096, DstPort: 53, SYN: true, Seq: 7}
	if err := tcp.SetNetworkLayerForChecksum(h); err != nil {
		t.Fatal(err)
	}
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, eth, h, tcp); err != nil {
		t.Fatal(err)
	}
	r := DNS(nameserver.Upstream{})(b.view, b.at("web.1"), b.packetIn("web.1", buf.Bytes()))
	if r.Out == nil {
		t.Fatal(r.What)
	}
	got, ok := gopacket.NewPacket(r.Out.Data, layers.LayerTypeEthernet, gopacket.Default).TransportLayer().(*layers.TCP)
	if !ok || !got.RST || got.Ack != 8 || got.DstPort != 4096 {
		t.Errorf("answered with %+v", got)
	}
}

// TestDNSUpstreamIsAway: a question that no server answers gets SERVFAIL within the
// deadline, and other questions do not wait for it (P-DNS-03).
func TestDNSUpstreamIsAway(t *testing.T) {
	b := newBed(t, withDNS(netip.MustParseAddr("127.0.0.1")))
	answer := DNS(nameserver.Upstream{Port: 1}) // nobody listens there: refused at once
	r := answer(b.view, b.at("web.1"), b.packetIn("web.1", b.toGateway("web.1", topology.IPv4, question("outside.example.", dns.TypeA))))
	if r.Later == nil || r.Out != nil {
		t.Fatalf("not asked of upstream: %s", r.What)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r = r.Later(ctx)
	m := new(dns.Msg)
	if err := m.Unpack(b.sent("web.1", r).payload); err != nil || m.Rcode != dns.RcodeServerFailure || !strings.Contains(r.What, "127.0.0.1") {
		t.Errorf("%v, %v, %s", err, m, r.What)
	}
	if r := answer(b.view, b.at("web.1"), b.packetIn("web.1", b.toGateway("web.1", topology.IPv4, question("none.blue.example.", dns.TypeA)))); r.Later != nil {
		t.Errorf("a name of the domain is asked of upstream: %s", r.What)
	}
}

// TestLearnsDNS: ports learn their gateway and the domain of their network by DHCP, unless
// others are given (P-DNS-10).
func TestLearnsDNS(t *testing.T) {
	learns := func(change func(*topology.NetworkSpec)) (servers []net.IP, domain string) {
		b := newBed(t, func(s *topology.NetworkSpec) { withDNS()(s); change(s) })
		m, _ := b.answered("web.1", b.ask("web.1", b.request("web.1", dhcpv4.MessageTypeDiscover)))
		return m.DNS(), m.DomainName()
	}
	if s, d := learns(func(*topology.NetworkSpec) {}); len(s) != 1 || s[0].String() != "10.0.0.1" || d != "blue.example" {
		t.Errorf("learns %v, %q", s, d)
	}
	if s, d := learns(func(s *topology.NetworkSpec) {
		s.DHCP.DNS, s.DHCP.Domain = []netip.Addr{netip.MustParseAddr("192.0.2.53")}, "other.example"
	}); len(s) != 1 || s[0].String() != "192.0.2.53" || d != "other.example" {
		t.Errorf("learns %v, %q although others are given", s, d)
	}
}

// FuzzDNS: whatever a port sends, the answer is one message of DNS, out of the port, that
// fits.
func FuzzDNS(f *testing.F) {
	b := newBed(f, withDNS())
	for _, q := range []*dns.Msg{question("own.blue.example.", dns.TypeA), question("1.0.0.10.in-addr.arpa.", dns.TypePTR), question("blue.example.", dns.TypeANY).SetEdns0(4096, true)} {
		m, err := q.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(m)
	}
	p := b.port("web.1")
	ip, _ := p.Address(topology.IPv4)
	f.Fuzz(func(t *testing.T, payload []byte) {
		if len(payload) > 1400 {
			return
		}
		b := &bed{t, b.view}
		frame, err := envelope{srcMAC: p.MAC, src: ip, dst: netip.MustParseAddr("10.0.0.1"), srcPort: 4096, dstPort: 53}.udp(payload)
		if err != nil {
			t.Fatal(err)
		}
		r := DNS(nameserver.Upstream{})(b.view, b.at("web.1"), b.packetIn("web.1", frame))
		if r.Out == nil {
			return
		}
		got, err := read(r.Out.Data)
		if err != nil {
			t.Fatal(err)
		}
		m := new(dns.Msg)
		if err := m.Unpack(got.payload); err != nil || !m.Response || len(got.payload) > 1400-headersIPv4 {
			t.Errorf("answered %x with %d bytes: %v", payload, len(got.payload), err)
		}
	})
}

// BenchmarkDNS is a question and its answer: from the packet-in to the packet-out, beside a
// bare name server of the library that gives the same answer from a table, without sockets.
func BenchmarkDNS(bm *testing.B) {
	b := newBed(bm, withDNS())
	q := question("own.blue.example.", dns.TypeA)
	in := b.packetIn("web.1", b.toGateway("web.1", topology.IPv4, q))
	bm.Run("sdnd", func(bm *testing.B) {
		answer := DNS(nameserver.Upstream{})
		bm.ReportAllocs()
		for bm.Loop() {
			if answer(b.view, b.at("web.1"), in).Out == nil {
				bm.Fatal("no answer")
			}
		}
		bm.ReportMetric(float64(bm.N)/bm.Elapsed().Seconds(), "answers/s")
	})
	bm.Run("bare", func(bm *testing.B) {
		message, err := q.Pack()
		if err != nil {
			bm.Fatal(err)
		}
		table := map[string]net.IP{"own.blue.example.": {10, 0, 0, 2}}
		bm.ReportAllocs()
		for bm.Loop() {
			m := new(dns.Msg)
			if err := m.Unpack(message); err != nil {
				bm.Fatal(err)
			}
			r := new(dns.Msg).SetReply(m)
			r.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: m.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 5}, A: table[m.Question[0].Name]}}
			if _, err := r.Pack(); err != nil {
				bm.Fatal(err)
			}
		}
		bm.ReportMetric(float64(bm.N)/bm.Elapsed().Seconds(), "answers/s")
	})
}
