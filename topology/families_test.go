package topology_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

func addresses(t *testing.T, s *topology.Snapshot, name string) string {
	t.Helper()
	var texts []string
	for _, a := range port(t, s, name).Addresses {
		texts = append(texts, a.String())
	}
	return strings.Join(texts, " ")
}

// TestAddressesOfBothFamilies: a port gets an address of each family that its network
// has: given, allocated, or one of each.
func TestAddressesOfBothFamilies(t *testing.T) {
	ips := func(texts ...string) topology.PortSpec {
		s := topology.PortSpec{Network: "dual"}
		for _, a := range texts {
			s.IPs = append(s.IPs, ip(a))
		}
		return s
	}
	s := plan(t, topology.NewSnapshot(),
		put(topology.KindNetwork, "dual", stretched("fd00::/64", "10.0.0.0/24")),
		put(topology.KindNetwork, "six", stretched("fd00:0:0:1::/64")),
		put(topology.KindPort, "a", topology.PortSpec{Network: "dual"}),
		put(topology.KindPort, "b", topology.PortSpec{Network: "dual", IP: ip("fd00::99")}),
		put(topology.KindPort, "c", ips("fd00::7", "10.0.0.7")),
		put(topology.KindPort, "d", ips("10.0.0.8")),
		put(topology.KindPort, "e", topology.PortSpec{Network: "six"}),
	).Next
	for name, want := range map[string]string{
		"a": "10.0.0.2 fd00::2", "b": "10.0.0.3 fd00::99", "c": "10.0.0.7 fd00::7", "d": "10.0.0.8 fd00::3", "e": "fd00:0:0:1::2",
	} {
		if got := addresses(t, s, name); got != want {
			t.Errorf("%s has %s, want %s", name, got, want)
		}
	}
	if p := port(t, s, "c"); p.Spec.IP != ip("10.0.0.7") || !slices.Equal(p.Spec.IPs, []netip.Addr{ip("10.0.0.7"), ip("fd00::7")}) {
		t.Errorf("spec of c: %+v", p.Spec)
	}
	if p := port(t, s, "d"); p.Spec.IP != ip("10.0.0.8") || p.Spec.IPs != nil {
		t.Errorf("spec of d: %+v", p.Spec)
	}
	if p := port(t, s, "e"); p.MAC.IsMulticast() || p.MAC != topology.MACFor(vniOf(t, s, "six"), p.Addresses[0]) {
		t.Errorf("MAC of e: %s", p.MAC)
	}
	if p, ok := s.PortByAddress("dual", ip("fd00::99")); !ok || p.Name != "b" {
		t.Errorf("fd00::99 is held by %v", p)
	}
}

// TestFamilyComesLater: the ports of a network that gets IPv6 stay as they are. A port that
// is declared again unchanged gets its address.
func TestFamilyComesLater(t *testing.T) {
	ports := []topology.Op{put(topology.KindPort, "a", topology.PortSpec{Network: "n"}), put(topology.KindPort, "b", topology.PortSpec{Network: "n"})}
	s := plan(t, topology.NewSnapshot(), append(ports, put(topology.KindNetwork, "n", stretched("10.0.0.0/24")))...).Next
	s = plan(t, s, put(topology.KindNetwork, "n", stretched("10.0.0.0/24", "fd00::/64"))).Next
	if got := addresses(t, s, "a"); got != "10.0.0.2" {
		t.Errorf("a has %s as soon as its network has IPv6", got)
	}
	r := plan(t, s, ports[0])
	if got := addresses(t, r.Next, "a"); got != "10.0.0.2 fd00::2" || len(r.Changes) != 1 || port(t, r.Next, "a").MAC != port(t, s, "a").MAC {
		t.Errorf("a has %s, declared again", got)
	}
	if got := addresses(t, r.Next, "b"); got != "10.0.0.3" {
		t.Errorf("b has %s, not declared again", got)
	}
	// The family goes only together with the addresses of it.
	ps := refused(t, r.Next, put(topology.KindNetwork, "n", stretched("10.0.0.0/24")))
	if len(ps) != 1 || ps[0].Kind != topology.InUse || !strings.Contains(ps[0].Message, "port/a") || !strings.Contains(ps[0].Message, "fd00::2") {
		t.Errorf("IPv6 taken away from a: %v", ps)
	}
	s = plan(t, r.Next, put(topology.KindNetwork, "n", stretched("10.0.0.0/24")), ports[0]).Next
	if got := addresses(t, s, "a"); got != "10.0.0.2" {
		t.Errorf("a has %s after IPv6 went", got)
	}
}

