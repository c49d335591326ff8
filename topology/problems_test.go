package topology_test

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
	"github.com/sdnctl/sdnctl/topology/store/storetest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// base is the state to which TestProblems applies its wrong ops.
func base(t testing.TB) *topology.Snapshot {
	web := stretched("10.1.0.0/24")
	web.VNI = 100
	pods := segmented("10.244.0.0/16", 250, 3)
	pods.Blocks = []topology.BlockSpec{{Node: "n2", Prefix: netip.MustParsePrefix("10.244.7.0/24")}}
	ops := []topology.Op{
		put(topology.KindNode, "n1", node("192.168.0.1")),
		put(topology.KindNode, "n2", topology.NodeSpec{TunnelIP: ip("192.168.0.2"), DatapathID: 0xa2}),
		put(topology.KindNetwork, "web", web),
		put(topology.KindNetwork, "pods", pods),
		put(topology.KindNetwork, "tiny", stretched("10.9.0.0/30")),
		put(topology.KindNetwork, "free", stretched("10.1.0.128/25")),
		put(topology.KindRouter, "main", topology.RouterSpec{Networks: []string{"web", "pods"}}),
		put(topology.KindPort, "t1", topology.PortSpec{Network: "tiny"}),
		put(topology.KindPort, "vm", topology.PortSpec{Network: "web", IP: ip("10.1.0.200"), MAC: topology.MAC{2, 0, 0, 0, 0, 9}, InterfaceID: "vm-if", Node: "n1", Interface: "tap0"}),
		put(topology.KindPort, "c1", topology.PortSpec{Network: "pods", Node: "n1"}),
	}
	for i := range 5 {
		ops = append(ops, put(topology.KindPort, fmt.Sprint("w", i), topology.PortSpec{Network: "web"}))
	}
	return plan(t, topology.NewSnapshot(), ops...).Next
}

// mistake is a list of ops that must be refused.
type mistake struct {
	name string
	ops  []topology.Op
}

// one is a mistake of a single op.
func one(name string, op topology.Op) mistake { return mistake{name, []topology.Op{op}} }

func withSubnet(f func(*topology.Subnet)) topology.NetworkSpec {
	s := stretched("10.0.0.0/24")
	f(&s.Subnets[0])
	return s
}

func withNetwork(s topology.NetworkSpec, f func(*topology.NetworkSpec)) topology.NetworkSpec {
	f(&s)
	return s
}

// TestProblems compares the errors that users get with testdata/problems. Review the files
// as a user would: is it clear what is wrong, and what to do?
func TestProblems(t *testing.T) {
	for file, mistakes := range map[string][]mistake{
		"general":   generalMistakes(),
		"node":      nodeMistakes(),
		"network":   networkMistakes(),
		"segmented": segmentedMistakes(),
		"router":    routerMistakes(),
		"port":      portMistakes(),
		"in-use":    inUseMistakes(),
	} {
		t.Run(file, func(t *testing.T) {
			s := base(t)
			before := storetest.Contents(s)
			var b strings.Builder
			for _, m := range mistakes {
				fmt.Fprintf(&b, "# %s\n", m.name)
				for _, p := range refused(t, s, m.ops...) {
					if p.Fix == "" || p.Message == "" || p.Ref != m.ops[p.Op].Ref {
						t.Errorf("%s: incomplete problem %+v", m.name, p)
					}
					fmt.Fprintf(&b, "[%s] %s\n", p.Kind, p)
				}
				b.WriteString("\n")
			}
			if d := cmp.Diff(before, storetest.Contents(s), storetest.Values()); d != "" {
				t.Errorf("refused ops changed the snapshot:\n%s", d)
			}
			golden(t, filepath.Join("testdata", "problems", file+".txt"), b.String())
		})
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); d != "" {
		t.Errorf("%s (-want +got); -update accepts it:\n%s", path, d)
	}
}

