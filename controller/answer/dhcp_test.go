package answer

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/sdnctl/sdnctl/controller/nameserver"
	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// ask sends a request of a port, from no address to all.
func (b *bed) ask(port string, q *dhcpv4.DHCPv4) packetin.Reply {
	return b.askRaw(port, q.ToBytes())
}

func (b *bed) askRaw(port string, payload []byte) packetin.Reply {
	b.t.Helper()
	e := envelope{srcMAC: b.port(port).MAC, dstMAC: broadcast(), src: netip.IPv4Unspecified(), dst: netip.MustParseAddr("255.255.255.255"), srcPort: 68, dstPort: 67}
	frame, err := e.udp(payload)
	if err != nil {
		b.t.Fatal(err)
	}
	return DHCP(b.view, b.at(port), b.packetIn(port, frame))
}

// answered reads an answer.
func (b *bed) answered(port string, r packetin.Reply) (*dhcpv4.DHCPv4, frame) {
	b.t.Helper()
	f := b.sent(port, r)
	m, err := dhcpv4.FromBytes(f.payload)
	if err != nil {
		b.t.Fatal(err)
	}
	return m, f
}

func (b *bed) request(port string, kind dhcpv4.MessageType, m ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	q, err := dhcpv4.New(append([]dhcpv4.Modifier{dhcpv4.WithHwAddr(hardware(b.port(port).MAC)), dhcpv4.WithMessageType(kind)}, m...)...)
	if err != nil {
		b.t.Fatal(err)
	}
	return q
}

// TestDHCPStates: in every state of a client its own address is confirmed, and any other
// refused at once (RFC 2131, 4.3). P-DHC-02, P-DHC-03, P-DHC-04, P-DHC-19.
func TestDHCPStates(t *testing.T) {
	b := newBed(t, nil)
	const port = "web.1"
	ip, _ := b.port(port).Address(topology.IPv4)
	own, other := net.IP(ip.AsSlice()), net.IP{10, 0, 0, 77}
	server := dhcpv4.WithOption(dhcpv4.OptServerIdentifier(net.IP{10, 0, 0, 1}))
	wanting := func(a net.IP) dhcpv4.Modifier { return dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(a)) }
	const none = dhcpv4.MessageTypeNone
	for _, tt := range []struct {
		name string
		kind dhcpv4.MessageType
		with []dhcpv4.Modifier
		want dhcpv4.MessageType
	}{
		{"discover", dhcpv4.MessageTypeDiscover, nil, dhcpv4.MessageTypeOffer},
		{"discover, other address wanted", dhcpv4.MessageTypeDiscover, []dhcpv4.Modifier{wanting(other)}, dhcpv4.MessageTypeOffer},
		{"selecting", dhcpv4.MessageTypeRequest, []dhcpv4.Modifier{server, wanting(own)}, dhcpv4.MessageTypeAck},
		{"selecting, other address", dhcpv4.MessageTypeRequest, []dhcpv4.Modifier{server, wanting(other)}, dhcpv4.MessageTypeNak},
		{"selecting, other server", dhcpv4.MessageTypeRequest, []dhcpv4.Modifier{dhcpv4.WithOption(dhcpv4.OptServerIdentifier(other)), wanting(own)}, none},
		{"init-reboot", dhcpv4.MessageTypeRequest, []dhcpv4.Modifier{wanting(own)}, dhcpv4.MessageTypeAck},
		{"init-reboot, other subnet", dhcpv4.MessageTypeRequest, []dhcpv4.Modifier{wanting(net.IP{192, 168, 0, 7})}, dhcpv4.MessageTypeNak},
		{"renewing", dhcpv4.MessageTypeRequest, []dhcpv4.Modifier{dhcpv4.WithClientIP(own)}, dhcpv4.MessageTypeAck},
		{"renewing, other address", dhcpv4.MessageTypeRequest, []dhcpv4.Modifier{dhcpv4.WithClientIP(other)}, dhcpv4.MessageTypeNak},
		{"request for nothing", dhcpv4.MessageTypeRequest, nil, none},
		{"inform", dhcpv4.MessageTypeInform, []dhcpv4.Modifier{dhcpv4.WithClientIP(own)}, dhcpv4.MessageTypeAck},
		{"decline", dhcpv4.MessageTypeDecline, []dhcpv4.Modifier{server, wanting(own)}, none},
		{"release", dhcpv4.MessageTypeRelease, []dhcpv4.Modifier{server, dhcpv4.WithClientIP(own)}, none},
		{"by a relay", dhcpv4.MessageTypeDiscover, []dhcpv4.Modifier{dhcpv4.WithGatewayIP(other)}, none},
		{"for another MAC", dhcpv4.MessageTypeDiscover, []dhcpv4.Modifier{dhcpv4.WithHwAddr(net.HardwareAddr{2, 0, 0, 0, 0, 9})}, none},
	} {
		r := b.ask(port, b.request(port, tt.kind, tt.with...))
		if tt.want == none {
			if r.Out != nil || r.What == "" {
				t.Errorf("%s: answered, or without a reason: %s", tt.name, r.What)
			}
			continue
		}
		m, f := b.answered(port, r)
		if m.MessageType() != tt.want || !m.ServerIdentifier().Equal(net.IP{10, 0, 0, 1}) {
			t.Errorf("%s: %v", tt.name, m.Summary())
		}
		switch lease := m.IPAddressLeaseTime(0); {
		case tt.want == dhcpv4.MessageTypeNak:
			if m.Options.Has(dhcpv4.OptionSubnetMask) || lease != 0 || !m.YourIPAddr.IsUnspecified() || !m.IsBroadcast() || f.to != netip.MustParseAddr("255.255.255.255") {
				t.Errorf("%s: to %v: %v", tt.name, f.to, m.Summary())
			}
		case tt.name == "inform":
			if lease != 0 || !m.YourIPAddr.IsUnspecified() {
				t.Errorf("%s: %v", tt.name, m.Summary())
			}
		case !m.YourIPAddr.Equal(own) || lease != 24*time.Hour || m.IPAddressRenewalTime(0) != 12*time.Hour || m.IPAddressRebindingTime(0) != 21*time.Hour:
			t.Errorf("%s: %v", tt.name, m.Summary())
		}
	}
}

