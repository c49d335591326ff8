package pipeline_test

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

var update = flag.Bool("update", false, "write testdata anew")

// text lists a node's flows by table, each under the unit and rule it is from.
func text(t *testing.T, v *pipeline.View, node string) string {
	t.Helper()
	var set pipeline.ItemSet
	new(pipeline.Compiler).CompileNode(&set, v, node)
	type line struct {
		table openflow.TableID
		text  string
	}
	var lines []line
	var numbered []string // groups and meters
	for _, e := range set.Items() {
		heading := fmt.Sprintf("# %v: %s\n", set.Unit(e), set.Rule(e))
		if e.Kind() != pipeline.ItemFlow {
			numbered = append(numbered, heading+describe(set.Message(e))+"\n")
			continue
		}
		flow := decoded(set.Message(e)).(*openflow.FlowMod).Flow
		flow.Cookie = 0 // a hash of what is printed anyway
		lines = append(lines, line{flow.Table, heading + flow.String() + "\n"})
	}
	slices.SortStableFunc(lines, func(a, b line) int { return int(a.table) - int(b.table) })
	var b strings.Builder
	fmt.Fprintf(&b, "# %d flows on %s\n", len(lines), node)
	table := -1
	for _, l := range lines {
		if int(l.table) != table {
			table = int(l.table)
			fmt.Fprintf(&b, "\n## %d %s\n", table, pipeline.TableName(l.table))
		}
		b.WriteString(l.text)
	}
	if len(numbered) > 0 {
		b.WriteString("\n## groups and meters\n" + strings.Join(numbered, ""))
	}
	return b.String()
}

// golden is a topology, of which a file has the flows of one node.
type golden struct {
	name    string
	node    string
	declare func(*builder)
	// show shortens the text, nil for all of it.
	show func(string) string
}

// policyGolden is a topology with policies of several tiers, both directions, and all
// kinds of peers.
func policyGolden() golden {
	app := func(name string) model.PolicySelection {
		return model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": name}}}
	}
	return golden{name: "policies", node: "n1", declare: func(b *builder) {
		b.nodes(2)
		b.stretched("blue", 100, "10.0.0.0/24", "fd00:0:0:1::/64")
		b.segmented("pods", 300, "10.244.0.0/16", 200, 100)
		b.router("r", "blue", "pods")
		b.labelled("web", "blue", "n1", "web")
		b.labelled("lb", "blue", "n2", "lb")
		b.labelled("db", "pods", "n1", "db")
		b.port("other", "blue", "n1")
		b.policy("web", model.PolicySpec{Subject: app("web"), Priority: 500, Ingress: []model.PolicyRule{
			{Peers: []model.PolicyPeer{{PolicySelection: app("lb")}, {CIDR: netip.MustParsePrefix("192.0.2.0/24"), Except: []netip.Prefix{netip.MustParsePrefix("192.0.2.128/25")}}},
				Ports: []model.PolicyPort{{Protocol: model.ProtocolTCP, First: 80, Last: 81}, {Protocol: model.ProtocolICMP, Any: true}}},
		}})
		b.policy("db", model.PolicySpec{Subject: app("db"), Priority: 500, OnChange: model.OnChangeKeep, Egress: []model.PolicyRule{{Peers: []model.PolicyPeer{{PolicySelection: app("web")}}}}})
		b.policy("first", model.PolicySpec{Tier: model.TierAdmin, Priority: 10, Subject: app("web"), Ingress: []model.PolicyRule{
			{Action: model.ActionDeny, Peers: []model.PolicyPeer{{PolicySelection: app("db")}}, Ports: []model.PolicyPort{{Protocol: model.ProtocolUDP, First: 53, Last: 53}}},
			{Action: model.ActionPass},
		}})
	}}
}

// answersGolden is networks whose ports are answered by sdnd: one of both families, one
// that no router joins, and one in blocks.
func answersGolden() golden {
	return golden{name: "answers", node: "n1", declare: func(b *builder) {
		b.nodes(2)
		dhcp := model.DHCP{Enabled: true}
		subnets := func(all ...string) (out []topology.Subnet) {
			for _, s := range all {
				out = append(out, topology.Subnet{Prefix: netip.MustParsePrefix(s)})
			}
			return out
		}
		b.op(topology.KindNetwork, "blue", topology.NetworkSpec{VNI: 100, DHCP: dhcp, DNS: model.DNS{Enabled: true}, RA: model.RAManaged, Subnets: subnets("10.0.0.0/24", "fd00:0:0:1::/64")})
		b.op(topology.KindNetwork, "alone", topology.NetworkSpec{VNI: 200, DHCP: dhcp, Subnets: subnets("10.1.0.0/24")})
		b.op(topology.KindNetwork, "pods", topology.NetworkSpec{VNI: 300, Mode: topology.Segmented, ContainersPerNode: 200, MaxNodes: 100, DHCP: dhcp, DNS: model.DNS{Enabled: true}, Subnets: subnets("10.244.0.0/16")})
		b.op(topology.KindNetwork, "named", topology.NetworkSpec{VNI: 400, DNS: model.DNS{Enabled: true}, Subnets: subnets("10.2.0.0/24", "fd00:0:0:2::/64")})
		b.router("r", "blue")
		b.port("named", "named", "n1")
		b.port("web", "blue", "n1")
		b.port("far", "blue", "n2")
		b.port("lone", "alone", "n1")
		b.port("job", "pods", "n1")
		b.op(topology.KindPort, "any", topology.PortSpec{Network: "blue", Node: "n1", PortSecurity: model.PortSecurityOff})
	}}
}