func generalMistakes() []mistake {
	return []mistake{
		one("no such kind", put("switch", "s", nil)),
		one("no such verb", topology.Op{Verb: "make", Ref: ref(topology.KindNode, "x"), Spec: node("192.168.0.9")}),
		one("no spec", put(topology.KindNode, "x", nil)),
		one("spec of another kind", put(topology.KindNode, "x", topology.PortSpec{})),
		one("empty name", put(topology.KindNode, "", node("192.168.0.9"))),
		one("name with a slash", put(topology.KindNode, "a/b", node("192.168.0.9"))),
		one("name begins with a dash", put(topology.KindNode, "-a", node("192.168.0.9"))),
		one("long name", put(topology.KindNode, strings.Repeat("a", 64), node("192.168.0.9"))),
		one("create what exists", create(topology.KindNode, "n1", node("192.168.0.1"))),
		one("delete what does not exist", del(topology.KindPort, "nobody")),
		{"named twice", []topology.Op{
			put(topology.KindPort, "x", topology.PortSpec{Network: "web"}),
			del(topology.KindPort, "x"),
		}},
		one("labels", topology.Op{
			Verb: topology.Put, Ref: ref(topology.KindPort, "x"), Spec: topology.PortSpec{Network: "web"},
			Labels: map[string]string{"": "a", "ok": "", "sp ace": "b", "k": "a,b", "long": strings.Repeat("v", 129)},
		}),
		{"several mistakes, each named once", []topology.Op{
			put(topology.KindNetwork, "broken", stretched("10.0.0.0/31")),
			put(topology.KindPort, "on-broken", topology.PortSpec{Network: "broken"}),
			put(topology.KindRouter, "of-broken", topology.RouterSpec{Networks: []string{"broken"}}),
			put(topology.KindPort, "lost", topology.PortSpec{Network: "nowhere", Node: "nobody"}),
			put(topology.KindPort, "fine", topology.PortSpec{Network: "web"}),
			put(topology.KindNode, "n9", node("192.168.0.1")),
			put(topology.KindPort, "on-n9", topology.PortSpec{Network: "web", Node: "n9"}),
		}},
	}
}

func nodeMistakes() []mistake {
	return []mistake{
		one("link-local tunnel", put(topology.KindNode, "x", node("fe80::1"))),
		one("multicast tunnel", put(topology.KindNode, "x", node("224.0.0.1"))),
		one("loopback tunnel", put(topology.KindNode, "x", node("127.0.0.1"))),
		one("unknown tunnel check", put(topology.KindNode, "x", topology.NodeSpec{TunnelIP: ip("192.168.0.9"), TunnelCheck: "always"})),
		one("tunnel IP taken", put(topology.KindNode, "x", node("192.168.0.1"))),
		one("datapath id taken", put(topology.KindNode, "x", topology.NodeSpec{TunnelIP: ip("192.168.0.9"), DatapathID: 0xa2})),
		one("loopback as its own address", put(topology.KindNode, "x", topology.NodeSpec{TunnelIP: ip("192.168.0.9"), Addresses: []netip.Addr{ip("::1")}})),
		one("two addresses of one family", put(topology.KindNode, "x", topology.NodeSpec{TunnelIP: ip("192.168.0.9"), Addresses: []netip.Addr{ip("192.0.2.1"), ip("192.0.2.2")}})),
		one("address of another node", put(topology.KindNode, "x", topology.NodeSpec{TunnelIP: ip("192.168.0.9"), Addresses: []netip.Addr{ip("192.168.0.1")}})),
		{"address in a network with host access", []topology.Op{
			put(topology.KindNetwork, "web", withNetwork(stretched("10.1.0.0/24"), func(s *topology.NetworkSpec) { s.VNI, s.HostAccess = 100, true })),
			put(topology.KindNode, "x", topology.NodeSpec{TunnelIP: ip("192.168.0.9"), Addresses: []netip.Addr{ip("10.1.0.77")}}),
		}},
		one("no tunnel IP", put(topology.KindNode, "x", topology.NodeSpec{})),
		{"two in one change", []topology.Op{
			put(topology.KindNode, "x1", topology.NodeSpec{TunnelIP: ip("192.168.0.9"), DatapathID: 7}),
			put(topology.KindNode, "x2", topology.NodeSpec{TunnelIP: ip("192.168.0.9"), DatapathID: 7}),
		}},
		{"more nodes than blocks", []topology.Op{
			put(topology.KindNode, "x1", node("192.168.0.8")),
			put(topology.KindNode, "x2", node("192.168.0.9")),
		}},
	}
}