// TestDHCPOptions: the options for a port, and their form (P-DHC-05, P-DHC-07, P-DHC-08).
func TestDHCPOptions(t *testing.T) {
	b := newBed(t, func(s *topology.NetworkSpec) {
		s.DHCP = model.DHCP{
			Enabled: true, LeaseTime: model.Duration(time.Hour), DNS: []netip.Addr{netip.MustParseAddr("10.0.0.53"), netip.MustParseAddr("fd00:1::53")},
			Domain: "blue.example", Search: []string{"blue.example", "example"}, NTP: []netip.Addr{netip.MustParseAddr("10.0.0.123")},
			Routes:     []model.DHCPRoute{{Prefix: netip.MustParsePrefix("192.168.0.0/16"), Via: netip.MustParseAddr("10.0.0.9")}},
			BootServer: netip.MustParseAddr("10.0.0.5"), BootFile: "undionly.kpxe", Options: []model.DHCPOption{{Number: 150, Value: "ip:10.0.0.5"}},
		}
	})
	m, _ := b.answered("web.1", b.ask("web.1", b.request("web.1", dhcpv4.MessageTypeDiscover, dhcpv4.WithRequestedOptions(dhcpv4.OptionHostName))))
	got := map[string]string{
		"mask": m.SubnetMask().String(), "router": m.Router()[0].String(), "dns": m.DNS()[0].String(), "domain": m.DomainName(),
		"search": strings.Join(m.DomainSearch().Labels, " "), "ntp": m.NTPServers()[0].String(), "mtu": string(m.Options.Get(dhcpv4.OptionInterfaceMTU)),
		"lease": m.IPAddressLeaseTime(0).String(), "siaddr": m.ServerIPAddr.String(), "file": m.BootFileName, "66": m.TFTPServerName(), "67": m.BootFileNameOption(),
		"150": string(m.Options.Get(dhcpv4.GenericOptionCode(150))), "host": m.HostName(), "broadcast": m.BroadcastAddress().String(),
	}
	var routes []string
	for _, r := range m.ClasslessStaticRoute() {
		routes = append(routes, r.String())
	}
	got["routes"] = strings.Join(routes, "; ")
	for k, want := range map[string]string{
		"mask": "ffffff00", "router": "10.0.0.1", "dns": "10.0.0.53", "domain": "blue.example", "search": "blue.example example", "ntp": "10.0.0.123",
		"mtu": "\x05\x78", "lease": "1h0m0s", "siaddr": "10.0.0.5", "file": "undionly.kpxe", "66": "10.0.0.5", "67": "undionly.kpxe", "150": "\x0a\x00\x00\x05", "host": "web", "broadcast": "10.0.0.255",
		"routes": "route to 192.168.0.0/16 via 10.0.0.9; route to 0.0.0.0/0 via 10.0.0.1",
	} {
		if got[k] != want {
			t.Errorf("%s: %q, want %q", k, got[k], want)
		}
	}
}