// TestBlocksOfBothFamilies: a node has a block of each family: a /64 if there is room for
// all nodes, else one that is large enough for its containers.
func TestBlocksOfBothFamilies(t *testing.T) {
	spec := func(containers, nodes int, cidrs ...string) topology.NetworkSpec {
		s := stretched(cidrs...)
		s.Mode, s.ContainersPerNode, s.MaxNodes = topology.Segmented, containers, nodes
		return s
	}
	given := spec(250, 100, "10.244.0.0/16", "fd00::/48")
	given.Blocks = []topology.BlockSpec{
		{Node: "n1", Prefix: netip.MustParsePrefix("fd00:0:0:7::/64"), Gateway: model.GatewayOf(ip("fd00:0:0:7::ffff")), GatewayMAC: topology.MAC{2, 9}},
		{Node: "n2", Prefix: netip.MustParsePrefix("10.244.9.0/24")},
	}
	s := plan(t, topology.NewSnapshot(),
		put(topology.KindNode, "n1", node("192.0.2.1")), put(topology.KindNode, "n2", node("192.0.2.2")),
		put(topology.KindNetwork, "wide", spec(250, 100, "10.1.0.0/16", "fd01::/56")),
		put(topology.KindNetwork, "tight", spec(250, 257, "fd02::/56")),
		put(topology.KindNetwork, "exact", spec(250, 256, "fd03::/56")),
		put(topology.KindNetwork, "given", given),
		put(topology.KindPort, "w", topology.PortSpec{Network: "wide", Node: "n2"}),
		put(topology.KindPort, "t", topology.PortSpec{Network: "tight", Node: "n2"}),
		put(topology.KindPort, "g", topology.PortSpec{Network: "given", Node: "n1"}),
	).Next
	for _, tt := range [][4]string{
		{"wide", "n2", "10.1.2.0/24 10.1.2.1", "fd01:0:0:2::/64 fd01:0:0:2::1"},
		{"tight", "n2", "", "fd02::200/120 fd02::201"},
		{"exact", "n1", "", "fd03:0:0:1::/64 fd03:0:0:1::1"},
		{"given", "n1", "10.244.1.0/24 10.244.1.1", "fd00:0:0:7::/64 fd00:0:0:7::ffff"},
		{"given", "n2", "10.244.9.0/24 10.244.9.1", "fd00:0:0:1::/64 fd00:0:0:1::1"},
	} {
		b, _ := s.Block(tt[0], tt[1])
		for f, want := range tt[2:] {
			got := ""
			if r, ok := b.Of(topology.Family(f)); ok {
				got = r.Prefix.String() + " " + r.Gateway.String()
			}
			if got != want {
				t.Errorf("%s on %s: %q, want %q", tt[0], tt[1], got, want)
			}
		}
	}
	if b, _ := s.Block("given", "n1"); b.GatewayMAC != (topology.MAC{2, 9}) {
		t.Errorf("gateway MAC of both families: %s", b.GatewayMAC)
	}
	for name, want := range map[string]string{"w": "10.1.2.2 fd01:0:0:2::2", "t": "fd02::202", "g": "10.244.1.2 fd00:0:0:7::1"} {
		if got := addresses(t, s, name); got != want {
			t.Errorf("%s has %s, want %s", name, got, want)
		}
	}
}

// TestMACsOfIPv6: addresses of one /64 have different MACs, and those of different ones
// have the same MAC hardly ever.
func TestMACsOfIPv6(t *testing.T) {
	seen := map[topology.MAC]netip.Addr{}
	for block := range 256 {
		a := netip.AddrFrom16([16]byte{0xfd, 7: byte(block), 15: 1})
		for range 100 {
			a = a.Next()
			m := topology.MACFor(7, a)
			if o, ok := seen[m]; ok || m[0] != 0x0a {
				t.Fatalf("%s and %s have %s", a, o, m)
			}
			seen[m] = a
		}
	}
}

func vniOf(t *testing.T, s *topology.Snapshot, network string) topology.VNI {
	t.Helper()
	n, ok := s.Network(network)
	if !ok {
		t.Fatalf("there is no network %q", network)
	}
	return n.VNI
}