// multicastGolden is networks that carry multicast and broadcast: one of both families over three
// nodes, with a port that policies judge and one that may use services; one in blocks; and one with DHCP.
func multicastGolden() golden {
	return golden{name: "multicast", node: "n1", declare: func(b *builder) {
		b.nodes(3)
		network := func(name string, spec topology.NetworkSpec, subnets ...string) {
			for _, s := range subnets {
				spec.Subnets = append(spec.Subnets, topology.Subnet{Prefix: netip.MustParsePrefix(s)})
			}
			spec.Multicast = model.MulticastFlood
			b.op(topology.KindNetwork, name, spec)
		}
		network("blue", topology.NetworkSpec{VNI: 100}, "10.0.0.0/24", "fd00:0:0:1::/64")
		network("pods", topology.NetworkSpec{VNI: 300, Mode: topology.Segmented, ContainersPerNode: 200, MaxNodes: 100}, "10.244.0.0/16")
		network("leased", topology.NetworkSpec{VNI: 400, DHCP: model.DHCP{Enabled: true}}, "10.2.0.0/24")
		b.port("web", "blue", "n1")
		b.port("db", "blue", "n1")
		b.port("far", "blue", "n2")
		b.port("farther", "blue", "n3")
		b.port("job", "pods", "n1")
		b.port("job2", "pods", "n2")
		b.port("lease", "leased", "n1")
		b.op(model.KindService, "dns", model.ServiceSpec{Addresses: []netip.Addr{netip.MustParseAddr("10.96.0.10")}, Networks: []string{"leased"}, Ports: []model.ServicePort{{Port: 53}}})
		b.op(model.KindPortGroup, "kept", model.PortGroupSpec{Ports: []string{"db"}})
		b.policy("deny", model.PolicySpec{Subject: model.PolicySelection{PortGroup: "kept"}, Isolates: []model.PolicyDirection{model.Ingress}})
	}}
}

// snoopGolden is networks that send groups to those who have joined them: one of both families over three
// nodes, with members on each of them and a port from any MAC; and one in blocks.
func snoopGolden() golden {
	return golden{name: "snoop", node: "n1", declare: func(b *builder) {
		b.nodes(3)
		b.flooded("blue", topology.NetworkSpec{VNI: 100}, model.MulticastSnoop, "10.0.0.0/24", "fd00:0:0:1::/64")
		b.flooded("pods", topology.NetworkSpec{VNI: 300, Mode: topology.Segmented, ContainersPerNode: 200, MaxNodes: 100}, model.MulticastSnoop, "10.244.0.0/16")
		b.port("web", "blue", "n1")
		b.port("db", "blue", "n1")
		b.op(topology.KindPort, "any", topology.PortSpec{Network: "blue", Node: "n1", PortSecurity: model.PortSecurityOff})
		b.port("far", "blue", "n2")
		b.port("farther", "blue", "n3")
		b.port("job", "pods", "n1")
		b.port("job2", "pods", "n2")
		for _, j := range []string{"web 239.1.2.3", "db 239.1.2.3", "far 239.1.2.3", "farther 239.9.9.9", "web ff15::7", "job 239.1.2.3", "job2 239.9.9.9"} {
			port, group, _ := strings.Cut(j, " ")
			b.join(port, group)
		}
	}}
}

// namesAwayGolden is networks whose questions by DNS leave to an upstream server while sdnd is away:
// one of both families, and one in blocks; and one whose server is in a network of its router.
func namesAwayGolden() golden {
	return golden{name: "names-away", node: "n1", declare: func(b *builder) {
		b.nodes(2)
		network := func(name string, vni topology.VNI, mode model.Mode, upstream []string, subnets ...string) {
			spec := topology.NetworkSpec{VNI: vni, Mode: mode, DNS: model.DNS{Enabled: true}}
			for _, s := range upstream {
				spec.DNS.Upstream = append(spec.DNS.Upstream, netip.MustParseAddr(s))
			}
			for _, s := range subnets {
				spec.Subnets = append(spec.Subnets, topology.Subnet{Prefix: netip.MustParsePrefix(s)})
			}
			if mode == topology.Segmented {
				spec.ContainersPerNode, spec.MaxNodes = 200, 100
			}
			b.op(topology.KindNetwork, name, spec)
		}
		network("blue", 100, topology.Stretched, []string{"127.0.0.53", "192.0.2.53", "192.0.2.54", "2001:db8::53"}, "10.0.0.0/24", "fd00:0:0:1::/64")
		network("pods", 300, topology.Segmented, []string{"192.0.2.53"}, "10.244.0.0/16")
		network("inside", 400, topology.Stretched, []string{"10.0.0.53"}, "10.1.0.0/24")
		b.leaving("r", "blue", "pods", "inside")
		b.labelled("web", "blue", "n1", "web")
		b.port("job", "pods", "n1")
		b.port("db", "inside", "n1")
		b.policy("out", model.PolicySpec{
			Subject: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}}}, Priority: 500,
			Egress: []model.PolicyRule{{Peers: []model.PolicyPeer{{CIDR: netip.MustParsePrefix("192.0.2.0/24")}}}},
		})
	}}
}

// egressGolden is two routers that packets leave, whose networks have equal addresses, and
// policies about what ports of one of them send.
func egressGolden() golden {
	return golden{name: "egress", node: "n1", declare: func(b *builder) {
		b.nodes(2)
		b.stretched("blue", 100, "10.0.0.0/24", "fd00:0:0:1::/64")
		b.segmented("pods", 300, "10.244.0.0/16", 200, 100)
		b.stretched("other", 400, "10.0.0.0/24")
		b.leaving("r", "blue", "pods")
		b.leaving("s", "other")
		b.labelled("web", "blue", "n1", "web")
		b.port("job", "pods", "n2")
		b.port("web-of-other", "other", "n1")
		b.policy("out", model.PolicySpec{
			Subject: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}}}, Priority: 500,
			Egress: []model.PolicyRule{{Peers: []model.PolicyPeer{{CIDR: netip.MustParsePrefix("192.0.2.0/24")}}}},
		})
	}}
}

// narrowGolden is a router that joins networks of three MTUs.
func narrowGolden() golden {
	return golden{name: "narrow", node: "n1", declare: func(b *builder) {
		b.nodes(2)
		b.stretched("blue", 100, "10.0.0.0/24", "fd00:0:0:1::/64")
		b.narrow("red", 200, 1300, "10.1.0.0/24", "fd00:0:0:2::/64")
		b.narrow("old", 300, 1280, "10.2.0.0/24")
		b.router("r", "blue", "red", "old")
		b.port("web", "blue", "n1")
		b.port("db", "red", "n2")
	}}
}

