package integration

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// servicesWindow: what a backend sends that is no valid part of a live connection never reaches the
// client with the backend's own address: the client would answer with a reset, which ends the
// backend's connection. The connection lives.
func servicesWindow(t *testing.T, b *serviceBed) {
	defer b.apply(serviceWeb(allWeb))
	near := b.hosts["near"]
	for _, backend := range []string{"web1", "web2", "web3"} {
		b.apply(serviceWeb("{endpoints: [{port: " + backend + "}]}"))
		b.revalidated()
		for _, to := range []string{service4 + ":80", "[" + service6 + "]:80"} {
			conn, err := b.connect(near, "tcp", to, 0)
			b.must(err)
			b.invalid(conn, backend, b.sniff(near), true)
			b.must(conn.Close())
		}
	}
}

// nodePortWindow is servicesWindow for a client outside, by nodes with and without the backend.
func (b *nodePortBed) nodePortWindow() {
	b.apply(nodePortService("window", "r", "13", 30083, 30083, "backends: {endpoints: [{port: web1}]},"))
	for _, node := range []string{"node1", "node3"} {
		for _, six := range []bool{false, true} {
			to := b.at(node, 30083, six)
			b.answers("tcp", to, "web1")
			link := "eth0"
			if b.own != nil {
				link = "lan"
			}
			got, err := b.outside.Sniff(link)
			b.must(err)
			conn, err := b.enter("tcp", to, 0)
			b.must(err)
			b.invalid(conn, "web1", b.closing(got), false)
			b.must(conn.Close())
		}
	}
	b.sdnctl("service", "delete", "window", "--wait=20s")
}

// invalid has a backend send what is no part of a connection to a service, and fails the test if
// any of it reaches the client, whose packets are recorded, or if the connection ends. A reset may
// reach a client in a network, from the service's address.
func (b *serviceBed) invalid(conn net.Conn, backend string, got *lab.Sniffer, inside bool) {
	b.t.Helper()
	sent := b.sniff(b.hosts[backend])
	client, service := conn.LocalAddr().(*net.TCPAddr).AddrPort(), conn.RemoteAddr().(*net.TCPAddr).AddrPort()
	seen := 0
	arrived := func() (all []arrival) { // since it was called last
		b.t.Helper()
		frames := b.frames(got, func(lab.Frame) bool { return true })
		for _, f := range frames[seen:] {
			if h, ok := arrivalOf(f); ok && !f.Sent && h.to.Port() == client.Port() {
				all = append(all, h)
			}
		}
		seen = len(frames)
		return all
	}
	alive := func(after string) {
		b.t.Helper()
		if who, _, err := ask(conn); err != nil || who != backend {
			b.t.Errorf("%s by %s: after %s: %q answers, %v", backend, service, after, who, err)
		}
	}
	alive("nothing")
	last := b.segment(sent, client)
	for _, c := range invalidSegments() {
		arrived()
		frame := last.changed(b, c.change)
		is, ok := arrivalOf(lab.Frame{Data: frame})
		if !ok {
			b.t.Fatalf("%s is no segment of TCP", c.name)
		}
		b.must(b.hosts[backend].Send(frame))
		alive(c.name) // the answer passes after it
		passed := false
		for _, h := range arrived() {
			if h.from != service {
				b.t.Errorf("%s by %s: after %s the client got %s from %v", backend, service, c.name, h.what, h.from)
			}
			passed = passed || h.what == is.what
		}
		if want := c.reset && inside; passed != want {
			b.t.Errorf("%s by %s: %s reaches the client: %t, want %t", backend, service, c.name, passed, want)
		}
	}
	arrived()
	b.must(b.hosts[backend].Send(last.unreachable(b)))
	alive("an error")
	n := 0
	for _, f := range b.frames(got, func(f lab.Frame) bool { return !f.Sent }) {
		from, about, ok := errorOf(f)
		if !ok || from != service.Addr() && !slices.Contains(b.hosts[backend].Addresses(), from) {
			continue
		}
		// Open vSwitch's own datapath spoils what errors of IPv6 are about, when it translates them.
		if n++; from != service.Addr() || from.Is4() && (about.from != client || about.to != service) {
			b.t.Errorf("%s by %s: an error from %v about a segment from %v to %v", backend, service, from, about.from, about.to)
		}
	}
	if spoilt := !inside && service.Addr().Is6(); n > 1 || n == 0 && !spoilt { // the node's kernel drops what is spoilt
		b.t.Errorf("%s by %s: the client got %d errors, want 1", backend, service, n)
	}
}

