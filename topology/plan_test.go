package topology_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
	"github.com/sdnctl/sdnctl/topology/store/storetest"
)

// TestThreeMistakesAmong500: all are reported, each once, and nothing changes.
func TestThreeMistakesAmong500(t *testing.T) {
	ops := []topology.Op{put(topology.KindNetwork, "a", stretched("10.0.0.0/16"))}
	for i := 1; i < 500; i++ {
		ops = append(ops, put(topology.KindPort, fmt.Sprint("p", i), topology.PortSpec{Network: "a"}))
	}
	ops[77].Spec = topology.PortSpec{Network: "a", IP: ip("10.1.0.1")}
	ops[333].Spec = topology.PortSpec{Network: "b"}
	ops[499].Ref.Name = "no name"
	ps := refused(t, topology.NewSnapshot(), ops...)
	var got []string
	for _, p := range ps {
		got = append(got, fmt.Sprintf("%d %s %s", p.Op, p.Ref, p.Field))
	}
	want := []string{"77 port/p77 spec.ip", "333 port/p333 spec.network", "499 port/no name name"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("problems (-want +got):\n%s", d)
	}
	if !strings.HasPrefix(ps.Error(), "3 problems:\n  port/p77: spec.ip: ") {
		t.Errorf("as an error: %s", ps)
	}
}

// TestScaleModel is the network of the scale-model example.
func TestScaleModel(t *testing.T) {
	ops := []topology.Op{put(topology.KindNetwork, "pods", segmented("10.244.0.0/16", 250, 100))}
	for i := range 12 { // more than nine, so that numbers in names matter
		ops = append(ops,
			put(topology.KindNode, fmt.Sprint("node", 12-i), node(fmt.Sprint("192.168.0.", 12-i))),
			put(topology.KindPort, fmt.Sprint("c", 12-i), topology.PortSpec{Network: "pods", Node: fmt.Sprint("node", 12-i)}),
		)
	}
	s := plan(t, topology.NewSnapshot(), ops...).Next
	for i := 1; i <= 12; i++ {
		b, ok := s.Block("pods", fmt.Sprint("node", i))
		if !ok || b.ByFamily[0].Prefix.String() != fmt.Sprintf("10.244.%d.0/24", i) || b.ByFamily[0].Gateway.String() != fmt.Sprintf("10.244.%d.1", i) {
			t.Errorf("block of node %d: %+v", i, b)
		}
		if p := port(t, s, fmt.Sprint("c", i)); p.Addresses[0].String() != fmt.Sprintf("10.244.%d.2", i) || p.MAC != topology.MACFor(4096, p.Addresses[0]) {
			t.Errorf("port on node %d: %v %v", i, p.Addresses[0], p.MAC)
		}
	}
	// Values given explicitly.
	spec := segmented("10.245.0.0/16", 250, 100)
	spec.Blocks = []topology.BlockSpec{{Node: "node1", Prefix: netip.MustParsePrefix("10.245.9.0/24"), Gateway: model.GatewayOf(ip("10.245.9.254")), GatewayMAC: topology.MAC{0, 0, 0, 0, 1, 1}}}
	s = plan(t, s, put(topology.KindNetwork, "given", spec), put(topology.KindPort, "g", topology.PortSpec{
		Network: "given", Node: "node1", IP: ip("10.245.9.3"), MAC: topology.MAC{2, 0, 0, 0, 1, 3},
	})).Next
	if b, _ := s.Block("given", "node1"); b.ByFamily[0].Gateway != ip("10.245.9.254") || b.GatewayMAC != (topology.MAC{0, 0, 0, 0, 1, 1}) {
		t.Errorf("given block: %+v", b)
	}
	if b, _ := s.Block("given", "node2"); b.ByFamily[0].Prefix.String() != "10.245.1.0/24" {
		t.Errorf("block beside a given one: %+v", b)
	}
}

