package answer

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"

	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

func (b *bed) ask6(port string, payload []byte) packetin.Reply {
	e := envelope{srcMAC: b.port(port).MAC, dstMAC: topology.MAC{0x33, 0x33, 0, 1, 0, 2}, src: model.LinkLocal(b.port(port).MAC), dst: netip.MustParseAddr("ff02::1:2"), srcPort: 546, dstPort: 547}
	frame, err := e.udp(payload)
	if err != nil {
		b.t.Fatal(err)
	}
	return DHCPv6(b.view, b.at(port), b.packetIn(port, frame))
}

// message makes a message of a client, with options.
func message(kind dhcpv6.MessageType, options ...dhcpv6.Option) *dhcpv6.Message {
	m := &dhcpv6.Message{MessageType: kind, TransactionID: dhcpv6.TransactionID{1, 2, 3}}
	for _, o := range options {
		m.AddOption(o)
	}
	return m
}

// association is one of a client, with addresses that it has.
func association(id byte, addresses ...string) dhcpv6.Option {
	ia := &dhcpv6.OptIANA{IaId: [4]byte{id}}
	for _, a := range addresses {
		ia.Options.Add(&dhcpv6.OptIAAddress{IPv6Addr: net.ParseIP(a), PreferredLifetime: time.Hour, ValidLifetime: time.Hour})
	}
	return ia
}