// bridgeGolden is two routers that leave by a bridge, with a policy.
func bridgeGolden() golden {
	return golden{name: "bridge-uplink", node: "n1", declare: func(b *builder) {
		for i, name := range []string{"n1", "n2"} {
			b.op(topology.KindNode, name, topology.NodeSpec{
				TunnelIP:        netip.AddrFrom4([4]byte{172, 16, 56, byte(i + 2)}),
				UplinkAddresses: []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 65)})},
			})
		}
		b.stretched("blue", 100, "10.0.0.0/24", "fd00:0:0:1::/64")
		b.stretched("other", 400, "10.0.0.0/24")
		b.bridged("r", "blue")
		b.bridged("s", "other")
		b.labelled("web", "blue", "n1", "web")
		b.port("web-of-other", "other", "n1")
		b.policy("out", model.PolicySpec{
			Subject: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}}}, Priority: 500,
			Egress: []model.PolicyRule{{Peers: []model.PolicyPeer{{CIDR: netip.MustParsePrefix("192.0.2.0/24")}}}},
		})
	}}
}

// bridgeIPv6Golden is bridgeGolden with an uplink of both families.
func bridgeIPv6Golden() golden {
	return golden{name: "bridge-uplink-ipv6", node: "n1", declare: func(b *builder) {
		for i, name := range []string{"n1", "n2"} {
			b.op(topology.KindNode, name, topology.NodeSpec{
				TunnelIP:        netip.AddrFrom4([4]byte{172, 16, 56, byte(i + 2)}),
				UplinkAddresses: []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 65)}), netip.MustParseAddr("2001:db8:0:2::" + strconv.Itoa(i+65))},
			})
		}
		b.stretched("blue", 100, "10.0.0.0/24", "fd00:0:0:1::/64")
		b.stretched("other", 400, "10.0.0.0/24")
		u := dualBridgeUplink("br-ex", "192.0.2")
		b.bridgedBy(u, "r", "blue")
		b.bridgedBy(u, "s", "other")
		b.labelled("web", "blue", "n1", "web")
		b.port("web-of-other", "other", "n1")
		b.policy("out", model.PolicySpec{
			Subject: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}}}, Priority: 500,
			Egress: []model.PolicyRule{{Peers: []model.PolicyPeer{{CIDR: netip.MustParsePrefix("2001:db8:0:2::/64")}}}},
		})
	}}
}

// routedGolden is a router whose IPv6 leaves by a bridge as it is, and another of which the node has no
// ports.
func routedGolden() golden {
	return golden{name: "bridge-routed", node: "n1", declare: func(b *builder) {
		for i, name := range []string{"n1", "n2"} {
			b.op(topology.KindNode, name, topology.NodeSpec{
				TunnelIP:        netip.AddrFrom4([4]byte{172, 16, 56, byte(i + 2)}),
				Addresses:       []netip.Addr{netip.AddrFrom4([4]byte{172, 16, 56, byte(i + 2)}), netip.MustParseAddr("fd00:56::" + strconv.Itoa(i+2))},
				UplinkAddresses: []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 65)}), netip.MustParseAddr("2001:db8:0:2::" + strconv.Itoa(i+65))},
			})
		}
		b.stretched("blue", 100, "10.0.0.0/24", "2001:db8:1:1::/64")
		b.stretched("other", 400, "10.0.0.0/24", "2001:db8:1:2::/64")
		u := dualBridgeUplink("br-ex", "192.0.2")
		b.bridgedBy(u, "r", "blue")
		b.bridgedBy(u, "s", "other")
		for i := range b.ops {
			if spec, ok := b.ops[i].Spec.(topology.RouterSpec); ok {
				spec.Egress.IPv6 = model.IPv6Routed
			}
		}
		b.labelled("web", "blue", "n1", "web")
		b.port("elsewhere", "other", "n2")
		b.policy("in", model.PolicySpec{
			Subject: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}}}, Priority: 500,
			Ingress: []model.PolicyRule{{Peers: []model.PolicyPeer{{CIDR: netip.MustParsePrefix("2001:db8:f::/48")}}}},
		})
	}}
}

// floatingGolden is two floating addresses on the node: one for a port that policies judge, and one
// that forwards to two ports of another router.
func floatingGolden() golden {
	return golden{name: "floating", node: "n1", declare: func(b *builder) {
		b.nodes(2)
		b.stretched("blue", 100, "10.0.0.0/24", "fd00:0:0:1::/64")
		b.stretched("other", 400, "10.0.0.0/24")
		b.bridged("r", "blue")
		b.bridged("s", "other")
		b.labelled("web", "blue", "n1", "web")
		b.port("one", "other", "n1")
		b.port("two", "other", "n1")
		b.policy("in", model.PolicySpec{
			Subject: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}}}, Priority: 500,
			Ingress: []model.PolicyRule{{Peers: []model.PolicyPeer{{CIDR: netip.MustParsePrefix("192.0.2.0/24")}}}},
		})
		b.floating("whole", 70, "web")
		b.floating("parts", 71, "", model.FloatingForward{Port: 443, To: "one", TargetPort: 8443}, model.FloatingForward{Protocol: model.ProtocolUDP, Port: 53, To: "two"})
	}}
}

// floatingIPv6Golden is floatingGolden in IPv6; a port has a floating address of each family.
func floatingIPv6Golden() golden {
	return golden{name: "floating-ipv6", node: "n1", declare: func(b *builder) {
		b.nodes(2)
		b.stretched("blue", 100, "10.0.0.0/24", "fd00:0:0:1::/64")
		b.stretched("other", 400, "fd00:0:0:1::/64")
		u := dualBridgeUplink("br-ex", "192.0.2")
		b.bridgedBy(u, "r", "blue")
		b.bridgedBy(u, "s", "other")
		b.labelled("web", "blue", "n1", "web")
		b.port("one", "other", "n1")
		b.port("two", "other", "n1")
		b.policy("in", model.PolicySpec{
			Subject: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}}}, Priority: 500,
			Ingress: []model.PolicyRule{{Peers: []model.PolicyPeer{{CIDR: netip.MustParsePrefix("2001:db8::/32")}}}},
		})
		b.floating("four", 70, "web")
		b.floating6("whole", "2001:db8:0:2::70", "web")
		b.floating6("parts", "2001:db8:0:2::71", "", model.FloatingForward{Port: 443, To: "one", TargetPort: 8443}, model.FloatingForward{Protocol: model.ProtocolUDP, Port: 53, To: "two"})
	}}
}