// unreachable returns a frame with the error that says that nobody listens, about a segment that the
// host got from the client.
func (s segment) unreachable(b *serviceBed) []byte {
	var ip gopacket.SerializableLayer
	var all []gopacket.SerializableLayer
	about := &layers.TCP{SrcPort: s.tcp.DstPort, DstPort: s.tcp.SrcPort, Seq: s.tcp.Ack, Ack: s.tcp.Seq, ACK: true, Window: 512}
	if s.ip4 != nil {
		outer, inner := *s.ip4, *s.ip4
		outer.Protocol, inner.SrcIP, inner.DstIP = layers.IPProtocolICMPv4, s.ip4.DstIP, s.ip4.SrcIP
		ip = &inner
		b.must(about.SetNetworkLayerForChecksum(&inner))
		all = append(all, &s.eth, &outer, &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeDestinationUnreachable, layers.ICMPv4CodePort)})
	} else {
		outer, inner := *s.ip6, *s.ip6
		outer.NextHeader, inner.SrcIP, inner.DstIP = layers.IPProtocolICMPv6, s.ip6.DstIP, s.ip6.SrcIP
		ip = &inner
		b.must(about.SetNetworkLayerForChecksum(&inner))
		icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(layers.ICMPv6TypeDestinationUnreachable, layers.ICMPv6CodePortUnreachable)}
		b.must(icmp.SetNetworkLayerForChecksum(&outer))
		all = append(all, &s.eth, &outer, icmp, gopacket.Payload{0, 0, 0, 0}) // unused (RFC 4443, 3.1)
	}
	return serialized(b, append(all, ip, about)...)
}

// errorOf returns who sent an error that says that a destination is unreachable, and the segment
// that it is about.
func errorOf(f lab.Frame) (from netip.Addr, about arrival, ok bool) {
	const ether, four, six = 14, 20, 40
	switch d := f.Data; {
	case f.EtherType() == 0x0800 && len(d) >= ether+four+8+four+4 && d[23] == byte(layers.IPProtocolICMPv4) && d[ether+four] == layers.ICMPv4TypeDestinationUnreachable:
		from, _ = netip.AddrFromSlice(d[26:30])
		ip := d[ether+four+8:]
		return from, arrival{from: endOf(ip[12:16], ip[four:]), to: endOf(ip[16:20], ip[four+2:])}, true
	case f.EtherType() == 0x86dd && len(d) >= ether+six+8+six+4 && d[20] == byte(layers.IPProtocolICMPv6) && d[ether+six] == layers.ICMPv6TypeDestinationUnreachable:
		from, _ = netip.AddrFromSlice(d[22:38])
		ip := d[ether+six+8:]
		return from, arrival{from: endOf(ip[8:24], ip[six:]), to: endOf(ip[24:40], ip[six+2:])}, true
	}
	return netip.Addr{}, arrival{}, false
}

// endOf returns an address and a port of a packet.
func endOf(ip, port []byte) netip.AddrPort {
	a, _ := netip.AddrFromSlice(ip)
	return netip.AddrPortFrom(a, binary.BigEndian.Uint16(port))
}

// arrival is a segment of TCP: its ends, and its flags, number and length.
type arrival struct {
	from, to netip.AddrPort
	what     string
}