func networkMistakes() []mistake {
	pre := netip.MustParsePrefix
	return []mistake{
		one("no subnet", put(topology.KindNetwork, "x", topology.NetworkSpec{})),
		one("host access with a node's address", put(topology.KindNetwork, "x", withNetwork(stretched("192.168.0.0/24"), func(s *topology.NetworkSpec) { s.HostAccess = true }))),
		{"two with host access overlap", []topology.Op{
			put(topology.KindNetwork, "x", withNetwork(stretched("10.50.0.0/16"), func(s *topology.NetworkSpec) { s.HostAccess = true })),
			put(topology.KindNetwork, "y", withNetwork(stretched("10.50.7.0/24"), func(s *topology.NetworkSpec) { s.HostAccess = true })),
		}},
		one("no CIDR", put(topology.KindNetwork, "x", topology.NetworkSpec{Subnets: make([]topology.Subnet, 1)})),
		one("IPv6 link-local", put(topology.KindNetwork, "x", stretched("fe80::/64"))),
		one("IPv6 multicast", put(topology.KindNetwork, "x", stretched("ff00::/16"))),
		one("IPv4 in IPv6", put(topology.KindNetwork, "x", stretched("::ffff:10.0.0.0/120"))),
		one("IPv6 too small", put(topology.KindNetwork, "x", stretched("fd00::/127"))),
		one("IPv6 too large", put(topology.KindNetwork, "x", stretched("2000::/3"))),
		one("IPv6 overlap", put(topology.KindNetwork, "x", stretched("fd00::/64", "10.0.0.0/24", "fd00::/80"))),
		one("IPv6 gateway is all routers", put(topology.KindNetwork, "x", topology.NetworkSpec{Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("fd00::/64"), Gateway: model.GatewayOf(ip("fd00::"))}}})),
		one("IPv6 gateway of the other family", put(topology.KindNetwork, "x", topology.NetworkSpec{Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("fd00::/64"), Gateway: model.GatewayOf(ip("10.0.0.1"))}}})),
		one("IPv6 small MTU", put(topology.KindNetwork, "x", topology.NetworkSpec{MTU: 1279, Subnets: stretched("fd00::/64").Subnets})),
		one("range of two families", put(topology.KindNetwork, "x", withSubnet(func(s *topology.Subnet) {
			s.Reserved = []topology.AddrRange{{From: ip("10.0.0.9"), To: ip("fd00::9")}}
		}))),
		one("too long", put(topology.KindNetwork, "x", stretched("10.0.0.0/31"))),
		one("too short", put(topology.KindNetwork, "x", stretched("0.0.0.0/0"))),
		one("multicast", put(topology.KindNetwork, "x", stretched("224.0.0.0/24"))),
		one("overlap inside", put(topology.KindNetwork, "x", stretched("10.0.0.0/24", "10.0.1.0/24", "10.0.0.128/25"))),
		one("too many subnets", put(topology.KindNetwork, "x", topology.NetworkSpec{Subnets: make([]topology.Subnet, 257)})),
		one("VNI out of range", put(topology.KindNetwork, "x", topology.NetworkSpec{VNI: 1 << 24, Subnets: stretched("10.0.0.0/24").Subnets})),
		one("VNI taken", put(topology.KindNetwork, "x", topology.NetworkSpec{VNI: 100, Subnets: stretched("10.0.0.0/24").Subnets})),
		one("VNI taken by one that got it", put(topology.KindNetwork, "x", topology.NetworkSpec{VNI: 4097, Subnets: stretched("10.0.0.0/24").Subnets})),
		one("MTU", put(topology.KindNetwork, "x", topology.NetworkSpec{MTU: 100, Subnets: stretched("10.0.0.0/24").Subnets})),
		one("mode", put(topology.KindNetwork, "x", topology.NetworkSpec{Mode: "bridged", Subnets: stretched("10.0.0.0/24").Subnets})),
		one("multicast gateway MAC", put(topology.KindNetwork, "x", topology.NetworkSpec{GatewayMAC: topology.MAC{1}, Subnets: stretched("10.0.0.0/24").Subnets})),
		one("gateway MAC of a port", put(topology.KindNetwork, "web", topology.NetworkSpec{VNI: 100, GatewayMAC: topology.MAC{2, 0, 0, 0, 0, 9}, Subnets: stretched("10.1.0.0/24").Subnets})),
		one("gateway outside", put(topology.KindNetwork, "x", withSubnet(func(s *topology.Subnet) { s.Gateway = model.GatewayOf(ip("10.0.1.1")) }))),
		one("gateway is the broadcast address", put(topology.KindNetwork, "x", withSubnet(func(s *topology.Subnet) { s.Gateway = model.GatewayOf(ip("10.0.0.255")) }))),
		one("reserved ranges", put(topology.KindNetwork, "x", withSubnet(func(s *topology.Subnet) {
			s.Reserved = []topology.AddrRange{
				{From: ip("10.0.0.9"), To: ip("10.0.0.2")},
				{From: ip("10.0.0.9"), To: ip("10.0.1.2")},
				{},
			}
		}))),
		one("segmented fields", put(topology.KindNetwork, "x", topology.NetworkSpec{
			Subnets: stretched("10.0.0.0/24").Subnets, ContainersPerNode: 5, MaxNodes: 5,
			Blocks: []topology.BlockSpec{{Node: "n1", Prefix: pre("10.0.0.0/26")}},
		})),
		one("overlaps another of its router", put(topology.KindNetwork, "web", topology.NetworkSpec{VNI: 100, Subnets: stretched("10.1.0.0/24", "10.244.9.0/24").Subnets})),
	}
}