// egressIPGolden is egress addresses of ports here by other nodes, and of ports elsewhere by this node,
// which has the addresses of one and stands by for the other.
func egressIPGolden() golden {
	return golden{name: "egress-addresses", node: "n1", declare: func(b *builder) {
		b.nodes(3)
		b.stretched("blue", 100, "10.0.0.0/24", "fd00:0:0:1::/64")
		b.segmented("pods", 300, "10.244.0.0/16", 200, 100)
		b.bridged("r", "blue")
		b.bridged("s", "pods")
		b.labelled("web", "blue", "n1", "web")
		b.labelled("shared", "blue", "n1", "web")
		b.labelled("job", "pods", "n2", "job")
		b.floating("parts", 71, "", model.FloatingForward{Port: 443, To: "shared"})
		b.egressIP("jobs", 80, "job", "n1", "n3")
		b.egressIP("webs", 81, "web", "n2", "n1")
		b.policy("out", model.PolicySpec{
			Subject: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}}}, Priority: 500,
			Egress: []model.PolicyRule{{Peers: []model.PolicyPeer{{CIDR: netip.MustParsePrefix("192.0.2.0/24")}}}},
		})
	}}
}

// egressIPv6Golden is egressIPGolden in IPv6: of one egress address by IPv6 alone, and one of both families. A router
// routes IPv6, so that its port leaves with the address of IPv4 alone.
func egressIPv6Golden() golden {
	return golden{name: "egress-addresses-ipv6", node: "n1", declare: func(b *builder) {
		b.nodes(3)
		b.stretched("blue", 100, "10.0.0.0/24", "fd00:0:0:1::/64")
		b.segmented("pods", 300, "fd00:1::/48", 200, 100)
		b.stretched("open", 400, "10.2.0.0/24", "2001:db8:1:1::/64")
		u := dualBridgeUplink("br-ex", "192.0.2")
		b.bridgedBy(u, "r", "blue")
		b.bridgedBy(u, "s", "pods")
		b.op(topology.KindRouter, "t", topology.RouterSpec{Networks: []string{"open"}, Egress: &model.RouterEgress{Uplink: "ext", IPv6: model.IPv6Routed}})
		b.labelled("web", "blue", "n1", "web")
		b.labelled("shared", "blue", "n1", "web")
		b.labelled("job", "pods", "n2", "job")
		b.labelled("pub", "open", "n1", "web")
		b.floating6("parts", "2001:db8:0:2::71", "", model.FloatingForward{Port: 443, To: "shared"})
		b.egressIPs("jobs", []string{"2001:db8:0:2::50"}, "job", "n1", "n3")
		b.egressIPs("webs", []string{"192.0.2.81", "2001:db8:0:2::51"}, "web", "n2", "n1")
		b.policy("out", model.PolicySpec{
			Subject: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}}}, Priority: 500,
			Egress: []model.PolicyRule{{Peers: []model.PolicyPeer{{CIDR: netip.MustParsePrefix("2001:db8::/32")}}}},
		})
	}}
}

// routesGolden is static routes to ports here and elsewhere, in both modes, to a port that is not
// there, and to routers on the network of an uplink.
func routesGolden() golden {
	return golden{name: "routes", node: "n1", declare: func(b *builder) {
		b.nodes(2)
		b.stretched("blue", 100, "10.0.0.0/24", "fd00:0:0:1::/64")
		b.segmented("pods", 300, "10.244.0.0/16", 200, 100)
		b.stretched("other", 400, "10.0.0.0/24", "fd00:0:0:1::/64")
		b.router("r", "blue", "pods")
		b.routes("10.51.0.0/24=10.0.0.3,10.0.0.4", "10.52.0.0/24=10.0.0.3", "10.53.0.0/24=10.244.0.2,10.244.1.2", "10.54.0.0/24=10.0.0.99", "::/0=fd00:0:0:1::3")
		b.bridgedBy(dualBridgeUplink("br-ex", "192.0.2"), "s", "other")
		b.routes("203.0.113.0/24=192.0.2.8,192.0.2.9", "0.0.0.0/0=192.0.2.9", "2001:db8:e::/48=2001:db8:0:2::8,2001:db8:0:2::9", "2001:db8:f::9/128=2001:db8:0:2::8", "::/0=2001:db8:0:2::9")
		b.policy("out", model.PolicySpec{
			Subject: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}}}, Priority: 500,
			Egress: []model.PolicyRule{{Peers: []model.PolicyPeer{{CIDR: netip.MustParsePrefix("10.51.0.0/16")}}}},
		})
		b.labelled("web", "blue", "n1", "web")
		b.port("vm1", "blue", "n1")
		b.port("vm2", "blue", "n2")
		b.port("pod1", "pods", "n1")
		b.port("pod2", "pods", "n2")
		b.port("of-other", "other", "n1")
	}}
}