func TestBlockZeroIsLast(t *testing.T) {
	ops := []topology.Op{put(topology.KindNetwork, "s", segmented("10.0.0.0/29", 1, 2))}
	for i := 1; i <= 2; i++ {
		ops = append(ops, put(topology.KindNode, fmt.Sprint("n", i), node(fmt.Sprint("192.168.0.", i))))
	}
	s := plan(t, topology.NewSnapshot(), ops...).Next
	for i, want := range []string{"10.0.0.4/30", "10.0.0.0/30"} {
		if b, _ := s.Block("s", fmt.Sprint("n", i+1)); b.ByFamily[0].Prefix.String() != want {
			t.Errorf("block %d is %s, want %s", i+1, b.ByFamily[0].Prefix, want)
		}
	}
}

// TestKept: what was allocated stays until a spec makes it impossible.
func TestKept(t *testing.T) {
	a := func(name string) topology.PortSpec { return topology.PortSpec{Network: name} }
	first := plan(t, topology.NewSnapshot(),
		put(topology.KindNetwork, "a", stretched("10.0.0.0/24")),
		put(topology.KindNetwork, "b", stretched("10.0.0.0/24")), // the same addresses, apart
		put(topology.KindPort, "p1", a("a")), put(topology.KindPort, "p2", a("a")), put(topology.KindPort, "p3", a("a")),
	).Next
	second := plan(t, first, del(topology.KindPort, "p1"),
		put(topology.KindPort, "p3", topology.PortSpec{Network: "a", InterfaceID: "x"}),
		put(topology.KindNetwork, "a", withNetwork(stretched("10.0.0.0/24"), func(s *topology.NetworkSpec) { s.MTU = 1400 })),
	).Next
	if was, is := port(t, first, "p3"), port(t, second, "p3"); is.Addresses[0] != was.Addresses[0] || is.MAC != was.MAC || is.Created != 1 || is.Modified != 2 || !is.CreatedAt.Equal(epoch) {
		t.Errorf("p3 was %+v, is %+v", was, is)
	}
	if was, _ := first.Network("a"); was.VNI == 0 {
		t.Error("no VNI")
	} else if is, _ := second.Network("a"); is.VNI != was.VNI || is.GatewayMAC != was.GatewayMAC {
		t.Errorf("network was %+v, is %+v", was, is)
	}
	// An address that the spec gave stays when the spec no longer gives it.
	third := plan(t, second, put(topology.KindPort, "p3", topology.PortSpec{Network: "a", IP: ip("10.0.0.99")})).Next
	fourth := plan(t, third, put(topology.KindPort, "p3", a("a"))).Next
	if p := port(t, fourth, "p3"); p.Addresses[0] != ip("10.0.0.99") {
		t.Errorf("p3 has %s, want the address that it had", p.Addresses[0])
	}
	// In another network the port gets another.
	fifth := plan(t, fourth, put(topology.KindPort, "p3", a("b"))).Next
	if p := port(t, fifth, "p3"); p.Addresses[0] != ip("10.0.0.2") {
		t.Errorf("p3 has %s in its new network", p.Addresses[0])
	}
	if _, ok := fifth.PortByAddress("a", ip("10.0.0.99")); ok {
		t.Error("the old address is still held")
	}
	if p, ok := fourth.PortByAddress("a", ip("10.0.0.99")); !ok || p.Name != "p3" {
		t.Error("the old snapshot has changed")
	}
}