func segmentedMistakes() []mistake {
	pre := netip.MustParsePrefix
	blocks := func(bs ...topology.BlockSpec) topology.NetworkSpec {
		return withNetwork(segmented("10.0.0.0/16", 250, 100), func(s *topology.NetworkSpec) { s.Blocks = bs })
	}
	return []mistake{
		one("two IPv6 subnets", put(topology.KindNetwork, "x", withNetwork(segmented("fd00::/48", 250, 100), func(s *topology.NetworkSpec) {
			s.Subnets = append(s.Subnets, stretched("fd01::/48").Subnets...)
		}))),
		one("three subnets", put(topology.KindNetwork, "x", withNetwork(segmented("fd00::/48", 250, 100), func(s *topology.NetworkSpec) {
			s.Subnets = append(s.Subnets, stretched("fd01::/48", "10.0.0.0/16").Subnets...)
		}))),
		one("IPv6 too small for its blocks", put(topology.KindNetwork, "x", segmented("fd00::/122", 250, 100))),
		one("IPv6 blocks", put(topology.KindNetwork, "x", withNetwork(segmented("fd00::/48", 250, 100), func(s *topology.NetworkSpec) {
			s.Blocks = []topology.BlockSpec{
				{Node: "n1", Prefix: netip.MustParsePrefix("10.0.1.0/24")}, {Node: "n1", Prefix: netip.MustParsePrefix("fd00:0:0:1::/112")},
				{Node: "n1", Prefix: netip.MustParsePrefix("fd00:0:0:2::/64")}, {Node: "n2", Prefix: netip.MustParsePrefix("fd00:0:0:3::/126")},
			}
		}))),
		one("two gateways of a node", put(topology.KindNetwork, "x", withNetwork(segmented("fd00::/48", 250, 100), func(s *topology.NetworkSpec) {
			s.Subnets = append(s.Subnets, stretched("10.0.0.0/16").Subnets...)
			s.Blocks = []topology.BlockSpec{
				{Node: "n1", Prefix: netip.MustParsePrefix("10.0.1.0/24"), GatewayMAC: topology.MAC{2, 1}},
				{Node: "n1", Prefix: netip.MustParsePrefix("fd00:0:0:2::/64"), GatewayMAC: topology.MAC{2, 2}},
			}
		}))),
		one("two subnets", put(topology.KindNetwork, "x", withNetwork(segmented("10.0.0.0/16", 250, 100), func(s *topology.NetworkSpec) {
			s.Subnets = stretched("10.0.0.0/16", "10.2.0.0/16").Subnets
		}))),
		one("no sizes", put(topology.KindNetwork, "x", segmented("10.0.0.0/16", 0, 0))),
		one("absurd sizes", put(topology.KindNetwork, "x", segmented("10.0.0.0/16", 1<<40, 1<<40))),
		one("too small", put(topology.KindNetwork, "x", segmented("10.0.0.0/16", 250, 300))),
		one("too small for one", put(topology.KindNetwork, "x", segmented("10.0.0.0/24", 300, 3))),
		one("fewer than there are nodes", put(topology.KindNetwork, "x", segmented("10.0.0.0/16", 250, 1))),
		one("gateway", put(topology.KindNetwork, "x", withNetwork(segmented("10.0.0.0/16", 250, 9), func(s *topology.NetworkSpec) {
			s.Subnets[0].Gateway = model.GatewayOf(ip("10.0.0.1"))
		}))),
		one("blocks", put(topology.KindNetwork, "x", blocks(
			topology.BlockSpec{Prefix: pre("10.0.1.0/24")},
			topology.BlockSpec{Node: "n1", Prefix: pre("10.0.2.0/24"), Gateway: model.GatewayOf(ip("10.0.3.1"))},
			topology.BlockSpec{Node: "n1", Prefix: pre("10.0.2.0/23")},
			topology.BlockSpec{Node: "n2", Prefix: pre("10.0.4.0/25"), GatewayMAC: topology.MAC{1}},
			topology.BlockSpec{Node: "n3", Prefix: pre("10.1.0.0/24")},
			topology.BlockSpec{Node: "n4", Prefix: pre("10.0.5.0/31")},
		))),
		one("block of an unknown node", put(topology.KindNetwork, "x", blocks(topology.BlockSpec{Node: "nobody", Prefix: pre("10.0.1.0/24")}))),
		one("too many blocks", put(topology.KindNetwork, "x", withNetwork(blocks(
			topology.BlockSpec{Node: "n1", Prefix: pre("10.0.1.0/24")}, topology.BlockSpec{Node: "n2", Prefix: pre("10.0.2.0/24")}, topology.BlockSpec{Node: "n3", Prefix: pre("10.0.3.0/24")},
		), func(s *topology.NetworkSpec) { s.MaxNodes = 2 }))),
		one("blocks use up the network", put(topology.KindNetwork, "x", withNetwork(segmented("10.0.0.0/23", 250, 2), func(s *topology.NetworkSpec) {
			s.Blocks = []topology.BlockSpec{{Node: "n1", Prefix: pre("10.0.0.0/23")}}
		}))),
		{"port without a node", []topology.Op{put(topology.KindPort, "x", topology.PortSpec{Network: "pods"})}},
		{"port outside its block", []topology.Op{put(topology.KindPort, "x", topology.PortSpec{Network: "pods", Node: "n1", IP: ip("10.244.7.9")})}},
		{"port on its gateway", []topology.Op{put(topology.KindPort, "x", topology.PortSpec{Network: "pods", Node: "n2", IP: ip("10.244.7.1")})}},
		{"block full", []topology.Op{
			put(topology.KindNetwork, "small", segmented("10.0.0.0/16", 1, 9)),
			put(topology.KindPort, "s1", topology.PortSpec{Network: "small", Node: "n1"}),
			put(topology.KindPort, "s2", topology.PortSpec{Network: "small", Node: "n1"}),
		}},
	}
}