// nodePortGolden is services that machines outside reach by the node's own addresses, on two
// uplinks, with backends here and elsewhere; one of them has session affinity, a draining time and
// backends of its own for what comes from outside.
func nodePortGolden() golden {
	return golden{name: "node-ports", node: "n1", declare: func(b *builder) {
		for i, name := range []string{"n1", "n2"} {
			b.op(topology.KindNode, name, topology.NodeSpec{
				TunnelIP:        netip.AddrFrom4([4]byte{172, 16, 56, byte(i + 2)}),
				UplinkAddresses: []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 65)})},
			})
		}
		b.stretched("blue", 100, "10.0.0.0/24", "fd00:0:0:1::/64")
		b.segmented("pods", 300, "10.244.0.0/16", 200, 100)
		b.stretched("gone", 400, "10.2.0.0/24")
		b.leaving("r", "blue")
		b.bridged("s", "gone")
		b.labelled("web1", "blue", "n1", "web")
		b.labelled("web2", "blue", "n2", "web")
		b.labelled("job", "pods", "n2", "job")
		b.op(model.KindService, "web", model.ServiceSpec{
			Addresses: []netip.Addr{netip.MustParseAddr("10.96.0.10"), netip.MustParseAddr("fd00:96::10")}, Routers: []string{"r"},
			Ports: []model.ServicePort{
				{Name: "http", Port: 80, TargetPort: model.TargetPort{Number: 8080}, NodePort: model.NodePort{Number: 30080}},
				{Name: "dns", Port: 53, Protocol: model.ProtocolUDP, NodePort: model.NodePort{Number: 30053}},
			},
			Backends: model.ServiceBackends{PolicySelection: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}}}},
		})
		b.op(model.KindService, "job", model.ServiceSpec{
			Addresses: []netip.Addr{netip.MustParseAddr("10.96.0.11")}, Networks: []string{"pods"},
			Ports:                 []model.ServicePort{{Port: 80, NodePort: model.NodePort{Number: 30081}}},
			Backends:              model.ServiceBackends{PolicySelection: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "job"}}}},
			ExternalTrafficPolicy: model.TrafficLocal, DrainingTime: model.Duration(time.Minute),
			HealthCheckNodePort: model.NodePort{Number: 30999},
			SessionAffinity:     model.AffinityClientIP, SessionAffinityTimeout: model.Duration(10 * time.Minute),
		})
		b.policy("web", model.PolicySpec{Subject: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}}}, Ingress: []model.PolicyRule{{}}})
	}}
}

// bridgeNodePortGolden is services with node ports and addresses on the uplink, on nodes whose uplink is a bridge with both families. The IPv6 of
// one router is routed, and a port of the other leaves with an egress address by n1.
func bridgeNodePortGolden() golden {
	return golden{name: "node-ports-bridge", node: "n1", declare: func(b *builder) {
		b.dualNodes(2)
		b.stretched("blue", 100, "10.0.0.0/24", "fd00:0:0:1::/64")
		b.stretched("pub", 400, "10.2.0.0/24", "2001:db8:1:1::/64")
		u := dualBridgeUplink("br-ex", "192.0.2")
		b.bridgedBy(u, "r", "blue")
		b.bridgedBy(u, "s", "pub")
		spec := b.ops[len(b.ops)-1].Spec.(topology.RouterSpec)
		spec.Egress.IPv6 = model.IPv6Routed
		b.labelled("web1", "blue", "n1", "web")
		b.labelled("web2", "blue", "n2", "web")
		b.labelled("pub2", "pub", "n2", "pub")
		service := func(name, router string, last uint16, number uint16, uplink ...netip.Addr) {
			b.op(model.KindService, name, model.ServiceSpec{
				Uplink:    &model.ServiceUplink{Name: "ext", Addresses: uplink},
				Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 96, 0, byte(last)}), netip.AddrFrom16([16]byte{0xfd, 15: byte(last)})}, Routers: []string{router},
				Ports:    []model.ServicePort{{Name: "http", Port: 80, TargetPort: model.TargetPort{Number: 8080}, NodePort: model.NodePort{Number: number}}},
				Backends: model.ServiceBackends{PolicySelection: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": name}}}},
			})
		}
		service("web", "r", 10, 30080, netip.MustParseAddr("192.0.2.90"), netip.MustParseAddr("2001:db8:0:2::5a"))
		service("pub", "s", 11, 30085, netip.MustParseAddr("2001:db8:0:2::5b"))
		b.op(topology.KindEgressIP, "web", model.EgressIPSpec{
			Uplink: "ext", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.80")}, Nodes: []string{"n1"},
			Ports: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}}},
		})
		b.policy("web", model.PolicySpec{Subject: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}}}, Ingress: []model.PolicyRule{{}}})
	}}
}

// serviceUplinkGolden is services with addresses on a bridge uplink, of which n1 answers for those of one. That has
// a node port, too; the other keeps to backends of the node that answers, which is n2.
func serviceUplinkGolden() golden {
	return golden{name: "services-on-uplinks", node: "n1", declare: func(b *builder) {
		for i, name := range []string{"n1", "n2"} {
			b.op(topology.KindNode, name, topology.NodeSpec{
				TunnelIP:        netip.AddrFrom4([4]byte{172, 16, 56, byte(i + 2)}),
				UplinkAddresses: []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 65)})},
			})
		}
		b.stretched("blue", 100, "10.0.0.0/24", "fd00:0:0:1::/64")
		b.bridged("r", "blue")
		b.labelled("web1", "blue", "n1", "web")
		b.labelled("web2", "blue", "n2", "web")
		b.labelled("job", "blue", "n2", "job")
		b.op(model.KindService, "web", model.ServiceSpec{
			Addresses: []netip.Addr{netip.MustParseAddr("10.96.0.10"), netip.MustParseAddr("fd00:96::10")}, Routers: []string{"r"},
			Uplink: &model.ServiceUplink{Name: "ext", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.90")}},
			Ports: []model.ServicePort{
				{Name: "http", Port: 80, TargetPort: model.TargetPort{Number: 8080}, NodePort: model.NodePort{Number: 30080}},
				{Name: "dns", Port: 53, Protocol: model.ProtocolUDP},
			},
			Backends: model.ServiceBackends{PolicySelection: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}}}},
		})
		b.op(model.KindService, "job", model.ServiceSpec{
			Addresses: []netip.Addr{netip.MustParseAddr("10.96.0.11")}, Routers: []string{"r"},
			Uplink:                &model.ServiceUplink{Name: "ext", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.91")}},
			Ports:                 []model.ServicePort{{Port: 80}},
			Backends:              model.ServiceBackends{PolicySelection: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "job"}}}},
			ExternalTrafficPolicy: model.TrafficLocal, DrainingTime: model.Duration(time.Minute),
			SessionAffinity: model.AffinityClientIP, SessionAffinityTimeout: model.Duration(10 * time.Minute),
		})
		b.policy("web", model.PolicySpec{Subject: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}}}, Ingress: []model.PolicyRule{{}}})
	}}
}