// TestDHCPRoutes: the default route is sent if the gateway routes, and only then.
func TestDHCPRoutes(t *testing.T) {
	b := newBed(t, nil)
	for port, want := range map[string]string{"web.1": "[10.0.0.1]", "lone": "[]", "job": "[10.2.0.33]"} {
		m, f := b.answered(port, b.ask(port, b.request(port, dhcpv4.MessageTypeDiscover)))
		n, _ := b.view.Topo.Network(b.port(port).Spec.Network)
		if got := strings.Trim(strings.Join(strings.Fields(stringsOf(m.Router())), ","), ","); "["+got+"]" != want || f.src != n.GatewayMAC || m.Options.Has(dhcpv4.OptionClasslessStaticRoute) {
			t.Errorf("%s: router %s from %v, want %s", port, got, f.src, want)
		}
	}
}

func stringsOf(ips []net.IP) (s string) {
	for _, ip := range ips {
		s += ip.String() + " "
	}
	return s
}

// TestDHCPTo: to whom an answer goes (RFC 2131, 4.1; P-DHC-06, P-DHC-20).
func TestDHCPTo(t *testing.T) {
	b := newBed(t, nil)
	p := b.port("web.1")
	ip, _ := p.Address(topology.IPv4)
	all := netip.MustParseAddr("255.255.255.255")
	for _, tt := range []struct {
		name string
		with dhcpv4.Modifier
		to   netip.Addr
		mac  topology.MAC
	}{
		{"unicast", dhcpv4.WithBroadcast(false), ip, p.MAC},
		{"broadcast", dhcpv4.WithBroadcast(true), all, broadcast()},
		{"renewing", dhcpv4.WithClientIP(net.IP(ip.AsSlice())), ip, p.MAC},
	} {
		r := b.ask("web.1", b.request("web.1", dhcpv4.MessageTypeRequest, dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(net.IP(ip.AsSlice()))), tt.with))
		m, f := b.answered("web.1", r)
		if f.to != tt.to || topology.MAC(r.Out.Data[:6]) != tt.mac || f.from != netip.MustParseAddr("10.0.0.1") || m.IsBroadcast() != (tt.name == "broadcast") {
			t.Errorf("%s: from %v to %v, %x", tt.name, f.from, f.to, r.Out.Data[:6])
		}
	}
}

// TestDHCPOddRequests: options that are odd, or missing, cost no client its answer
// (P-DHC-09, P-DHC-10): a port has one address, whatever client asks.
func TestDHCPOddRequests(t *testing.T) {
	b := newBed(t, nil)
	ip, _ := b.port("web.1").Address(topology.IPv4)
	plain := b.request("web.1", dhcpv4.MessageTypeDiscover).ToBytes()
	end := slices.Index(plain[240:], 255) + 240
	for name, options := range map[string][]byte{
		"raw name": {81, 3, 'a', 'b', 'c', 255}, "vendor": {60, 0, 255}, "user class": {77, 4, 9, 1, 2, 3, 255}, "relay": {82, 2, 1, 0, 255}, "empty host name": {12, 0, 255},
		"unknown": {250, 1, 1, 255}, "overload": {52, 1, 3, 255}, "no end": {}, "client id": {61, 3, 0, 1, 2, 255}, "padding": {0, 0, 0, 255},
	} {
		m, _ := b.answered("web.1", b.askRaw("web.1", append(slices.Clone(plain[:end]), options...)))
		if !m.YourIPAddr.Equal(net.IP(ip.AsSlice())) {
			t.Errorf("%s: %v", name, m.YourIPAddr)
		}
		if id := m.Options.Get(dhcpv4.OptionClientIdentifier); name == "client id" && string(id) != "\x00\x01\x02" {
			t.Errorf("client id %x", id)
		}
	}
}

