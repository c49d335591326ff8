package nodeconfig

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// realAddresses is what ip 6.1 printed on a machine whose eth1 had an address by DHCP, a fixed one,
// one by DHCPv6, one by router advertisements and link-local ones of both families.
func realAddresses(t *testing.T) []Address {
	t.Helper()
	text, err := os.ReadFile("testdata/addresses.json")
	if err != nil {
		t.Fatal(err)
	}
	all, err := parseAddresses(text)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestParseAddresses(t *testing.T) {
	on := func(prefix string, seconds int, advertised bool) Address {
		return Address{Interface: "eth1", Prefix: netip.MustParsePrefix(prefix), Dynamic: seconds > 0, Left: time.Duration(seconds) * time.Second, Advertised: advertised}
	}
	want := []Address{
		on("192.0.2.100/24", 49, false),
		on("192.0.2.111/24", 0, false),
		on("2001:db8:1:0:4816:50ff:fe1d:e4e5/64", 86399, true),
		on("2001:db8::5/128", 589, false),
	}
	if d := cmp.Diff(want, realAddresses(t), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	for name, text := range map[string]string{
		"nothing": "", "no list": `{}`, "of an older ip": "2: eth1: <UP>", "no address": `[{"ifname":"eth1","addr_info":[{"local":"x"}]}]`,
	} {
		if all, err := parseAddresses([]byte(text)); err == nil {
			t.Errorf("%s: %v", name, all)
		}
	}
	m := Machine{Exec: func(context.Context, string, ...string) ([]byte, error) {
		return []byte(`Option "-j" is unknown, try "ip -help".`), errors.New("exit status 255")
	}}
	if _, err := m.ReadAddresses(t.Context()); err == nil || !strings.Contains(err.Error(), "is unknown") {
		t.Errorf("an ip without -j: %v", err)
	}
}

// TestCheckMembers: P-NS-09: an address of the machine on a network card of an uplink's bridge
// prevents joining.
func TestCheckMembers(t *testing.T) {
	all := realAddresses(t)
	fixed := Address{Interface: "eth1", Prefix: netip.MustParsePrefix("192.0.2.111/24")}
	bridge := Address{Interface: "br-ex", Prefix: netip.MustParsePrefix("192.0.2.10/24")}
	other := Address{Interface: "eth0", Prefix: netip.MustParsePrefix("10.0.0.2/24")}
	for _, tt := range []struct {
		name      string
		addresses []Address
		members   []string
		want, not []string // in the reason; none is no reason
	}{
		{"none", []Address{bridge, other}, []string{"eth1"}, nil, nil},
		{"a card elsewhere", all, []string{"eth2"}, nil, nil},
		{"both families", all, []string{"eth1", "eth2"}, []string{
			"network card eth1 in bridge br-ex has an address of this machine: 192.0.2.100/24 (dynamic, its lease ends in 49 s), 192.0.2.111/24, 2001:db8:1:0:4816:50ff:fe1d:e4e5/64 (by router advertisements, ends in 86399 s), 2001:db8::5/128 (dynamic, its lease ends in 589 s);",
			"DHCP is not answered there, and this machine loses the address", "br-ex, which has no address, instead of eth1, also the DHCP client",
			"sysctl -w net.ipv6.conf.eth1.accept_ra=0 && ip addr flush dev eth1 scope global", "--allow-nic-address",
		}, []string{"169.254", "fe80"}},
		{"a fixed one", []Address{fixed, bridge}, []string{"eth1"}, []string{
			"192.0.2.111/24; the bridge takes what arrives at eth1, so this machine is not reached by it", "br-ex, which has 192.0.2.10/24, instead of eth1",
		}, []string{"DHCP", "accept_ra", "lease"}},
		{"that of the tunnel", []Address{{Interface: "eth1", Prefix: netip.MustParsePrefix("10.0.0.2/24")}}, []string{"eth1"}, []string{"10.0.0.2/24 (the node's tunnel uses it)"}, nil},
		{"two cards", []Address{fixed, other}, []string{"eth0", "eth1"}, []string{"network card eth0 in", "network card eth1 in"}, nil},
	} {
		s := State{Bridges: map[string]string{"br-ex": ""}, Members: map[string][]string{"br-ex": tt.members}, Addresses: tt.addresses}
		j := joining()
		if got := j.Check(s); got.Blocked != "" {
			t.Errorf("%s: without the uplink: %s", tt.name, got.Blocked)
		}
		j.UplinkBridges = []string{"br-ex"}
		got := j.Check(s)
		if (got.Blocked == "") != (tt.want == nil) || len(got.Notes) > 0 {
			t.Errorf("%s: blocked %q, notes %q", tt.name, got.Blocked, got.Notes)
		}
		for _, w := range tt.want {
			if !strings.Contains(got.Blocked, w) {
				t.Errorf("%s: blocked by %q, want %q", tt.name, got.Blocked, w)
			}
		}
		for _, n := range tt.not {
			if strings.Contains(got.Blocked, n) {
				t.Errorf("%s: blocked by %q, which has %q", tt.name, got.Blocked, n)
			}
		}
		j.CardAddresses = true
		got = j.Check(s)
		if got.Blocked != "" || (len(got.Notes) == 0) != (tt.want == nil) {
			t.Errorf("%s: allowed, blocked %q, notes %q", tt.name, got.Blocked, got.Notes)
		}
	}
	j := joining()
	j.UplinkBridges = []string{"br-ex"}
	got := j.Check(State{Bridges: map[string]string{"br-ex": ""}, AddressesUnknown: "ip: not found"})
	if got.Blocked != "" || len(got.Notes) != 1 || !strings.Contains(got.Notes[0], "is not checked (ip: not found)") {
		t.Errorf("without ip: blocked %q, notes %q", got.Blocked, got.Notes)
	}
}