// hostGolden is networks whose ports and nodes reach each other, in both modes, with
// policies about nodes, and a network without that beside them.
func hostGolden() golden {
	app := func(name string) model.PolicySelection {
		return model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": name}}}
	}
	return golden{name: "host-access", node: "n1", declare: func(b *builder) {
		for i, name := range []string{"n1", "n2"} {
			b.op(topology.KindNode, name, topology.NodeSpec{
				TunnelIP:  netip.AddrFrom4([4]byte{172, 16, 56, byte(i + 2)}),
				Addresses: []netip.Addr{netip.AddrFrom16([16]byte{0xfd, 0x56, 15: byte(i + 2)})},
			})
		}
		b.accessible("blue", 100, "10.0.0.0/24", "fd00:0:0:1::/64")
		b.op(topology.KindNetwork, "pods", topology.NetworkSpec{
			VNI: 300, Mode: topology.Segmented, ContainersPerNode: 200, MaxNodes: 100, HostAccess: true,
			Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.244.0.0/16")}},
		})
		b.stretched("shut", 400, "10.1.0.0/24")
		b.router("r", "blue", "shut")
		b.labelled("web", "blue", "n1", "web")
		b.port("far", "blue", "n2")
		b.port("job", "pods", "n1")
		b.port("job2", "pods", "n2")
		b.port("legacy", "shut", "n1")
		node := []model.PolicyPeer{{Node: true}}
		b.policy("web", model.PolicySpec{Subject: app("web"), Priority: 500, Ingress: []model.PolicyRule{{Peers: node, Ports: []model.PolicyPort{{Protocol: model.ProtocolTCP, First: 80, Last: 80}}}}, Egress: []model.PolicyRule{{Peers: node}}})
	}}
}

// actionsGolden is a topology with what policies do beside allowing and denying.
func actionsGolden() golden {
	app := func(name string) model.PolicySelection {
		return model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": name}}}
	}
	return golden{name: "policy-actions", node: "n1", declare: func(b *builder) {
		b.nodes(2)
		b.stretched("blue", 100, "10.0.0.0/24", "fd00:0:0:1::/64")
		for i, name := range []string{"web1", "web2", "db1", "db2"} {
			b.labelled(name, "blue", "n1", name[:len(name)-1])
			number := uint16(8080 + max(i-1, 0)) // both of web have the same
			b.ops[len(b.ops)-1].Spec = topology.PortSpec{Network: "blue", Node: "n1", NamedPorts: map[string]model.PolicyPort{"http": {Protocol: model.ProtocolTCP, First: number, Last: number}}}
		}
		b.labelled("lb", "blue", "n2", "lb")
		http := []model.PolicyPort{{Protocol: model.ProtocolTCP, Name: "http"}}
		b.policy("db", model.PolicySpec{Subject: app("db"), Priority: 500, Ingress: []model.PolicyRule{{Ports: http}}})
		b.policy("web", model.PolicySpec{Subject: app("web"), Priority: 500, Ingress: []model.PolicyRule{
			{Peers: []model.PolicyPeer{{PolicySelection: app("lb")}}, Ports: http},
			{Action: model.ActionReject},
		}})
		b.policy("tried", model.PolicySpec{Tier: model.TierAdmin, Subject: app("db"), Mode: model.ModeShadow, Isolates: model.PolicyDirections(), Ingress: []model.PolicyRule{
			{Peers: []model.PolicyPeer{{PolicySelection: app("lb")}}},
			{Action: model.ActionDeny, Peers: []model.PolicyPeer{{PolicySelection: app("web")}}},
			{Action: model.ActionPass},
		}})
		b.policy("tried-last", model.PolicySpec{Tier: model.TierBaseline, Subject: app("db"), Mode: model.ModeShadow, Ingress: []model.PolicyRule{
			{Action: model.ActionDeny, Peers: []model.PolicyPeer{{PolicySelection: app("web")}}},
		}})
	}}
}

// checkedGolden is services whose backends are checked by each protocol, and one whose clients
// reach only the backends of their node.
func checkedGolden() golden {
	web := model.ServiceBackends{PolicySelection: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}}}}
	return golden{name: "services-checked", node: "n1", declare: func(b *builder) {
		b.nodes(2)
		b.stretched("blue", 100, "10.0.0.0/24", "fd00:0:0:1::/64")
		b.router("r", "blue")
		b.labelled("web1", "blue", "n1", "web")
		b.labelled("web2", "blue", "n2", "web")
		for i, h := range []*model.HealthCheck{{Protocol: model.CheckHTTP, Path: "/healthz"}, {Protocol: model.CheckTCP}, {Protocol: model.CheckICMP}, nil} {
			s := model.ServiceSpec{
				Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 96, 0, byte(10 + i)})}, Routers: []string{"r"},
				Ports: []model.ServicePort{{Port: 80, TargetPort: model.TargetPort{Number: uint16(8080 + i/2)}}}, Backends: web, HealthCheck: h,
			}
			if h == nil {
				s.InternalTrafficPolicy = model.TrafficLocal
			} else if h.Protocol == model.CheckTCP {
				s.Addresses = []netip.Addr{netip.MustParseAddr("fd00:96::11")}
			}
			b.op(model.KindService, fmt.Sprintf("s%d", i), s)
		}
	}}
}