// TestRenumber: a file with a new CIDR and all its ports moves the ports; those that still
// fit stay.
func TestRenumber(t *testing.T) {
	ports := []topology.Op{
		put(topology.KindPort, "p1", topology.PortSpec{Network: "a"}),
		put(topology.KindPort, "p2", topology.PortSpec{Network: "a", MAC: topology.MAC{2, 2, 2, 2, 2, 2}}),
	}
	at := func(cidrs ...string) topology.Op { return put(topology.KindNetwork, "a", stretched(cidrs...)) }
	s := plan(t, topology.NewSnapshot(), append(ports, at("10.0.0.0/24"))...).Next
	r := plan(t, s, append(ports, at("10.0.0.0/24", "10.5.0.0/24"))...)
	if len(r.Changes) != 1 {
		t.Errorf("one more subnet changed %v", r.Changes)
	}
	r = plan(t, r.Next, append(ports, at("10.5.0.0/24"))...)
	if p := port(t, r.Next, "p1"); p.Addresses[0] != ip("10.5.0.2") || p.Modified != 3 {
		t.Errorf("p1: %+v", p)
	}
	// Another VNI: addresses stay, derived MACs and locks follow.
	spec := stretched("10.5.0.0/24")
	spec.VNI = 77
	s = plan(t, r.Next, append(ports, put(topology.KindNetwork, "a", spec))...).Next
	if p := port(t, s, "p1"); p.Addresses[0] != ip("10.5.0.2") || p.MAC != topology.MACFor(77, p.Addresses[0]) {
		t.Errorf("p1: %+v", p)
	}
	if p, ok := s.PortByMAC("a", topology.MAC{2, 2, 2, 2, 2, 2}); !ok || p.Name != "p2" {
		t.Error("p2 is not found by its MAC")
	}
}

// TestSwap: ops are checked against the state that they lead to, in any order.
func TestSwap(t *testing.T) {
	at := func(name, addr string, mac byte) topology.Op {
		return put(topology.KindPort, name, topology.PortSpec{Network: "a", IP: ip(addr), MAC: topology.MAC{2, 0, 0, 0, 0, mac}, InterfaceID: addr})
	}
	vni := func(name string, v topology.VNI) topology.Op {
		s := stretched("10.0.0.0/24")
		s.VNI = v
		return put(topology.KindNetwork, name, s)
	}
	n := func(name, addr string) topology.Op { return put(topology.KindNode, name, node(addr)) }
	s := plan(t, topology.NewSnapshot(), at("p", "10.0.0.5", 5), at("q", "10.0.0.6", 6), vni("a", 1), vni("b", 2), vni("c", 3), n("n1", "192.168.0.1"), n("n2", "192.168.0.2"),
		put(topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"b"}})).Next
	s = plan(t, s, at("p", "10.0.0.6", 6), at("q", "10.0.0.5", 5), vni("b", 3), vni("c", 2), n("n1", "192.168.0.2"), n("n2", "192.168.0.1"),
		put(topology.KindRouter, "r", topology.RouterSpec{}), put(topology.KindRouter, "r2", topology.RouterSpec{Networks: []string{"b"}})).Next
	if p, _ := s.PortByAddress("a", ip("10.0.0.6")); p.Name != "p" {
		t.Errorf("10.0.0.6 is held by %s", p.Name)
	}
	if r, _ := s.RouterOf("b"); r == nil || r.Name != "r2" {
		t.Errorf("router of b: %+v", r)
	}
	all := []topology.Op{
		del(topology.KindNetwork, "a"), del(topology.KindNetwork, "b"), del(topology.KindNetwork, "c"), del(topology.KindNode, "n1"), del(topology.KindNode, "n2"),
		del(topology.KindRouter, "r2"), del(topology.KindRouter, "r"), del(topology.KindPort, "q"), del(topology.KindPort, "p"),
	}
	if s = plan(t, s, all...).Next; len(storetest.Contents(s)) != 1 {
		t.Errorf("left over: %v", storetest.Contents(s))
	}
}

func TestPortMovesToAnotherNode(t *testing.T) {
	s := plan(t, topology.NewSnapshot(),
		put(topology.KindNode, "n1", node("192.168.0.1")), put(topology.KindNode, "n2", node("192.168.0.2")),
		put(topology.KindNetwork, "pods", segmented("10.244.0.0/16", 250, 9)),
		put(topology.KindPort, "p", topology.PortSpec{Network: "pods", Node: "n1"}),
	).Next
	s = plan(t, s, put(topology.KindPort, "p", topology.PortSpec{Network: "pods", Node: "n2"})).Next
	if p := port(t, s, "p"); p.Addresses[0] != ip("10.244.2.2") {
		t.Errorf("on n2 it has %s", p.Addresses[0])
	}
}