func routerMistakes() []mistake {
	return []mistake{
		one("names", put(topology.KindRouter, "x", topology.RouterSpec{Networks: []string{"tiny", "tiny", ""}})),
		one("unknown network", put(topology.KindRouter, "x", topology.RouterSpec{Networks: []string{"nowhere"}})),
		one("network of another router", put(topology.KindRouter, "x", topology.RouterSpec{Networks: []string{"web"}})),
		one("overlapping networks", put(topology.KindRouter, "main", topology.RouterSpec{Networks: []string{"web", "free"}})),
		one("routes", put(topology.KindRouter, "main", topology.RouterSpec{Networks: []string{"web", "pods"}, Routes: []topology.Route{
			{To: netip.MustParsePrefix("10.1.0.0/24"), Via: []netip.Addr{ip("10.1.0.9")}},
			{To: netip.MustParsePrefix("10.244.7.0/24"), Via: []netip.Addr{ip("10.1.0.9")}},
			{To: netip.MustParsePrefix("10.51.0.0/24"), Via: []netip.Addr{ip("10.9.0.2"), ip("10.1.0.1"), ip("10.244.7.1"), ip("10.1.0.9")}},
			{To: netip.MustParsePrefix("10.0.0.0/8"), Via: []netip.Addr{ip("10.1.0.9")}},
			{To: netip.MustParsePrefix("0.0.0.0/0"), Via: []netip.Addr{ip("10.1.0.9"), ip("10.244.7.9")}},
		}})),
		{"a route to what a port has", []topology.Op{
			put(topology.KindRouter, "main", topology.RouterSpec{Networks: []string{"web", "pods"}, Routes: []topology.Route{{To: netip.MustParsePrefix("10.51.0.0/24"), Via: []netip.Addr{ip("10.1.0.9")}}}}),
			put(topology.KindPort, "w0", topology.PortSpec{Network: "web", Addresses: []model.PortAddress{{Prefix: netip.MustParsePrefix("10.51.0.0/16")}}}),
		}},
		{"next hops outside", []topology.Op{
			put(topology.KindUplink, "ext", model.UplinkSpec{Type: model.UplinkBridge, Bridge: "br-ex", Subnet: netip.MustParsePrefix("192.0.2.0/24"), Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.64/26")}}),
			put(topology.KindRouter, "main", topology.RouterSpec{Networks: []string{"web", "pods"}, Egress: &model.RouterEgress{Uplink: "ext"}, Routes: []topology.Route{
				{To: netip.MustParsePrefix("10.51.0.0/24"), Via: []netip.Addr{ip("192.0.2.9"), ip("192.0.2.66")}},
				{To: netip.MustParsePrefix("10.52.0.0/24"), Via: []netip.Addr{ip("192.0.2.9"), ip("10.1.0.9")}},
				{To: netip.MustParsePrefix("192.0.2.0/25"), Via: []netip.Addr{ip("192.0.2.200")}},
			}}),
		}},
	}
}

func portMistakes() []mistake {
	p := func(name string, s topology.PortSpec) mistake { return one(name, put(topology.KindPort, "x", s)) }
	return []mistake{
		p("no network", topology.PortSpec{}),
		p("unknown network", topology.PortSpec{Network: "nowhere"}),
		p("unknown node", topology.PortSpec{Network: "web", Node: "nobody"}),
		p("IPv6 of a network without", topology.PortSpec{Network: "web", IP: ip("fd00::2")}),
		p("further addresses", topology.PortSpec{Network: "web", Addresses: []model.PortAddress{
			{}, {IP: ip("10.1.0.1")}, {IP: ip("10.1.0.50"), Prefix: netip.MustParsePrefix("10.1.0.64/28")}, {Prefix: netip.MustParsePrefix("10.0.0.0/7")},
			{IP: ip("224.0.0.1")}, {MAC: topology.MAC{1}}, {IP: ip("fe80::1%eth0")}, {IP: ip("10.1.0.50")},
		}}),
		p("further addresses that are taken", topology.PortSpec{Network: "web", Addresses: []model.PortAddress{
			{IP: ip("10.1.0.1")}, {Prefix: netip.MustParsePrefix("10.1.0.192/28")}, {IP: ip("fd00::9")},
		}}),
		p("a further range partly in a subnet", topology.PortSpec{Network: "web", Addresses: []model.PortAddress{{Prefix: netip.MustParsePrefix("10.1.0.0/23")}}}),
		p("port security", topology.PortSpec{Network: "web", PortSecurity: "maybe"}),
		p("two addresses of a family", topology.PortSpec{Network: "web", IPs: []netip.Addr{ip("10.1.0.7"), ip("10.1.0.8")}}),
		p("ip not among ips", topology.PortSpec{Network: "web", IP: ip("10.1.0.7"), IPs: []netip.Addr{ip("10.1.0.8")}}),
		p("one of ips is missing", topology.PortSpec{Network: "web", IPs: []netip.Addr{{}}}),
		p("second of ips outside", topology.PortSpec{Network: "web", IPs: []netip.Addr{ip("fd00::2"), ip("10.1.0.9")}}),
		p("outside", topology.PortSpec{Network: "web", IP: ip("10.2.0.2")}),
		p("network address", topology.PortSpec{Network: "web", IP: ip("10.1.0.0")}),
		p("gateway", topology.PortSpec{Network: "web", IP: ip("10.1.0.1")}),
		p("broadcast address", topology.PortSpec{Network: "web", IP: ip("10.1.0.255")}),
		{"reserved", []topology.Op{
			put(topology.KindNetwork, "r", withSubnet(func(s *topology.Subnet) {
				s.Reserved = []topology.AddrRange{{From: ip("10.0.0.2"), To: ip("10.0.0.9")}}
			})),
			put(topology.KindPort, "x", topology.PortSpec{Network: "r", IP: ip("10.0.0.9")}),
		}},
		p("address taken", topology.PortSpec{Network: "web", IP: ip("10.1.0.200")}),
		p("pool exhausted", topology.PortSpec{Network: "tiny"}),
		p("multicast MAC", topology.PortSpec{Network: "web", MAC: topology.MAC{3}}),
		p("MAC taken", topology.PortSpec{Network: "web", MAC: topology.MAC{2, 0, 0, 0, 0, 9}}),
		p("derived MAC of another taken", topology.PortSpec{Network: "web", MAC: topology.MACFor(100, ip("10.1.0.2"))}),
		p("MAC of the gateway", topology.PortSpec{Network: "web", MAC: topology.GatewayMACFor(100)}),
		p("interface id taken", topology.PortSpec{Network: "web", InterfaceID: "vm-if"}),
		p("interface id is another's name", topology.PortSpec{Network: "web", InterfaceID: "w1"}),
		one("name is another's interface id", put(topology.KindPort, "vm-if", topology.PortSpec{Network: "web"})),
		p("interface id too long", topology.PortSpec{Network: "web", InterfaceID: strings.Repeat("i", 256)}),
		p("interface id with a space", topology.PortSpec{Network: "web", InterfaceID: "a b"}),
		p("interface taken", topology.PortSpec{Network: "web", Node: "n1", Interface: "tap0"}),
		p("interface too long", topology.PortSpec{Network: "web", Node: "n1", Interface: "a-very-long-name"}),
		p("interface with a slash", topology.PortSpec{Network: "web", Node: "n1", Interface: "a/b"}),
		p("interface without a node", topology.PortSpec{Network: "web", Interface: "tap0"}),
		{"same address twice in one change", []topology.Op{
			put(topology.KindPort, "x1", topology.PortSpec{Network: "web", IP: ip("10.1.0.50")}),
			put(topology.KindPort, "x2", topology.PortSpec{Network: "web", IP: ip("10.1.0.50")}),
		}},
	}
}

func inUseMistakes() []mistake {
	return []mistake{
		one("node of a port and of a block", del(topology.KindNode, "n1")),
		one("node named in spec.blocks", del(topology.KindNode, "n2")),
		one("network of many", del(topology.KindNetwork, "web")),
		{"network of which some go too", []topology.Op{
			del(topology.KindNetwork, "web"), del(topology.KindPort, "vm"), del(topology.KindPort, "w0"), del(topology.KindPort, "w1"),
			put(topology.KindRouter, "main", topology.RouterSpec{}),
		}},
		{"port put into a network that goes", []topology.Op{
			del(topology.KindNetwork, "free"), put(topology.KindPort, "x", topology.PortSpec{Network: "free"}),
		}},
		one("subnet of ports removed", put(topology.KindNetwork, "web", withNetwork(stretched("10.7.0.0/24"), func(s *topology.NetworkSpec) { s.VNI = 100 }))),
		one("VNI of ports changed", put(topology.KindNetwork, "web", withNetwork(stretched("10.1.0.0/24"), func(s *topology.NetworkSpec) { s.VNI = 101 }))),
		one("address of a port reserved", put(topology.KindNetwork, "web", withNetwork(stretched("10.1.0.0/24"), func(s *topology.NetworkSpec) {
			s.VNI = 100
			s.Subnets[0].Reserved = []topology.AddrRange{{From: ip("10.1.0.200"), To: ip("10.1.0.250")}}
		}))),
		one("address of a port made the gateway", put(topology.KindNetwork, "web", withNetwork(stretched("10.1.0.0/24"), func(s *topology.NetworkSpec) {
			s.VNI = 100
			s.Subnets[0].Gateway = model.GatewayOf(ip("10.1.0.200"))
		}))),
		one("mode of ports without nodes changed", put(topology.KindNetwork, "tiny", segmented("10.0.0.0/16", 250, 9))),
	}
}