// TestDHCPElsewhere: what comes in elsewhere than at the port whose MAC it has is not
// answered.
func TestDHCPElsewhere(t *testing.T) {
	b := newBed(t, nil)
	e := envelope{srcMAC: b.port("web.1").MAC, dstMAC: broadcast(), src: netip.IPv4Unspecified(), dst: netip.MustParseAddr("255.255.255.255"), srcPort: 68, dstPort: 67}
	frame, err := e.udp(b.request("web.1", dhcpv4.MessageTypeDiscover).ToBytes())
	if err != nil {
		t.Fatal(err)
	}
	for _, from := range []packetin.Port{{Node: "n2", No: b.at("web.1").No}, b.at("own")} {
		if r := DHCP(b.view, from, b.packetIn("web.1", frame)); r.Out != nil {
			t.Errorf("from %v: %s", from, r.What)
		}
	}
}

// FuzzDHCP: whatever a port sends makes no trouble, and only its own address is offered.
func FuzzDHCP(f *testing.F) {
	b := newBed(f, nil)
	f.Add(b.request("web.1", dhcpv4.MessageTypeDiscover).ToBytes())
	f.Add(b.request("web.1", dhcpv4.MessageTypeRequest, dhcpv4.WithClientIP(net.IP{10, 0, 0, 9})).ToBytes())
	ip, _ := b.port("web.1").Address(topology.IPv4)
	f.Fuzz(func(t *testing.T, payload []byte) {
		if len(payload) > 1400 {
			return
		}
		b := &bed{t, b.view}
		r := b.askRaw("web.1", payload)
		if r.What == "" {
			t.Error("it does not say what happened")
		}
		if r.Out == nil {
			return
		}
		m, _ := b.answered("web.1", r)
		if !m.YourIPAddr.IsUnspecified() && !m.YourIPAddr.Equal(net.IP(ip.AsSlice())) {
			t.Errorf("offered %v", m.YourIPAddr)
		}
	})
}

// FuzzFrame: every frame is answered, or the result says why not.
func FuzzFrame(f *testing.F) {
	b := newBed(f, nil)
	e := envelope{srcMAC: b.port("web.1").MAC, dstMAC: broadcast(), src: netip.IPv4Unspecified(), dst: netip.MustParseAddr("255.255.255.255"), srcPort: 68, dstPort: 67}
	frame, err := e.udp(b.request("web.1", dhcpv4.MessageTypeDiscover).ToBytes())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(frame)
	f.Fuzz(func(t *testing.T, frame []byte) {
		b := &bed{t, b.view}
		for _, c := range Causes(nameserver.Upstream{}) {
			if r := c.Answer(b.view, b.at("web.1"), b.packetIn("web.1", frame)); r.What == "" {
				t.Errorf("%s: it does not say what happened", c.Name)
			}
		}
	})
}

// BenchmarkDHCP is a request and its answer.
func BenchmarkDHCP(bm *testing.B) {
	b := newBed(bm, nil)
	e := envelope{srcMAC: b.port("web.1").MAC, dstMAC: broadcast(), src: netip.IPv4Unspecified(), dst: netip.MustParseAddr("255.255.255.255"), srcPort: 68, dstPort: 67}
	frame, err := e.udp(b.request("web.1", dhcpv4.MessageTypeDiscover).ToBytes())
	if err != nil {
		bm.Fatal(err)
	}
	in := b.packetIn("web.1", frame)
	bm.ReportAllocs()
	for bm.Loop() {
		if DHCP(b.view, b.at("web.1"), in).Out == nil {
			bm.Fatal("no answer")
		}
	}
}