func TestNodeLeavesAndComes(t *testing.T) {
	s := plan(t, topology.NewSnapshot(),
		put(topology.KindNode, "n1", node("192.168.0.1")), put(topology.KindNode, "n2", node("192.168.0.2")),
		put(topology.KindNetwork, "pods", segmented("10.244.0.0/16", 250, 9)),
	).Next
	r := plan(t, s, del(topology.KindNode, "n1"))
	if len(r.Blocks) != 1 || r.Blocks[0].After != nil || r.Blocks[0].Before.ByFamily[0].Prefix.String() != "10.244.1.0/24" {
		t.Errorf("blocks: %+v", r.Blocks)
	}
	r = plan(t, r.Next, put(topology.KindNode, "n3", node("192.168.0.3")))
	if len(r.Blocks) != 1 || r.Blocks[0].Before != nil || r.Blocks[0].After.ByFamily[0].Prefix.String() != "10.244.1.0/24" || r.Blocks[0].Node != "n3" {
		t.Errorf("blocks: %+v", r.Blocks)
	}
	// A larger network: n2 and n3 keep their blocks.
	if r = plan(t, r.Next, put(topology.KindNetwork, "pods", segmented("10.244.0.0/15", 250, 400))); len(r.Blocks) != 0 {
		t.Errorf("blocks: %+v", r.Blocks)
	}
	// The network is no longer segmented: the blocks are released.
	if r = plan(t, r.Next, put(topology.KindNetwork, "pods", stretched("10.244.0.0/16"))); len(r.Blocks) != 2 {
		t.Errorf("blocks: %+v", r.Blocks)
	}
}

// TestOneNodeNeedsNoTunnel: a single host works without an underlay.
func TestOneNodeNeedsNoTunnel(t *testing.T) {
	s := plan(t, topology.NewSnapshot(), put(topology.KindNode, "n1", topology.NodeSpec{})).Next
	ps := refused(t, s, put(topology.KindNode, "n2", node("192.168.0.2")))
	if len(ps) != 1 || !strings.HasPrefix(ps[0].Message, "node/n1 has no tunnel IP") {
		t.Errorf("second node: %v", ps)
	}
	plan(t, s, put(topology.KindNode, "n2", node("192.168.0.2")), put(topology.KindNode, "n1", node("192.168.0.1")))
	plan(t, s, put(topology.KindNode, "n2", topology.NodeSpec{}), del(topology.KindNode, "n1"))
}

// TestCopies: Plan keeps nothing that its caller can still modify.
func TestCopies(t *testing.T) {
	labels := map[string]string{"app": "web"}
	spec := withSubnet(func(s *topology.Subnet) {
		s.Reserved = []topology.AddrRange{{From: ip("10.0.0.2"), To: ip("10.0.0.3")}}
	})
	names := []string{"a"}
	op := put(topology.KindNetwork, "a", spec)
	op.Labels = labels
	s := plan(t, topology.NewSnapshot(), op, put(topology.KindRouter, "r", topology.RouterSpec{Networks: names})).Next
	labels["app"], names[0] = "db", "b"
	spec.Subnets[0].Reserved[0].To = ip("10.0.0.99")
	spec.Subnets[0].Gateway = model.GatewayOf(ip("10.0.0.99"))
	n, _ := s.Network("a")
	r, _ := s.Router("r")
	if n.Labels["app"] != "web" || n.Spec.Subnets[0].Gateway.Addr != ip("10.0.0.1") || n.Spec.Subnets[0].Reserved[0].To != ip("10.0.0.3") || r.Spec.Networks[0] != "a" {
		t.Errorf("the caller changed the snapshot: %+v %+v", n, r)
	}
}