// manyGolden is services with as many backends as need other groups: more than the datapath
// chooses among, and more than one group has. It shows the services only, and of each group
// the first two buckets.
func manyGolden() golden {
	return golden{
		name: "services-many", node: "n1", declare: func(b *builder) {
			b.nodes(2)
			b.stretched("blue", 100, "10.0.0.0/20")
			b.router("r", "blue")
			b.port("client", "blue", "n1")
			for _, n := range []int{17, 520} {
				s := model.ServiceSpec{Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 96, byte(n >> 8), byte(n)})}, Routers: []string{"r"}, Ports: []model.ServicePort{{Port: 80}}}
				for i := range n {
					name := fmt.Sprintf("%d-%d", n, i)
					b.port(name, "blue", "n2")
					s.Backends.Endpoints = append(s.Backends.Endpoints, model.ServiceEndpoint{Port: name})
				}
				b.op(model.KindService, fmt.Sprintf("of-%d", n), s)
			}
		},
		show: func(all string) string {
			var out strings.Builder
			lines := strings.Split(all, "\n")
			for i := 0; i+1 < len(lines); i++ {
				if !strings.HasPrefix(lines[i], "# service/") {
					continue
				}
				line := lines[i+1]
				if parts := strings.Split(line, ",bucket="); len(parts) > 3 {
					line = fmt.Sprintf("%s, and %d more buckets, the last %s", strings.Join(parts[:3], ",bucket="), len(parts)-3, parts[len(parts)-1])
				}
				out.WriteString(lines[i] + "\n" + line + "\n")
			}
			return out.String()
		},
	}
}

// ipv6Goldens are topologies with IPv6.
func ipv6Goldens() []golden {
	return []golden{
		{name: "services", node: "n1", declare: func(b *builder) {
			b.nodes(2)
			b.stretched("blue", 100, "10.0.0.0/24", "fd00:0:0:1::/64")
			b.stretched("red", 200, "10.1.0.0/24")
			b.router("r", "blue", "red")
			b.labelled("web1", "blue", "n1", "web")
			b.labelled("web2", "red", "n2", "web")
			b.port("client", "red", "n1")
			b.op(model.KindService, "web", model.ServiceSpec{
				Addresses: []netip.Addr{netip.MustParseAddr("10.96.0.10"), netip.MustParseAddr("fd00:96::10")}, Routers: []string{"r"},
				Ports:    []model.ServicePort{{Name: "http", Port: 80, TargetPort: model.TargetPort{Number: 8080}}, {Name: "dns", Port: 53, Protocol: model.ProtocolUDP}},
				Backends: model.ServiceBackends{PolicySelection: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}}}},
			})
			b.op(model.KindService, "wiki", model.ServiceSpec{
				Addresses: []netip.Addr{netip.MustParseAddr("10.96.0.11"), netip.MustParseAddr("fd00:96::11")}, Routers: []string{"r"},
				Ports:           []model.ServicePort{{Port: 80, TargetPort: model.TargetPort{Number: 8080}}},
				Backends:        model.ServiceBackends{PolicySelection: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}}}},
				SessionAffinity: model.AffinityClientIP, SessionAffinityTimeout: model.Duration(10 * time.Minute),
			})
			b.policy("web", model.PolicySpec{Subject: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}}}, Ingress: []model.PolicyRule{{}}})
		}},
		{name: "underlay-ipv6", node: "n1", declare: ipv6Underlay},
		{name: "stretched-ipv6", node: "n1", declare: func(b *builder) {
			b.nodes(2)
			b.stretched("blue", 100, "fd00:0:0:1::/64")
			b.port("web", "blue", "n1")
			b.port("db", "blue", "n2")
		}},
		{name: "several-addresses", node: "n1", declare: func(b *builder) {
			b.nodes(2)
			b.stretched("blue", 100, "10.0.0.0/24", "fd00:0:0:1::/64")
			b.stretched("red", 200, "10.1.0.0/24", "fd00:0:0:2::/64")
			b.router("r", "blue", "red")
			addresses := func(last string) []model.PortAddress {
				return []model.PortAddress{
					{IP: netip.MustParseAddr("10.0.0.10" + last), MAC: topology.MAC{0, 0, 0x5e, 0, 1, 10 + last[0] - '0'}},
					{IP: netip.MustParseAddr("fd00:0:0:1::10" + last)},
					{Prefix: netip.MustParsePrefix("10.5" + last + ".0.0/24")}, {Prefix: netip.MustParsePrefix("fd00:5" + last + "::/64")},
					{MAC: topology.MAC{2, 0xff, last[0]}},
				}
			}
			b.op(topology.KindPort, "here", topology.PortSpec{Network: "blue", Node: "n1", Addresses: addresses("1")})
			b.op(topology.KindPort, "there", topology.PortSpec{Network: "blue", Node: "n2", Addresses: addresses("2")})
			b.op(topology.KindPort, "any", topology.PortSpec{Network: "red", Node: "n1", PortSecurity: model.PortSecurityOff})
		}},
		{name: "routed-dual", node: "n1", declare: func(b *builder) {
			b.nodes(2)
			b.stretched("blue", 100, "10.0.0.0/24", "fd00:0:0:1::/64")
			b.stretched("red", 200, "fd00:0:0:2::/64", "10.1.0.0/24")
			b.op(topology.KindNetwork, "pods", topology.NetworkSpec{
				VNI: 300, Mode: topology.Segmented, ContainersPerNode: 200, MaxNodes: 100,
				Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.2.0.0/16")}, {Prefix: netip.MustParsePrefix("fd00:2::/48")}},
				Blocks:  []topology.BlockSpec{{Node: "n2", Prefix: netip.MustParsePrefix("fd00:2:0:9::/64"), Gateway: model.GatewayOf(netip.MustParseAddr("fd00:2:0:9::ff"))}},
			})
			b.stretched("old", 400, "10.3.0.0/24")
			b.router("r", "blue", "red", "pods")
			b.port("web", "blue", "n1")
			b.port("db", "red", "n2")
			b.port("job", "pods", "n1")
			b.port("job2", "pods", "n2")
			b.port("legacy", "old", "n1")
		}},
	}
}

// ipv6Underlay is two networks over an IPv6 underlay, with a third node whose tunnel
// address is IPv4: no flow leads there.
func ipv6Underlay(b *builder) {
	b.underlayNode("n1", "fd00:50::11")
	b.underlayNode("n2", "fd00:50::12")
	b.underlayNode("n3", "192.0.2.13")
	b.stretched("blue", 100, "10.0.0.0/24", "fd00:0:0:1::/64")
	b.op(topology.KindNetwork, "pods", topology.NetworkSpec{
		VNI: 300, Mode: topology.Segmented, ContainersPerNode: 200, MaxNodes: 100,
		Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.2.0.0/16")}, {Prefix: netip.MustParsePrefix("fd00:2::/48")}},
	})
	for i := 1; i <= 3; i++ {
		b.port(fmt.Sprintf("web%d", i), "blue", fmt.Sprintf("n%d", i))
		b.port(fmt.Sprintf("job%d", i), "pods", fmt.Sprintf("n%d", i))
	}
}

