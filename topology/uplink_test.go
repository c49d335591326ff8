package topology

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/topology/model"
)

// planned plans operations that are valid.
func planned(t *testing.T, s *Snapshot, ops ...Op) Result {
	t.Helper()
	r, err := Plan(s, ops, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func uplinkOp(name string, ranges ...netip.Prefix) Op {
	return Op{Verb: Put, Ref: Ref{Kind: KindUplink, Name: name}, Spec: model.UplinkSpec{Ranges: ranges}}
}

// bridgeOp declares an uplink of the type bridge; all of the subnet is sdnd's.
func bridgeOp(name, bridge, subnet string) Op {
	p := netip.MustParsePrefix(subnet)
	return Op{Verb: Put, Ref: Ref{Kind: KindUplink, Name: name}, Spec: model.UplinkSpec{Type: model.UplinkBridge, Bridge: bridge, Subnet: p, Gateway: p.Addr().Next(), Addresses: []netip.Prefix{p}}}
}

func leavingRouter(name, uplink string, networks ...string) Op {
	return Op{Verb: Put, Ref: Ref{Kind: KindRouter, Name: name}, Spec: RouterSpec{Networks: networks, Egress: &model.RouterEgress{Uplink: uplink}}}
}

// TestUplinkAddresses: each router with an uplink has an address of each family that
// neither another router nor the kernel nor the switch has, and keeps it.
func TestUplinkAddresses(t *testing.T) {
	s := planned(t, NewSnapshot(), uplinkOp("wan"), leavingRouter("a", "wan"), leavingRouter("b", "wan")).Next
	seen := map[netip.Addr]string{}
	u, _ := s.Uplink("wan")
	for _, f := range model.Families() {
		r, _ := u.Spec.Range(f)
		seen[model.UplinkAddr(r, model.UplinkKernel)], seen[model.UplinkAddr(r, model.UplinkSwitch)] = "the kernel", "the switch"
		for _, name := range []string{"router/a", "router/b"} {
			n, ok := s.Numbering(name)
			if !ok || n.Egress == 0 || n.Egress == n.Zone {
				t.Fatalf("%s has the numbers %+v", name, n)
			}
			addr, ok := u.Address(n, f)
			if !ok || !r.Contains(addr) || seen[addr] != "" {
				t.Errorf("%s has the address %s of %s, which %q has", name, addr, r, seen[addr])
			}
			seen[addr] = name
		}
	}
	before, _ := s.Numbering("router/b")
	s = planned(t, s, Op{Verb: Put, Ref: Ref{Kind: KindRouter, Name: "b"}, Spec: RouterSpec{}}).Next
	s = planned(t, s, Op{Verb: Delete, Ref: Ref{Kind: KindRouter, Name: "a"}}, leavingRouter("c", "wan"), leavingRouter("b", "wan")).Next
	if after, _ := s.Numbering("router/b"); *after != *before {
		t.Errorf("router/b had the numbers %+v, and has %+v after it left no more for a while", before, after)
	}
	l := NewLoader()
	for _, name := range []string{"router/b", "router/c"} {
		n, _ := s.Numbering(name)
		if err := l.AddNumbering(n); err != nil {
			t.Errorf("loaded again: %v", err)
		}
	}
	if n, _ := s.Numbering("router/b"); l.AddNumbering(&Numbering{Of: "router/x", Zone: 999, Egress: n.Egress}) == nil {
		t.Error("two routers with one zone are loaded")
	}
}

// dualOp declares an uplink of the type bridge with subnets of both families, of which "" is none.
func dualOp(name, subnet, subnet6 string, addresses ...string) Op {
	spec := model.UplinkSpec{Type: model.UplinkBridge, Bridge: "br-" + name}
	for text, to := range map[string]*netip.Prefix{subnet: &spec.Subnet, subnet6: &spec.Subnet6} {
		if text != "" {
			*to = netip.MustParsePrefix(text)
		}
	}
	for _, a := range addresses {
		spec.Addresses = append(spec.Addresses, netip.MustParsePrefix(a))
	}
	return Op{Verb: Put, Ref: Ref{Kind: KindUplink, Name: name}, Spec: spec}
}

func gateway6(op Op, gateway string) Op {
	spec := op.Spec.(model.UplinkSpec)
	spec.Gateway6 = netip.MustParseAddr(gateway)
	op.Spec = spec
	return op
}

// TestUplinkProblems has what is refused for uplinks, and for routers that use them.
func TestUplinkProblems(t *testing.T) {
	s := planned(t, NewSnapshot(), uplinkOp("wan"), leavingRouter("r", "wan"), bridgeOp("dmz", "br-dmz", "203.0.113.0/24"), gateway6(dualOp("dual", "", "2001:db8:0:3::/64", "2001:db8:0:3::40/122"), "fe80::1"),
		Op{Verb: Put, Ref: Ref{Kind: KindNode, Name: "n1"}, Spec: NodeSpec{TunnelIP: netip.MustParseAddr("10.0.0.1"), UplinkAddresses: []netip.Addr{netip.MustParseAddr("203.0.113.9"), netip.MustParseAddr("2001:db8:0:3::41")}}}).Next
	for name, tt := range map[string]struct {
		op   Op
		kind ProblemKind
		want string
	}{
		"second":               {uplinkOp("lan"), Conflict, "uplink/wan is of the type host already"},
		"none":                 {leavingRouter("s", "lan"), NotFound, `there is no uplink "lan"`},
		"used":                 {Op{Verb: Delete, Ref: Ref{Kind: KindUplink, Name: "wan"}}, InUse, "router/r"},
		"small":                {uplinkOp("wan", netip.MustParsePrefix("198.18.0.0/24")), Invalid, "too small"},
		"twice":                {uplinkOp("wan", netip.MustParsePrefix("198.18.0.0/16"), netip.MustParsePrefix("198.19.0.0/16")), Invalid, "second IPv4 range"},
		"host bits":            {uplinkOp("wan", netip.MustParsePrefix("198.18.0.1/16")), Invalid, "bits set"},
		"link-local":           {uplinkOp("wan", netip.MustParsePrefix("169.254.0.0/16")), Invalid, "not addresses that a router can have"},
		"of no name":           {leavingRouter("s", ""), Invalid, "is missing"},
		"other type":           {Op{Verb: Put, Ref: Ref{Kind: KindUplink, Name: "wan"}, Spec: model.UplinkSpec{Type: "tunnel"}}, Invalid, "not a type of uplink"},
		"other translation":    {Op{Verb: Put, Ref: Ref{Kind: KindRouter, Name: "r"}, Spec: RouterSpec{Egress: &model.RouterEgress{Uplink: "wan", SNAT: "none"}}}, Invalid, "not a way to translate"},
		"no longer host":       {bridgeOp("wan", "br-ex", "192.0.2.0/24"), Conflict, "of the type host, and in use by router/r"},
		"bridge twice":         {bridgeOp("lan", "br-dmz", "198.51.100.0/24"), Conflict, "uplink/dmz leads to the bridge br-dmz"},
		"subnet twice":         {bridgeOp("lan", "br-ex", "203.0.113.128/25"), Conflict, "overlaps 203.0.113.0/24 of uplink/dmz"},
		"IPv6 by a bridge":     {bridgeOp("lan", "br-ex", "fd00::/64"), Invalid, "is IPv6"},
		"no subnet":            {dualOp("lan", "", "", "2001:db8:0:2::/64"), Invalid, "is missing"},
		"IPv4 as subnet6":      {dualOp("lan", "192.0.2.0/24", "203.0.113.0/24"), Invalid, "is not IPv6"},
		"link-local subnet6":   {dualOp("lan", "", "fe80::/64", "fe80::40/122"), Invalid, "not the subnet of a network with a router"},
		"subnet6 twice":        {dualOp("lan", "", "2001:db8:0:3::/64", "2001:db8:0:3::/120"), Conflict, "overlaps 2001:db8:0:3::/64 of uplink/dual"},
		"no range of subnet6":  {dualOp("lan", "192.0.2.0/24", "2001:db8:0:2::/64", "192.0.2.64/26"), Invalid, "no range of 2001:db8:0:2::/64"},
		"range of no subnet":   {dualOp("lan", "192.0.2.0/24", "", "192.0.2.64/26", "2001:db8:0:2::40/122"), Invalid, "is IPv6, of which the uplink has no subnet"},
		"gateway6 elsewhere":   {gateway6(dualOp("lan", "", "2001:db8:0:2::/64", "2001:db8:0:2::40/122"), "2001:db8::1"), Invalid, "not an address of a host in 2001:db8:0:2::/64, and not link-local"},
		"gateway6 in a zone":   {gateway6(dualOp("lan", "", "2001:db8:0:2::/64", "2001:db8:0:2::40/122"), "fe80::1%eth0"), Invalid, "has a zone"},
		"gateway6 alone":       {gateway6(dualOp("lan", "192.0.2.0/24", "", "192.0.2.64/26"), "fe80::1"), Invalid, "of which the uplink has no subnet"},
		"subnet6 of a host":    {Op{Verb: Put, Ref: Ref{Kind: KindUplink, Name: "wan"}, Spec: model.UplinkSpec{Subnet6: netip.MustParsePrefix("2001:db8:0:2::/64")}}, Invalid, "for uplinks of the type bridge"},
		"IPv6 of two nodes":    {Op{Verb: Put, Ref: Ref{Kind: KindNode, Name: "n2"}, Spec: NodeSpec{TunnelIP: netip.MustParseAddr("10.0.0.2"), UplinkAddresses: []netip.Addr{netip.MustParseAddr("2001:db8:0:3::41")}}}, Conflict, "2001:db8:0:3::41 belongs to node/n1"},
		"link-local of a node": {Op{Verb: Put, Ref: Ref{Kind: KindNode, Name: "n2"}, Spec: NodeSpec{TunnelIP: netip.MustParseAddr("10.0.0.2"), UplinkAddresses: []netip.Addr{netip.MustParseAddr("fe80::41")}}}, Invalid, "not an address of a host"},
		"long name":            {bridgeOp("lan", "br-external1", "192.0.2.0/24"), Invalid, "longer than 11"},
		"address of two nodes": {Op{Verb: Put, Ref: Ref{Kind: KindNode, Name: "n2"}, Spec: NodeSpec{TunnelIP: netip.MustParseAddr("10.0.0.2"), UplinkAddresses: []netip.Addr{netip.MustParseAddr("203.0.113.9")}}}, Conflict, "203.0.113.9 belongs to node/n1"},
	} {
		_, err := Plan(s, []Op{tt.op}, time.Time{})
		var problems Problems
		if !errors.As(err, &problems) || len(problems) != 1 || problems[0].Kind != tt.kind || !strings.Contains(problems[0].Message, tt.want) {
			t.Errorf("%s: got %v, want one %s about %q", name, err, tt.kind, tt.want)
		}
	}
}

// TestRoutedProblems has what is refused for routers whose IPv6 is to leave routed, whatever is changed to it.
func TestRoutedProblems(t *testing.T) {
	network := func(name, subnet string) Op {
		return Op{Verb: Put, Ref: Ref{Kind: KindNetwork, Name: name}, Spec: NetworkSpec{Mode: Stretched, Subnets: []Subnet{{Prefix: netip.MustParsePrefix(subnet)}}}}
	}
	router := func(name, uplink string, way model.IPv6Egress, networks ...string) Op {
		op := leavingRouter(name, uplink, networks...)
		op.Spec.(RouterSpec).Egress.IPv6 = way
		return op
	}
	s := planned(t, NewSnapshot(), uplinkOp("wan"), bridgeOp("four", "br-four", "203.0.113.0/24"), dualOp("ext", "", "2001:db8:0:2::/64", "2001:db8:0:2::40/122"),
		network("a", "2001:db8:1::/64"), network("same", "2001:db8:1::/64"), network("near", "2001:db8:0:2:8000::/80"), network("c", "2001:db8:3::/64"),
		router("ra", "ext", model.IPv6Routed, "a"), router("rs", "ext", model.IPv6Translated, "same"), router("rn", "ext", "", "near"), router("rc", "ext", model.IPv6Routed, "c")).Next
	if r, _ := s.Router("rs"); r.Spec.Egress.IPv6 != "" || r.Spec.RoutesIPv6() {
		t.Errorf("translated is stored as %q", r.Spec.Egress.IPv6)
	}
	var all []string
	for r := range s.RoutersRouted("ext") {
		all = append(all, r.Name)
	}
	if strings.Join(all, " ") != "ra rc" {
		t.Errorf("routed by ext: %v, want ra and rc", all)
	}
	for name, tt := range map[string]struct {
		op   Op
		kind ProblemKind
		want string
	}{
		"other way":            {router("ra", "ext", "bridged", "a"), Invalid, "is not a way for IPv6 to leave"},
		"by a kernel":          {router("ra", "wan", model.IPv6Routed, "a"), Conflict, "is of the type host, by which the node's kernel translates all"},
		"without subnet6":      {router("ra", "four", model.IPv6Routed, "a"), Conflict, "uplink/four has no subnet6"},
		"subnet6 is removed":   {bridgeOp("ext", "br-ext", "192.0.2.0/24"), Conflict, "uplink/ext has no subnet6"},
		"in the uplink's":      {router("rn", "ext", model.IPv6Routed, "near"), Conflict, "overlaps subnet6 2001:db8:0:2::/64 of uplink/ext"},
		"subnet6 over it":      {dualOp("ext", "", "2001:db8:3::/60", "2001:db8:3::40/122"), Conflict, "of network \"c\" overlaps subnet6 2001:db8:3::/60"},
		"another's":            {router("rs", "ext", model.IPv6Routed, "same"), Conflict, "overlaps 2001:db8:1::/64 of network \"a\""},
		"a network comes over": {network("c", "2001:db8:1::/60"), Conflict, "IPv6 of router/rc and router/ra leaves routed by uplink/ext"},
	} {
		_, err := Plan(s, []Op{tt.op}, time.Time{})
		var problems Problems
		if !errors.As(err, &problems) || !slices.ContainsFunc(problems, func(p Problem) bool { return p.Kind == tt.kind && strings.Contains(p.Message, tt.want) }) {
			t.Errorf("%s: got %v, want %s about %q", name, err, tt.kind, tt.want)
		}
	}
}