func TestOrderOfChanges(t *testing.T) {
	ops := []topology.Op{
		put(topology.KindPort, "p2", topology.PortSpec{Network: "a"}),
		put(topology.KindPort, "p10", topology.PortSpec{Network: "a"}),
		put(topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"a"}}),
		put(topology.KindNetwork, "a", stretched("10.0.0.0/24")),
		put(topology.KindNode, "n", topology.NodeSpec{}),
	}
	names := func(ops []topology.Op) (out []string) {
		r := plan(t, topology.NewSnapshot(), ops...)
		for _, c := range r.Changes {
			out = append(out, string(c.Verb())+" "+c.Ref.String())
		}
		return append(out, port(t, r.Next, "p2").Addresses[0].String(), port(t, r.Next, "p10").Addresses[0].String())
	}
	want := []string{"create node/n", "create network/a", "create router/r", "create port/p10", "create port/p2", "10.0.0.2", "10.0.0.3"}
	if d := cmp.Diff(want, names(ops)); d != "" {
		t.Errorf("changes (-want +got):\n%s", d)
	}
	slices.Reverse(ops)
	if d := cmp.Diff(want, names(ops)); d != "" {
		t.Errorf("changes of the same in another order (-want +got):\n%s", d)
	}
}

func TestAllocatedVNIs(t *testing.T) {
	s := topology.NewSnapshot()
	for i := range 3 {
		s = plan(t, s, put(topology.KindNetwork, fmt.Sprint("n", i), stretched("10.0.0.0/24"))).Next
	}
	s = plan(t, s, del(topology.KindNetwork, "n1")).Next
	s = plan(t, s, put(topology.KindNetwork, "n3", stretched("10.0.0.0/24"))).Next
	for name, want := range map[string]topology.VNI{"n0": 4096, "n2": 4098, "n3": 4097} {
		if n, _ := s.Network(name); n.VNI != want {
			t.Errorf("%s has VNI %d, want %d", name, n.VNI, want)
		}
	}
}

// TestDerivedMACTaken: an address whose MAC a user has chosen for another port is skipped.
func TestDerivedMACTaken(t *testing.T) {
	spec := stretched("10.0.0.0/24")
	spec.VNI, spec.GatewayMAC = 9, topology.MACFor(9, ip("10.0.0.3"))
	s := plan(t, topology.NewSnapshot(), put(topology.KindNetwork, "a", spec),
		put(topology.KindPort, "odd", topology.PortSpec{Network: "a", IP: ip("10.0.0.77"), MAC: topology.MACFor(9, ip("10.0.0.2"))}),
		put(topology.KindPort, "p", topology.PortSpec{Network: "a"}),
		put(topology.KindPort, "q", topology.PortSpec{Network: "a", MAC: topology.MAC{2, 1}}),
	).Next
	if p := port(t, s, "p"); p.Addresses[0] != ip("10.0.0.4") {
		t.Errorf("p has %s", p.Addresses[0])
	}
	if p := port(t, s, "q"); p.Addresses[0] != ip("10.0.0.5") { // behind p's
		t.Errorf("q has %s", p.Addresses[0])
	}
	for i := range 248 { // .6 to .254 without .77
		s = plan(t, s, put(topology.KindPort, fmt.Sprint("fill", i), topology.PortSpec{Network: "a"})).Next
	}
	s = plan(t, s, put(topology.KindPort, "r", topology.PortSpec{Network: "a", MAC: topology.MAC{2, 3}})).Next
	if p := port(t, s, "r"); p.Addresses[0] != ip("10.0.0.2") { // it brings its own MAC
		t.Errorf("r has %s", p.Addresses[0])
	}
	if p, ok := s.PortByMAC("a", topology.MACFor(9, ip("10.0.0.2"))); !ok || p.Name != "odd" {
		t.Error("odd is not found by its MAC")
	}
}

