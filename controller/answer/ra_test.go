package answer

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/mdlayher/ndp"

	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// solicit sends a router solicitation of a port.
func (b *bed) solicit(port string, from netip.Addr) packetin.Reply {
	message, err := ndp.MarshalMessage(&ndp.RouterSolicitation{})
	if err != nil {
		b.t.Fatal(err)
	}
	e := envelope{srcMAC: b.port(port).MAC, dstMAC: topology.MAC{0x33, 0x33, 0, 0, 0, 2}, src: from, dst: netip.MustParseAddr("ff02::2")}
	frame, err := e.icmpv6(message)
	if err != nil {
		b.t.Fatal(err)
	}
	return RouterSolicitation(b.view, b.at(port), b.packetIn(port, frame))
}

// described writes an advertisement on one line.
func described(t *testing.T, f frame) string {
	t.Helper()
	m, err := ndp.ParseMessage(f.payload)
	if err != nil {
		t.Fatal(err)
	}
	ra := m.(*ndp.RouterAdvertisement)
	s := fmt.Sprintf("M=%v O=%v router=%v", ra.ManagedConfiguration, ra.OtherConfiguration, ra.RouterLifetime)
	for _, o := range ra.Options {
		switch o := o.(type) {
		case *ndp.PrefixInformation:
			s += fmt.Sprintf(" %v/%d L=%v A=%v", o.Prefix, o.PrefixLength, o.OnLink, o.AutonomousAddressConfiguration)
		case *ndp.MTU:
			s += fmt.Sprintf(" mtu=%d", o.MTU)
		case *ndp.RecursiveDNSServer:
			s += fmt.Sprintf(" dns=%v", o.Servers)
		case *ndp.DNSSearchList:
			s += fmt.Sprintf(" search=%v", o.DomainNames)
		}
	}
	return s
}

// TestRouterAdvertisements: the advertisements for ports, by the kind of advertisements and by
// what is theirs (P-DHC-11, P-DHC-14).
func TestRouterAdvertisements(t *testing.T) {
	managed := newBed(t, nil)
	slaac := newBed(t, func(s *topology.NetworkSpec) {
		s.RA, s.DHCP.Domain = model.RASLAAC, "blue.example"
		s.DHCP.DNS = []netip.Addr{netip.MustParseAddr("fd00:1::53"), netip.MustParseAddr("10.0.0.53")}
	})
	for _, tt := range []struct {
		b          *bed
		port, want string
	}{
		{managed, "web.1", "M=true O=true router=2h30m0s mtu=1400 fd00:1::/64 L=true A=false"},
		{managed, "own", "M=true O=true router=2h30m0s mtu=1400 fd00:1::/64 L=true A=false"},
		{slaac, "web.1", "M=true O=true router=2h30m0s mtu=1400 fd00:1::/64 L=true A=false dns=[fd00:1::53] search=[blue.example]"},
		{slaac, "own", "M=false O=true router=2h30m0s mtu=1400 fd00:1::/64 L=true A=false fd00:51::/64 L=false A=true dns=[fd00:1::53] search=[blue.example]"},
	} {
		own := model.LinkLocal(tt.b.port(tt.port).MAC)
		f := tt.b.sent(tt.port, tt.b.solicit(tt.port, own))
		if got := described(t, f); got != tt.want || f.to != own || f.from != model.LinkLocal(topology.GatewayMACFor(100)) {
			t.Errorf("%s: from %v to %v: %s, want %s", tt.port, f.from, f.to, got, tt.want)
		}
		if f := tt.b.sent(tt.port, tt.b.solicit(tt.port, netip.IPv6Unspecified())); f.to != netip.MustParseAddr("ff02::1") {
			t.Errorf("%s, without an address yet: to %v", tt.port, f.to)
		}
		node, m, ok := Advertise(tt.b.view, tt.b.port(tt.port))
		if got := described(t, tt.b.sent(tt.port, packetin.Reply{Out: m})); !ok || node != "n1" || got != tt.want {
			t.Errorf("%s, unasked: %v, %s", tt.port, ok, got)
		}
	}
	off := newBed(t, func(s *topology.NetworkSpec) { s.RA = "" })
	if r := off.solicit("web.1", netip.IPv6Unspecified()); r.Out != nil || !strings.Contains(r.What, "no router advertisements") {
		t.Errorf("off: %+v", r)
	}
	if _, _, ok := Advertise(off.view, off.port("web.1")); ok {
		t.Error("off: advertised")
	}
	if got := advertisedPorts(managed.view); fmt.Sprint(got) != "[own web.1 job]" {
		t.Errorf("advertised to %v", got)
	}
}