func arrivalOf(f lab.Frame) (arrival, bool) {
	p := gopacket.NewPacket(f.Data, layers.LayerTypeEthernet, gopacket.Default)
	tcp, ok := p.Layer(layers.LayerTypeTCP).(*layers.TCP)
	if !ok {
		return arrival{}, false
	}
	src, dst := p.NetworkLayer().NetworkFlow().Endpoints()
	return arrival{endOf(src.Raw(), tcp.Contents), endOf(dst.Raw(), tcp.Contents[2:]), fmt.Sprintf("syn %t fin %t rst %t ack %t, number %d, %d bytes",
		tcp.SYN, tcp.FIN, tcp.RST, tcp.ACK, tcp.Seq, len(tcp.Payload))}, true
}

// segment is a packet of TCP that a host sent.
type segment struct {
	eth     layers.Ethernet
	ip4     *layers.IPv4
	ip6     *layers.IPv6
	tcp     layers.TCP
	payload gopacket.Payload
}

// invalidSegment is what a backend sends that is no part of its connection.
type invalidSegment struct {
	name   string
	change func(*segment)
	reset  bool
}

func invalidSegments() []invalidSegment {
	old := func(s *segment) { s.tcp.Seq -= 1 << 30 }
	flags := func(s *segment, syn, fin, rst, ack bool) {
		s.tcp.SYN, s.tcp.FIN, s.tcp.RST, s.tcp.ACK, s.tcp.PSH = syn, fin, rst, ack, false
		s.payload = nil
	}
	return []invalidSegment{
		{"an old segment", old, false},
		{"a segment far ahead", func(s *segment) { s.tcp.Seq += 1 << 30 }, false},
		{"an old SYN-ACK", func(s *segment) { old(s); flags(s, true, false, false, true) }, false},
		{"a SYN", func(s *segment) { flags(s, true, false, false, false) }, false},
		{"a SYN-FIN", func(s *segment) { flags(s, true, true, false, false) }, false},
		{"no flags", func(s *segment) { flags(s, false, false, false, false) }, false},
		{"an old FIN", func(s *segment) { old(s); flags(s, false, true, false, true) }, false},
		{"an old reset", func(s *segment) { old(s); flags(s, false, false, true, false) }, true},
	}
}

// segment returns the last segment with content that a recorded host sent to a client.
func (b *serviceBed) segment(s *lab.Sniffer, to netip.AddrPort) segment {
	b.t.Helper()
	var last segment
	for _, f := range b.frames(s, func(f lab.Frame) bool { return f.Sent }) {
		p := gopacket.NewPacket(f.Data, layers.LayerTypeEthernet, gopacket.Default)
		tcp, ok := p.Layer(layers.LayerTypeTCP).(*layers.TCP)
		if !ok || uint16(tcp.DstPort) != to.Port() || len(tcp.Payload) == 0 {
			continue
		}
		last = segment{eth: *p.LinkLayer().(*layers.Ethernet), tcp: *tcp, payload: tcp.Payload}
		last.ip4, _ = p.NetworkLayer().(*layers.IPv4)
		last.ip6, _ = p.NetworkLayer().(*layers.IPv6)
	}
	if last.payload == nil {
		b.must(fmt.Errorf("no segment to %v", to))
	}
	return last
}

// changed returns a frame with the segment changed.
func (s segment) changed(b *serviceBed, change func(*segment)) []byte {
	change(&s)
	s.tcp.Options = nil
	var ip gopacket.NetworkLayer
	var all []gopacket.SerializableLayer
	if s.ip4 != nil {
		ip, all = s.ip4, append(all, &s.eth, s.ip4)
	} else {
		ip, all = s.ip6, append(all, &s.eth, s.ip6)
	}
	b.must(s.tcp.SetNetworkLayerForChecksum(ip))
	return serialized(b, append(all, &s.tcp, s.payload)...)
}

func serialized(b *serviceBed, all ...gopacket.SerializableLayer) []byte {
	buf := gopacket.NewSerializeBuffer()
	b.must(gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, all...))
	return buf.Bytes()
}