// goldens are the topologies of testdata.
func goldens() []golden {
	all := []golden{
		{name: "stretched", node: "n1", declare: func(b *builder) {
			b.nodes(2)
			b.stretched("blue", 100, "10.0.0.0/24")
			b.port("web", "blue", "n1")
			b.port("db", "blue", "n2")
		}},
		{name: "scale-model", node: "n1", declare: func(b *builder) {
			b.nodes(2)
			b.op(topology.KindNetwork, "pods", topology.NetworkSpec{
				VNI: 244, Mode: topology.Segmented, ContainersPerNode: 250, MaxNodes: 250,
				Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.244.0.0/16")}},
				Blocks: []topology.BlockSpec{
					{Node: "n1", Prefix: netip.MustParsePrefix("10.244.1.0/24"), GatewayMAC: topology.MAC{0, 0, 0, 1, 1, 1}},
					{Node: "n2", Prefix: netip.MustParsePrefix("10.244.2.0/24"), GatewayMAC: topology.MAC{0, 0, 0, 2, 1, 1}},
				},
			})
			b.port("netsho1", "pods", "n1")
			b.port("netsho2", "pods", "n1")
			b.port("netsho3", "pods", "n2")
		}},
		{name: "routed", node: "n1", declare: func(b *builder) {
			b.nodes(2)
			b.stretched("blue", 100, "10.0.0.0/24", "10.0.1.0/24")
			b.stretched("red", 200, "10.1.0.0/24")
			b.segmented("pods", 300, "10.2.0.0/16", 200, 100)
			b.router("r", "blue", "red", "pods")
			b.port("web", "blue", "n1")
			b.port("db", "red", "n2")
			b.port("job", "pods", "n2")
		}},
	}
	return append(append(all, ipv6Goldens()...), policyGolden(), answersGolden(), multicastGolden(), snoopGolden(), egressGolden(), narrowGolden(), namesAwayGolden(), bridgeGolden(), bridgeIPv6Golden(), routedGolden(), floatingGolden(), floatingIPv6Golden(), egressIPGolden(), egressIPv6Golden(), routesGolden(), nodePortGolden(), bridgeNodePortGolden(), serviceUplinkGolden(), actionsGolden(), hostGolden(), checkedGolden(), manyGolden())
}

func TestGolden(t *testing.T) {
	for _, tt := range goldens() {
		t.Run(tt.name, func(t *testing.T) {
			b := build(t)
			tt.declare(b)
			got := text(t, b.commit(), tt.node)
			if tt.show != nil {
				got = tt.show(got)
			}
			file := filepath.Join("testdata", tt.name+".flows")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-want +got; -update writes it anew):\n%s", file, diff)
			}
		})
	}
}

// TestGroupsAndFlowsAreAll: the groups and meters of a node, and its flows, are all of its items. A stage
// that has groups or meters and does not say so (stage.groups) would leave them out when an empty switch is filled.
func TestGroupsAndFlowsAreAll(t *testing.T) {
	for _, tt := range goldens() {
		b := build(t)
		tt.declare(b)
		v := b.commit()
		var all, groups, flows pipeline.ItemSet
		c := new(pipeline.Compiler)
		c.CompileNode(&all, v, tt.node)
		c.CompileGroups(&groups, v, tt.node)
		for range c.CompileFlows(&flows, v, tt.node) {
		}
		if apart := groups.Count().Plus(flows.Count()); apart != all.Count() || groups.Digest().Plus(flows.Digest()) != all.Digest() {
			t.Errorf("%s: %v of groups, meters and flows, %v of all", tt.name, apart, all.Count())
		}
	}
}

// TestTranslationStates: no flow asks the connection tracker how a connection is translated, since
// datapaths differ in that (P-SVC-03).
func TestTranslationStates(t *testing.T) {
	states := regexp.MustCompile(`ct_state=[^, ]*[sd]nat`)
	for _, tt := range goldens() {
		b := build(t)
		tt.declare(b)
		if got := states.FindString(text(t, b.commit(), tt.node)); got != "" {
			t.Errorf("%s: a flow matches %s", tt.name, got)
		}
	}
}

// tableConstants returns the names of the package's constants for tables, by number.
func tableConstants(t *testing.T) map[int]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	constant := regexp.MustCompile(`(?m)^(?:const |\t)(Table[A-Za-z0-9]+) +openflow\.TableID = (\d+)$`)
	found := map[int]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range constant.FindAllStringSubmatch(string(text), -1) {
			n, err := strconv.Atoi(m[2])
			if err != nil || found[n] != "" {
				t.Fatalf("%s and %s = %s: %v", found[n], m[1], m[2], err)
			}
			found[n] = m[1]
		}
	}
	if len(found) < 50 {
		t.Fatalf("only these constants were found: %v", found)
	}
	return found
}

// TestTables: stages lists every table once, in order.
func TestTables(t *testing.T) {
	tables := pipeline.Tables()
	for i := range tables[1:] {
		if tables[i].ID >= tables[i+1].ID {
			t.Errorf("table %v comes before %v", tables[i], tables[i+1])
		}
	}
	known := tableConstants(t)
	for _, table := range tables {
		delete(known, int(table.ID))
	}
	if len(known) > 0 {
		t.Errorf("stages does not list %v", known)
	}
	names := map[string]bool{}
	for _, table := range tables {
		if names[table.Name] {
			t.Errorf("two tables are called %q", table.Name)
		}
		names[table.Name] = true
	}
	if got, want := pipeline.TableName(77), "table 77"; got != want {
		t.Errorf("TableName(77) = %q, want %q", got, want)
	}
}