// TestDHCPv6: each kind of message (RFC 8415, 18.3; P-DHC-12).
func TestDHCPv6(t *testing.T) {
	b := newBed(t, func(s *topology.NetworkSpec) {
		s.DHCP.DNS = []netip.Addr{netip.MustParseAddr("fd00:1::53")}
		s.DHCP.Domain = "blue.example"
	})
	const port = "web.1"
	ip, _ := b.port(port).Address(topology.IPv6)
	own := ip.String()
	client := dhcpv6.OptClientID(&dhcpv6.DUIDLL{HWType: iana.HWTypeEthernet, LinkLayerAddr: hardware(b.port(port).MAC)})
	gateway := topology.GatewayMACFor(100)
	server := dhcpv6.OptServerID(&dhcpv6.DUIDLL{HWType: iana.HWTypeEthernet, LinkLayerAddr: hardware(gateway)})
	other := dhcpv6.OptServerID(&dhcpv6.DUIDLL{HWType: iana.HWTypeEthernet, LinkLayerAddr: net.HardwareAddr{2, 0, 0, 0, 0, 9}})
	const none = dhcpv6.MessageTypeNone
	for _, tt := range []struct {
		name   string
		ask    *dhcpv6.Message
		want   dhcpv6.MessageType
		gets   string // the address that has a lifetime
		loses  string // one that has none
		status iana.StatusCode
	}{
		{"solicit", message(dhcpv6.MessageTypeSolicit, client, association(1)), dhcpv6.MessageTypeAdvertise, own, "", 0},
		{"solicit, rapid", message(dhcpv6.MessageTypeSolicit, client, association(1), &dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionRapidCommit}), dhcpv6.MessageTypeReply, own, "", 0},
		{"solicit with a server", message(dhcpv6.MessageTypeSolicit, client, server, association(1)), none, "", "", 0},
		{"solicit without a client", message(dhcpv6.MessageTypeSolicit, association(1)), none, "", "", 0},
		{"request", message(dhcpv6.MessageTypeRequest, client, server, association(1, own)), dhcpv6.MessageTypeReply, own, "", 0},
		{"request of another server", message(dhcpv6.MessageTypeRequest, client, other, association(1, own)), none, "", "", 0},
		{"renew", message(dhcpv6.MessageTypeRenew, client, server, association(1, own)), dhcpv6.MessageTypeReply, own, "", 0},
		{"renew of another address", message(dhcpv6.MessageTypeRenew, client, server, association(1, "fd00:1::77")), dhcpv6.MessageTypeReply, own, "fd00:1::77", 0},
		{"rebind", message(dhcpv6.MessageTypeRebind, client, association(1, own)), dhcpv6.MessageTypeReply, own, "", 0},
		{"confirm", message(dhcpv6.MessageTypeConfirm, client, association(1, own)), dhcpv6.MessageTypeReply, "", "", iana.StatusSuccess},
		{"confirm of another address", message(dhcpv6.MessageTypeConfirm, client, association(1, "fd00:9::1")), dhcpv6.MessageTypeReply, "", "", iana.StatusNotOnLink},
		{"confirm of nothing", message(dhcpv6.MessageTypeConfirm, client, association(1)), none, "", "", 0},
		{"release", message(dhcpv6.MessageTypeRelease, client, server, association(1, own)), dhcpv6.MessageTypeReply, "", "", iana.StatusSuccess},
		{"decline", message(dhcpv6.MessageTypeDecline, client, server, association(1, own)), dhcpv6.MessageTypeReply, "", "", iana.StatusSuccess},
		{"information", message(dhcpv6.MessageTypeInformationRequest), dhcpv6.MessageTypeReply, "", "", 0},
	} {
		r := b.ask6(port, tt.ask.ToBytes())
		if tt.want == none {
			if r.Out != nil || r.What == "" {
				t.Errorf("%s: answered, or without a reason: %s", tt.name, r.What)
			}
			continue
		}
		f := b.sent(port, r)
		d, err := dhcpv6.FromBytes(f.payload)
		if err != nil {
			t.Fatal(err)
		}
		m := d.(*dhcpv6.Message)
		if m.MessageType != tt.want || m.TransactionID != tt.ask.TransactionID || f.to != model.LinkLocal(b.port(port).MAC) {
			t.Errorf("%s: to %v: %s", tt.name, f.to, m.Summary())
		}
		var gets, loses string
		if ia := m.Options.OneIANA(); ia != nil {
			for _, a := range ia.Options.Addresses() {
				if a.ValidLifetime > 0 {
					gets += a.IPv6Addr.String()
				} else {
					loses += a.IPv6Addr.String()
				}
			}
		}
		status := iana.StatusCode(0)
		if s := m.Options.Status(); s != nil {
			status = s.StatusCode
		}
		if gets != tt.gets || loses != tt.loses || status != tt.status {
			t.Errorf("%s: gets %q, loses %q, status %v: %s", tt.name, gets, loses, status, m.Summary())
		}
		if sent := len(m.Options.DNS()) == 1 && m.Options.DomainSearchList() != nil; sent != (tt.gets != "" || tt.name == "information") {
			t.Errorf("%s: options %s", tt.name, m.Summary())
		}
	}
	two := message(dhcpv6.MessageTypeSolicit, client, association(1), association(2), &dhcpv6.OptIAPD{IaId: [4]byte{3}})
	d, err := dhcpv6.FromBytes(b.sent(port, b.ask6(port, two.ToBytes())).payload)
	if err != nil {
		t.Fatal(err)
	}
	options := d.(*dhcpv6.Message).Options
	if s := options.IANA()[1].Options.Status(); s == nil || s.StatusCode != iana.StatusNoAddrsAvail {
		t.Errorf("a second association gets %v", options.IANA()[1])
	}
	if s := options.OneIAPD().Options.Status(); s == nil || s.StatusCode != iana.StatusNoPrefixAvail {
		t.Errorf("a delegation gets %v", options.OneIAPD())
	}
}

// FuzzDHCPv6: whatever a port sends makes no trouble.
func FuzzDHCPv6(f *testing.F) {
	b := newBed(f, nil)
	client := dhcpv6.OptClientID(&dhcpv6.DUIDLL{HWType: iana.HWTypeEthernet, LinkLayerAddr: hardware(b.port("web.1").MAC)})
	f.Add(message(dhcpv6.MessageTypeSolicit, client, association(1)).ToBytes())
	f.Add(message(dhcpv6.MessageTypeRebind, client, association(1, "fd00:1::7"), &dhcpv6.OptIAPD{}).ToBytes())
	f.Fuzz(func(t *testing.T, payload []byte) {
		if len(payload) > 1400 {
			return
		}
		b := &bed{t, b.view}
		if r := b.ask6("web.1", payload); r.What == "" {
			t.Error("it does not say what happened")
		} else if r.Out != nil {
			b.sent("web.1", r)
		}
	})
}
