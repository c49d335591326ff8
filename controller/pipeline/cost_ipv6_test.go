package pipeline_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
)

// What IPv6 adds, as docs/cost.md promises it ("IPv6").
const (
	perNodeIPv6            = 15 // a node with ports of networks with IPv6: no source, ND six times, duplicate, hop limit twice, link-local, foreign, what a router cannot forward three times
	perStretchedIPv6       = 1  // way in from the tunnel
	perRoutedStretchedIPv6 = 5  // addressed to the gateway; its link-local address: ND, route, ping, its fragments
	perSegmentedIPv6       = 10 // way in; pings of gateways, their fragments; the node's block: ND, route, addressed to the gateway, and its link-local address
	perLocalPortIPv6       = 6  // sent from its two addresses, from none, and from others; ND for both
	perRemotePortIPv6      = 2  // ND for both
	perPort                = 2  // of a port's own flows those that are of no family: delivered to, counted
	perPortElsewhere       = 1  // sent to
)

// TestCostOfIPv6: a network with both families costs the sum, and one with IPv6 alone has
// no flow for IPv4.
func TestCostOfIPv6(t *testing.T) {
	for _, has := range [][2]bool{{false, true}, {true, true}} {
		for _, routed := range []bool{false, true} {
			for _, n := range [][2]int{{1, 0}, {3, 7}, {20, 40}} {
				local, remote := n[0], n[1]
				b := build(t)
				b.nodes(3)
				cidrs, families := []string{"fd00::/64", "fd00:1::/64"}, 1
				want := perNode + perNodeIPv6 + perStretchedIPv6 + (perLocalPortIPv6+perPort)*local + (perRemotePortIPv6+perPortElsewhere)*remote
				if has[topology.IPv4] {
					cidrs, families = append(cidrs, "10.0.0.0/24"), 2
					want += perStretched + (perLocalPort-perPort)*local + (perRemotePort-perPortElsewhere)*remote
				}
				want += sources(1 + min(remote, 2))
				b.stretched("net", 100, cidrs...)
				if routed {
					b.router("r", "net")
					want += perRoutedStretchedIPv6 + perRoutedSubnet*len(cidrs) + perRoutedPort*families*(local+remote)
					if has[topology.IPv4] {
						want += perRoutedStretched
					}
				}
				for i := range local {
					b.port(fmt.Sprintf("l%d", i), "net", "n1")
				}
				for i := range remote {
					b.port(fmt.Sprintf("r%d", i), "net", fmt.Sprintf("n%d", 2+i%2))
				}
				if got := count(b.commit(), "n1"); got != want {
					t.Errorf("IPv4 %v, routed %v: %d local and %d remote ports: %d flows, want %d", has[topology.IPv4], routed, local, remote, got, want)
				}
			}
		}
	}
}

func TestCostOfSegmentedIPv6(t *testing.T) {
	for _, both := range []bool{false, true} {
		for _, nodes := range []int{1, 2, 50} {
			b := build(t)
			b.nodes(nodes)
			spec := topology.NetworkSpec{VNI: 100, Mode: topology.Segmented, ContainersPerNode: 100, MaxNodes: 1000,
				Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("fd00::/48")}}}
			local := 10
			want := perNode + perNodeIPv6 + perSegmentedIPv6 + sources(nodes) + perRemoteBlock*(nodes-1) + (perLocalPortIPv6+perPort+perRoutedPort)*local
			if both {
				spec.Subnets = append(spec.Subnets, topology.Subnet{Prefix: netip.MustParsePrefix("10.0.0.0/8")})
				want += perSegmented + perRemoteBlock*(nodes-1) + (perLocalPort-perPort+perRoutedPort)*local
			}
			b.op(topology.KindNetwork, "net", spec)
			for n := range nodes {
				for i := range local {
					b.port(fmt.Sprintf("p%d-%d", n, i), "net", fmt.Sprintf("n%d", n+1))
				}
			}
			if got := count(b.commit(), "n1"); got != want {
				t.Errorf("both families %v, %d nodes: %d flows, want %d", both, nodes, got, want)
			}
		}
	}
}

// TestIPv6IsIrrelevantElsewhere: a node without ports of networks with IPv6 has no flow for
// IPv6.
func TestIPv6IsIrrelevantElsewhere(t *testing.T) {
	b := build(t)
	b.nodes(2)
	b.stretched("four", 100, "10.0.0.0/24")
	b.stretched("six", 200, "fd00::/64")
	b.port("a", "four", "n1")
	b.port("b", "six", "n2")
	v := b.commit()
	if got, want := count(v, "n1"), perNode+perStretched+perLocalPort; got != want {
		t.Errorf("n1: %d flows, want %d", got, want)
	}
	if v.CarriesIPv6("n1") || !v.CarriesIPv6("n2") {
		t.Errorf("n1 carries IPv6: %v; n2: %v", v.CarriesIPv6("n1"), v.CarriesIPv6("n2"))
	}
}

// TestLongestIPv6 holds the longest flow-mod to docs/cost.md.
func TestLongestIPv6(t *testing.T) {
	longest := 0
	for _, g := range ipv6Goldens() {
		b := build(t)
		g.declare(b)
		var set pipeline.ItemSet
		new(pipeline.Compiler).CompileNode(&set, b.commit(), g.node)
		for _, e := range set.Items() {
			longest = max(longest, len(set.Message(e)))
		}
	}
	if longest != 336 {
		t.Errorf("the longest flow-mod has %d bytes, want 336", longest)
	}
}
