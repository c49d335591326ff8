package model

import (
	"encoding"
	"encoding/json"
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestSetText: each value accepts the forms in which people write it, and is written in one
// form. Empty text means that the value was not given.
func TestSetText(t *testing.T) {
	for _, tt := range []struct {
		value           encoding.TextUnmarshaler
		text, want, err string
	}{
		{new(netip.Addr), "10.0.0.7", "10.0.0.7", ""},
		{new(netip.Addr), "", "", ""},
		{new(netip.Addr), "ten", "", `"ten" is not an address (write it as 10.0.0.7)`},
		{new(netip.Addr), "10.0.0.7/24", "", `"10.0.0.7/24" is not an address (give it without the prefix length)`},
		{new(netip.Prefix), "10.0.0.1/24", "10.0.0.1/24", ""},
		{new(netip.Prefix), "10.0.0.1", "", `"10.0.0.1" is not an address range (add the prefix length, as in 10.0.0.0/24)`},
		{new(netip.Prefix), "x", "", `"x" is not an address range (write it as 10.0.0.0/24)`},
		{new(Gateway), "10.0.0.1", "10.0.0.1", ""},
		{new(Gateway), "10.0.0.1/24", "10.0.0.1", ""},
		{new(Gateway), "", "", ""},
		{new(Gateway), "x", "", `"x" is not an address (write it as 10.0.0.7)`},
		{new(AddrRange), "10.0.0.7", "10.0.0.7", ""},
		{new(AddrRange), "10.0.0.7-10.0.0.7", "10.0.0.7", ""},
		{new(AddrRange), "10.0.0.1 - 10.0.0.9", "10.0.0.1-10.0.0.9", ""},
		{new(AddrRange), "10.0.0.18/28", "10.0.0.16-10.0.0.31", ""},
		{new(AddrRange), "10.0.0.1-", "", `"10.0.0.1-" is neither an address nor a range of addresses (write it as 10.0.0.20, 10.0.0.1-10.0.0.9 or 10.0.0.16/28)`},
		{new(TargetPort), "8080", "8080", ""},
		{new(TargetPort), "HTTP", "http", ""},
		{new(TargetPort), "0", "", `"0" is not a port (give a number from 1 to 65535, or the name of a port of the backends)`},
		{new(TargetPort), "65536", "", `"65536" is not a port (give a number from 1 to 65535, or the name of a port of the backends)`},
		{new(MAC), "0200.0000.0103", "02:00:00:00:01:03", ""},
		{new(MAC), "02-00-00-00-01-03", "02:00:00:00:01:03", ""},
		{new(MAC), "00:00:00:00:00:00", "", "a MAC of all zeros cannot be used (leave it out to have one derived)"},
		{new(MAC), "2:0:0:0:0:1", "", `"2:0:0:0:0:1" is not a MAC address: want six octets, such as 02:00:00:00:01:03`},
		{new(DatapathID), "0xa1", "00000000000000a1", ""},
		{new(DatapathID), "00:00:4e:7c:25:b0:1a:4f", "00004e7c25b01a4f", ""},
		{new(DatapathID), "0", "", `"0" is not a datapath id: it must not be 0 ('ovs-vsctl get bridge BRIDGE datapath_id' shows a switch's)`},
	} {
		err := SetText(tt.value, tt.text)
		var wrong *ValueError
		switch {
		case tt.err != "":
			if !errors.As(err, &wrong) || wrong.Error() != tt.err {
				t.Errorf("%T %q: %v, want %s", tt.value, tt.text, err, tt.err)
			}
			continue
		case err != nil:
			t.Errorf("%T %q: %v", tt.value, tt.text, err)
			continue
		}
		got, err := tt.value.(encoding.TextMarshaler).MarshalText()
		if err != nil || string(got) != tt.want {
			t.Errorf("%T %q is written as %q, want %q (%v)", tt.value, tt.text, got, tt.want, err)
		}
	}
}

// TestModesInAnyCase: words of a fixed list are taken in any case.
func TestModesInAnyCase(t *testing.T) {
	var network NetworkSpec
	var node NodeSpec
	var port PortSpec
	if err := errors.Join(json.Unmarshal([]byte(`{"mode": "SEGMENTED"}`), &network), json.Unmarshal([]byte(`{"tunnelCheck": "Enforce"}`), &node), json.Unmarshal([]byte(`{"portSecurity": "OFF"}`), &port)); err != nil {
		t.Fatal(err)
	}
	if network.Mode != Segmented || node.TunnelCheck != TunnelEnforce || port.PortSecurity != PortSecurityOff {
		t.Errorf("%q, %q, %q", network.Mode, node.TunnelCheck, port.PortSecurity)
	}
}

// TestRangesOfOlderStores: release 0.1 stored a range as an object.
func TestRangesOfOlderStores(t *testing.T) {
	want := AddrRange{netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.9")}
	for _, text := range []string{`{"from": "10.0.0.2", "to": "10.0.0.9"}`, `"10.0.0.2-10.0.0.9"`} {
		var got AddrRange
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{`7`, `["10.0.0.2"]`, `{"from": "x"}`, `""`} {
		var got AddrRange
		if err := json.Unmarshal([]byte(text), &got); err == nil {
			t.Errorf("%s is read as %v", text, got)
		}
	}
}

func TestVNI(t *testing.T) {
	for text, want := range map[string]VNI{"1": 1, "16777215": MaxVNI, "null": 0} {
		var got VNI
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"0", "-1", "16777216", "9223372036854775807", "1.5", "0100", `"7"`} {
		var got VNI
		if err := json.Unmarshal([]byte(text), &got); err == nil {
			t.Errorf("%s is read as %d", text, got)
		}
	}
}

// TestSpecsInJSON: what is written is read unchanged, and what was not given is not
// written.
func TestSpecsInJSON(t *testing.T) {
	for text, spec := range map[string]Spec{
		`{}`: NodeSpec{},
		`{"datapathID":"00000000000000a1","tunnelIP":"192.168.0.1","tunnelCheck":"enforce"}`: NodeSpec{DatapathID: 0xa1, TunnelIP: netip.MustParseAddr("192.168.0.1"), TunnelCheck: TunnelEnforce},
		`{"network":"blue"}`: PortSpec{Network: "blue"},
		`{"vni":7,"mode":"stretched","subnets":[{"cidr":"10.0.0.0/24","gateway":"10.0.0.1","reserved":["10.0.0.7"]}],"mtu":1400}`: NetworkSpec{
			VNI: 7, Mode: Stretched, MTU: 1400, Subnets: []Subnet{{
				netip.MustParsePrefix("10.0.0.0/24"), GatewayOf(netip.MustParseAddr("10.0.0.1")), []AddrRange{PrefixRange(netip.MustParsePrefix("10.0.0.7/32"))},
			}},
		},
	} {
		b, err := json.Marshal(spec)
		if err != nil || string(b) != text {
			t.Errorf("written as %s, want %s (%v)", b, text, err)
		}
		got := spec.Kind().NewSpec()
		if err := json.Unmarshal(b, got); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(spec, Deref(got), cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); d != "" {
			t.Errorf("%s (-want +got):\n%s", text, d)
		}
	}
}

// TestHostAccessIsAdmins: an operator may not open nodes to ports, nor change a network that
// does.
func TestHostAccessIsAdmins(t *testing.T) {
	if got := (NetworkSpec{HostAccess: true}).Writer(); got != Admin {
		t.Errorf("the writer of a network with host access is %v", got)
	}
	if got := (NetworkSpec{}).Writer(); got != Operator {
		t.Errorf("the writer of a network without is %v", got)
	}
}

// TestNodeAddress: a node is reached by the address that it is given of a family, else by its
// tunnel's.
func TestNodeAddress(t *testing.T) {
	a := netip.MustParseAddr
	s := NodeSpec{TunnelIP: a("192.0.2.1"), Addresses: []netip.Addr{a("2001:db8::1")}}
	for f, want := range map[Family]string{IPv4: "192.0.2.1", IPv6: "2001:db8::1"} {
		if got, ok := s.Address(f); !ok || got.String() != want {
			t.Errorf("%v: %v, %t, want %s", f, got, ok, want)
		}
	}
	s.Addresses = []netip.Addr{a("192.0.2.7")}
	if got, _ := s.Address(IPv4); got != a("192.0.2.7") {
		t.Errorf("given address: %v", got)
	}
	if _, ok := s.Address(IPv6); ok {
		t.Error("an address of a family that it has none of")
	}
}