// TestReleasedAddressRests: an address that was just released is allocated again only if no
// other is free, also after the objects were loaded again.
func TestReleasedAddressRests(t *testing.T) {
	for _, mode := range []string{"stretched", "segmented"} {
		t.Run(mode, func(t *testing.T) {
			ops := []topology.Op{put(topology.KindNode, "n1", topology.NodeSpec{})}
			spec := stretched("10.0.0.0/28")
			if mode == "segmented" {
				spec = topology.NetworkSpec{Mode: topology.Segmented, Subnets: spec.Subnets, ContainersPerNode: 5, MaxNodes: 1}
			}
			ops = append(ops, put(topology.KindNetwork, "a", spec))
			for _, name := range []string{"p", "q", "r"} {
				ops = append(ops, put(topology.KindPort, name, topology.PortSpec{Network: "a", Node: "n1"}))
			}
			s := plan(t, topology.NewSnapshot(), ops...).Next
			released := port(t, s, "r").Addresses[0]
			s = plan(t, s, del(topology.KindPort, "q")).Next
			s = loaded(t, s)
			s = plan(t, s, del(topology.KindPort, "r")).Next
			s = plan(t, s, put(topology.KindPort, "t", topology.PortSpec{Network: "a", Node: "n1"})).Next
			if got := port(t, s, "t").Addresses[0]; got != released.Next() {
				t.Errorf("t has %s, want %s, which is behind the one released", got, released.Next())
			}
			for i := range 16 {
				r, err := topology.Plan(s, []topology.Op{put(topology.KindPort, fmt.Sprint("fill", i), topology.PortSpec{Network: "a", Node: "n1"})}, time.Time{})
				if err != nil {
					break // full
				}
				s = r.Next
			}
			if _, ok := s.PortByAddress("a", released); !ok {
				t.Errorf("%s was not given out although the pool is full", released)
			}
		})
	}
}

// loaded returns the snapshot as a store gives it back.
func loaded(t *testing.T, s *topology.Snapshot) *topology.Snapshot {
	t.Helper()
	l := topology.NewLoader()
	add := func(o topology.Object) {
		if err := l.Add(o); err != nil {
			t.Fatal(err)
		}
	}
	for n := range s.Nodes() {
		add(n)
	}
	for n := range s.Networks() {
		add(n)
	}
	for p := range s.Ports() {
		add(p)
	}
	for b := range s.AllBlocks() {
		if err := l.AddBlock(b); err != nil {
			t.Fatal(err)
		}
	}
	return l.Snapshot(s.Revision())
}

// TestPool: all addresses but the network's, the broadcast and the gateway's are allocated,
// lowest first, each once; a released one is allocated again.
func TestPool(t *testing.T) {
	ops := []topology.Op{put(topology.KindNetwork, "a", stretched("10.0.0.0/24", "10.0.9.0/29"))}
	for i := range 253 + 5 {
		ops = append(ops, put(topology.KindPort, fmt.Sprint("p", i), topology.PortSpec{Network: "a"}))
	}
	s := plan(t, topology.NewSnapshot(), ops...).Next
	for name, want := range map[string]string{"p0": "10.0.0.2", "p252": "10.0.0.254", "p253": "10.0.9.2", "p257": "10.0.9.6"} {
		if p := port(t, s, name); p.Addresses[0] != ip(want) {
			t.Errorf("%s has %s, want %s", name, p.Addresses[0], want)
		}
	}
	more := put(topology.KindPort, "more", topology.PortSpec{Network: "a"})
	if ps := refused(t, s, more); ps[0].Kind != topology.Exhausted {
		t.Errorf("one too many: %v", ps)
	}
	s = plan(t, s, more, del(topology.KindPort, "p100")).Next
	if p := port(t, s, "more"); p.Addresses[0] != ip("10.0.0.102") || p.MAC != topology.MACFor(4096, p.Addresses[0]) {
		t.Errorf("after a release: %+v", p)
	}
}
