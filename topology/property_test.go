package topology_test

import (
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
	"github.com/sdnctl/sdnctl/topology/store/storetest"
)

// TestHistories runs random histories over few names, so that ops often concern the same
// objects, and checks all invariants after each step.
func TestHistories(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := topology.NewSnapshot()
		olds := []*topology.Snapshot{s}
		says := []map[string]any{storetest.Contents(s)}
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			ops := withoutProblems(t, s, rapid.SliceOfN(anyOp(), 1, 12).Draw(t, "ops"))
			r, err := topology.Plan(s, ops, epoch)
			if err != nil {
				t.Fatal(err)
			}
			again, err := topology.Plan(s, rapid.Permutation(ops).Draw(t, "shuffled"), epoch)
			if err != nil {
				t.Fatalf("in another order it is refused: %v", err)
			}
			if d := cmp.Diff(storetest.Contents(r.Next), storetest.Contents(again.Next), storetest.Values()); d != "" {
				t.Fatalf("the order of the ops decides:\n%s", d)
			}
			checkChanges(t, s, r)
			checkIndexes(t, r.Next)
			checkPolicies(t, r.Next)
			checkLoader(t, r.Next)
			checkIdempotent(t, r.Next, ops)
			checkFamilies(t, r.Next, ops)
			s = r.Next
			olds, says = append(olds, s), append(says, storetest.Contents(s))
		}
		for i, o := range olds {
			if d := cmp.Diff(says[i], storetest.Contents(o), storetest.Values()); d != "" {
				t.Fatalf("later plans changed revision %d:\n%s", o.Revision(), d)
			}
			checkIndexes(t, o)
		}
	})
}

// withoutProblems leaves out the ops that have problems until Plan reports none. Problems
// must not depend on the order of the ops.
func withoutProblems(t *rapid.T, s *topology.Snapshot, ops []topology.Op) []topology.Op {
	for {
		_, err := topology.Plan(s, ops, epoch)
		if err == nil {
			return ops
		}
		if _, err := topology.Plan(s, rapid.Permutation(ops).Draw(t, "shuffled"), epoch); err == nil {
			t.Fatalf("in another order it is not refused")
		}
		var ps topology.Problems
		if !errors.As(err, &ps) || len(ps) == 0 {
			t.Fatalf("not problems: %v", err)
		}
		wrong := make(map[int]bool)
		for _, p := range ps {
			if p.Ref != ops[p.Op].Ref || p.Message == "" || p.Fix == "" {
				t.Fatalf("incomplete problem: %+v", p)
			}
			wrong[p.Op] = true
		}
		var right []topology.Op
		for i, op := range ops {
			if !wrong[i] {
				right = append(right, op)
			}
		}
		ops = right
	}
}

// anyOp draws an op; most are possible, some are wrong.
func anyOp() *rapid.Generator[topology.Op] {
	return rapid.Custom(func(t *rapid.T) topology.Op {
		name := func(prefix string, n int) string {
			return prefix + fmt.Sprint(rapid.IntRange(1, n).Draw(t, prefix))
		}
		maybe := func(label string) bool { return rapid.IntRange(0, 3).Draw(t, label) == 0 }
		op := topology.Op{Verb: topology.Put}
		if maybe("delete") {
			op.Verb = topology.Delete
		}
		switch rapid.IntRange(0, 8).Draw(t, "kind") {
		case 0:
			op.Ref = ref(topology.KindNode, name("n", 4))
			s := topology.NodeSpec{TunnelIP: ip(fmt.Sprint("192.168.0.", rapid.IntRange(1, 8).Draw(t, "tunnel")))}
			if maybe("dpid") {
				s.DatapathID = topology.DatapathID(rapid.IntRange(1, 4).Draw(t, "dpid"))
			}
			op.Spec = s
		case 1:
			op.Ref = ref(topology.KindNetwork, name("net", 4))
			op.Spec = anyNetwork(t, maybe, name)
		case 2:
			op.Ref = ref(topology.KindRouter, name("r", 2))
			var s topology.RouterSpec
			for i := 1; i <= 4; i++ {
				if maybe("joined") {
					s.Networks = append(s.Networks, fmt.Sprint("net", i))
				}
			}
			op.Spec = s
		case 3:
			op.Ref = ref(model.KindPortGroup, name("g", 2))
			op.Spec = rapid.SampledFrom([]model.PortGroupSpec{{Selector: &model.Selector{}}, {Ports: []string{"p1", "p2"}}, {Ports: []string{"p3"}}}).Draw(t, "group")
		case 4:
			op.Ref = ref(model.KindPolicy, name("pol", 4))
			op.Spec = anyPolicy(t, maybe, name)
		case 5:
			op.Ref = ref(model.KindService, name("svc", 4))
			op.Spec = anyService(t, maybe, name)
		default:
			op.Ref = ref(topology.KindPort, name("p", 12))
			s := topology.PortSpec{Network: name("net", 4)}
			if rapid.Bool().Draw(t, "pinned") {
				s.Node = name("n", 4)
				if maybe("iface") {
					s.Interface = name("veth", 3)
				}
			}
			if maybe("ip") {
				s.IP = ip(fmt.Sprintf("10.0.%d.%d", rapid.IntRange(0, 3).Draw(t, "third"), rapid.IntRange(1, 9).Draw(t, "fourth")))
			}
			if maybe("ip6") {
				s.IPs = []netip.Addr{ip(fmt.Sprintf("fd00:0:0:%d::%d", rapid.IntRange(0, 3).Draw(t, "third6"), rapid.IntRange(1, 9).Draw(t, "last6")))}
				if s.IP.IsValid() {
					s.IPs = append(s.IPs, s.IP)
				}
			}
			if maybe("mac") {
				s.MAC = topology.MAC{2, 0, 0, 0, 0, byte(rapid.IntRange(1, 4).Draw(t, "mac"))}
				if rapid.Bool().Draw(t, "derived") { // one that belongs to an address
					s.MAC = topology.MACFor(topology.VNI(rapid.IntRange(1, 3).Draw(t, "of")), ip(fmt.Sprint("10.0.0.", rapid.IntRange(2, 6).Draw(t, "ip"))))
				}
			}
			if maybe("further") {
				s.Addresses = []model.PortAddress{rapid.SampledFrom([]model.PortAddress{
					{IP: ip("10.0.0.7")}, {IP: ip("10.0.2.9"), MAC: topology.MAC{2, 0, 0, 0, 0, 2}}, {Prefix: netip.MustParsePrefix("10.0.1.0/30")},
					{Prefix: netip.MustParsePrefix("10.9.0.0/24")}, {Prefix: netip.MustParsePrefix("10.9.0.64/26")}, {MAC: topology.MAC{2, 0, 0, 0, 0, 3}},
					{IP: ip("fd00::7")}, {Prefix: netip.MustParsePrefix("fd09::/64")}, {IP: ip("fe80::7")}, {IP: model.LinkLocal(topology.MAC{2, 0, 0, 0, 0, 1})},
				}).Draw(t, "further")}
			}
			if maybe("off") {
				s.PortSecurity = model.PortSecurityOff
			}
			if maybe("id") {
				s.InterfaceID = name("p", 14)
			}
			op.Spec = s
		}
		if maybe("labels") {
			op.Labels = map[string]string{"app": name("v", 2)}
		}
		if op.Verb == topology.Delete {
			op.Spec = nil
		}
		return op
	})
}

func anyService(t *rapid.T, maybe func(string) bool, name func(string, int) string) model.ServiceSpec {
	s := model.ServiceSpec{
		Addresses: []netip.Addr{ip(fmt.Sprint("10.96.0.", rapid.IntRange(1, 6).Draw(t, "service")))}, Routers: []string{name("r", 2)},
		Ports: []model.ServicePort{{Port: 80}},
	}
	if maybe("service6") {
		s.Addresses = append(s.Addresses, ip(fmt.Sprint("fd00:96::", rapid.IntRange(1, 6).Draw(t, "service6"))))
	}
	if maybe("in a subnet") {
		s.Addresses = []netip.Addr{ip("10.0.1.200")}
	}
	if maybe("named") {
		s.Networks = []string{name("net", 4)}
	}
	switch rapid.IntRange(0, 3).Draw(t, "backends") {
	case 0:
		s.Backends.Endpoints = []model.ServiceEndpoint{{Port: name("p", 12)}}
	case 1:
		s.Backends.PortGroup = name("g", 2)
	default:
		s.Backends.Selector = &model.Selector{MatchLabels: map[string]string{"app": name("v", 2)}}
	}
	return s
}

func anyPolicy(t *rapid.T, maybe func(string) bool, name func(string, int) string) model.PolicySpec {
	s := model.PolicySpec{
		Tier: rapid.SampledFrom(model.PolicyTiers()).Draw(t, "tier"), Priority: rapid.IntRange(1, 2).Draw(t, "priority"),
		Subject: model.PolicySelection{Selector: &model.Selector{}}, Isolates: []model.PolicyDirection{},
	}
	if maybe("subject") {
		s.Subject.Networks = []string{name("net", 4)}
	}
	for _, rules := range []*[]model.PolicyRule{&s.Ingress, &s.Egress} {
		r := model.PolicyRule{Action: rapid.SampledFrom([]model.PolicyAction{model.ActionAllow, model.ActionDeny}).Draw(t, "action")}
		if maybe("peer") {
			r.Peers = []model.PolicyPeer{{PolicySelection: model.PolicySelection{PortGroup: name("g", 2)}}}
		}
		if rapid.Bool().Draw(t, "rule") {
			*rules = []model.PolicyRule{r}
		}
	}
	return s
}

func anyNetwork(t *rapid.T, maybe func(string) bool, name func(string, int) string) topology.NetworkSpec {
	var s topology.NetworkSpec
	families := rapid.SampledFrom([][]topology.Family{{topology.IPv4}, {topology.IPv6}, {topology.IPv4, topology.IPv6}, {topology.IPv6, topology.IPv4}}).Draw(t, "families")
	cidrs := [2][]string{{"10.0.0.0/24", "10.0.0.0/29", "10.0.1.0/24", "10.0.0.0/22"}, {"fd00::/64", "fd00::/125", "fd00:0:0:1::/64", "fd00::/62"}}
	isSegmented, isSecond, hasBlock := maybe("segmented"), maybe("second"), maybe("block")
	for _, f := range families {
		if isSegmented {
			s.Subnets = append(s.Subnets, stretched([]string{"10.0.0.0/22", rapid.SampledFrom([]string{"fd00::/62", "fd00::/118"}).Draw(t, "cidr")}[f]).Subnets...)
			if hasBlock {
				block := []string{"10.0.%d.0/24", "fd00:0:0:%d::/64"}[f]
				s.Blocks = append(s.Blocks, topology.BlockSpec{Node: name("n", 4), Prefix: netip.MustParsePrefix(fmt.Sprintf(block, rapid.IntRange(0, 3).Draw(t, "block")))})
			}
			continue
		}
		s.Subnets = append(s.Subnets, stretched(rapid.SampledFrom(cidrs[f]).Draw(t, "cidr")).Subnets...)
		if isSecond {
			s.Subnets = append(s.Subnets, stretched([]string{"10.0.2.0/28", "fd00:0:0:2::/124"}[f]).Subnets...)
		}
	}
	if isSegmented {
		s.Mode, s.ContainersPerNode, s.MaxNodes = topology.Segmented, rapid.IntRange(1, 13).Draw(t, "containers"), rapid.IntRange(2, 6).Draw(t, "nodes")
	}
	if maybe("reserved") {
		from := s.Subnets[0].Prefix.Addr().Next().Next()
		s.Subnets[0].Reserved = []topology.AddrRange{{From: from, To: from.Next().Next()}}
	}
	if maybe("vni") {
		s.VNI = topology.VNI(rapid.IntRange(1, 3).Draw(t, "vni"))
	}
	return s
}

// checkChanges: the snapshot before, with the changes applied, is the snapshot after.
func checkChanges(t *rapid.T, before *topology.Snapshot, r topology.Result) {
	if len(r.Changes) == 0 {
		if r.Next != before || len(r.Blocks) > 0 {
			t.Fatal("no changes, and another snapshot or blocks")
		}
		return
	}
	if r.Next.Revision() != before.Revision()+1 {
		t.Fatalf("revision %d after %d", r.Next.Revision(), before.Revision())
	}
	want := storetest.Contents(before)
	want["revision"] = r.Next.Revision()
	for _, c := range r.Changes {
		if c.Before == nil && c.After == nil {
			t.Fatalf("empty change of %s", c.Ref)
		}
		delete(want, c.Ref.String())
		if c.After != nil {
			want[c.Ref.String()] = topology.Clone(c.After)
		}
	}
	for _, b := range r.Blocks {
		key := "block of " + b.Network + " on " + b.Node
		if _, ok := want[key]; ok != (b.Before != nil) {
			t.Fatalf("block change %+v of a block that was there: %v", b, ok)
		}
		delete(want, key)
		if b.After != nil {
			want[key] = *b.After
		}
	}
	if d := cmp.Diff(want, storetest.Contents(r.Next), storetest.Values()); d != "" {
		t.Fatalf("changes do not lead to the next snapshot (-want +got):\n%s", d)
	}
}

// checkIdempotent: the same again, without the deletes, changes nothing.
func checkIdempotent(t *rapid.T, s *topology.Snapshot, ops []topology.Op) {
	ops = slices.DeleteFunc(slices.Clone(ops), func(o topology.Op) bool { return o.Verb == topology.Delete })
	r, err := topology.Plan(s, ops, epoch)
	if err != nil || r.Next != s {
		t.Fatalf("the same again: %v, changes %+v", err, r.Changes)
	}
}

// checkFamilies: each port that the ops name has an address of each family of its
// network, IPv4 first.
func checkFamilies(t *rapid.T, s *topology.Snapshot, ops []topology.Op) {
	for _, op := range ops {
		p, ok := s.Port(op.Ref.Name)
		if op.Ref.Kind != topology.KindPort || !ok {
			continue
		}
		n, _ := s.Network(p.Spec.Network)
		var want, got []topology.Family
		for _, f := range model.Families() {
			if n.Spec.Has(f) {
				want = append(want, f)
			}
		}
		for _, a := range p.Addresses {
			got = append(got, model.FamilyOf(a))
		}
		if !slices.Equal(want, got) {
			t.Fatalf("%s has %v, and its network %v", p.Ref(), p.Addresses, n.Spec.Subnets)
		}
	}
}

// checkIndexes compares every lookup with a scan of all objects.
func checkIndexes(t *rapid.T, s *topology.Snapshot) {
	if w := topology.CheckIPAM(s); len(w) > 0 {
		t.Fatalf("books: %v", w)
	}
	type at struct{ a, b string }
	byNet, byNode, both := map[string][]string{}, map[string][]string{}, map[at][]string{}
	held := map[string]string{}
	hold := func(what, who string) {
		if o, ok := held[what]; ok {
			t.Fatalf("%s is held by %s and %s", what, o, who)
		}
		held[what] = who
	}
	n := 0
	for p := range s.Ports() {
		n++
		net, ok := s.Network(p.Spec.Network)
		if !ok {
			t.Fatalf("%s is of no network", p.Ref())
		}
		if _, ok := s.Node(p.Spec.Node); !ok && p.Spec.Node != "" {
			t.Fatalf("%s is on no node", p.Ref())
		}
		for r := range p.Held() {
			hold(fmt.Sprint("address ", net.VNI, r), p.Name)
			same(t, p)(s.PortByAddress(net.Name, r.Addr()))
			for o := range s.PortsOfNetwork(net.Name) {
				for other := range o.Held() {
					if o != p && other.Overlaps(r) {
						t.Fatalf("%s of %s overlaps %s of %s", r, p.Ref(), other, o.Ref())
					}
				}
			}
			if router, ok := s.RouterOf(net.Name); ok {
				for _, name := range router.Spec.Networks {
					o, _ := s.Network(name)
					for _, sub := range o.Spec.Subnets {
						if name != net.Name && sub.Prefix.Overlaps(r) {
							t.Fatalf("%s of %s is in %s of %s", r, p.Ref(), sub.Prefix, o.Ref())
						}
					}
				}
			}
		}
		for _, mac := range p.Spec.MACs() {
			hold(fmt.Sprint("MAC ", net.VNI, mac), p.Name)
			same(t, p)(s.PortByMAC(net.Name, mac))
		}
		hold(fmt.Sprint("MAC ", net.VNI, p.MAC), p.Name)
		hold("id "+p.BindingID(), p.Name)
		if p.Spec.Interface != "" {
			hold("interface "+p.Spec.Node+" "+p.Spec.Interface, p.Name)
			same(t, p)(s.PortByInterface(p.Spec.Node, p.Spec.Interface))
		}
		same(t, p)(s.Port(p.Name))
		same(t, p)(s.PortByMAC(net.Name, p.MAC))
		same(t, p)(s.PortByBindingID(p.BindingID()))
		byNet[p.Spec.Network] = append(byNet[p.Spec.Network], p.Name)
		byNode[p.Spec.Node] = append(byNode[p.Spec.Node], p.Name)
		both[at{p.Spec.Network, p.Spec.Node}] = append(both[at{p.Spec.Network, p.Spec.Node}], p.Name)
	}
	if n != s.NumPorts() {
		t.Fatalf("%d ports found, NumPorts is %d", n, s.NumPorts())
	}
	blocks := 0
	for net := range s.Networks() {
		hold(fmt.Sprint("VNI ", net.VNI), net.Name)
		if o, ok := s.NetworkByVNI(net.VNI); !ok || o != net {
			t.Fatalf("VNI %d finds %v", net.VNI, o)
		}
		equal(t, "ports of "+net.Name, byNet[net.Name], names(s.PortsOfNetwork(net.Name)))
		equal(t, "unpinned of "+net.Name, both[at{net.Name, ""}], names(s.UnpinnedPorts(net.Name)))
		var last *topology.Block
		for b := range s.BlocksOf(net.Name) {
			blocks++
			if o, ok := s.Block(net.Name, b.Node); !ok || o != b {
				t.Fatalf("block %+v is found as %+v", b, o)
			}
			for o := range s.BlocksOf(net.Name) {
				if o != b && overlap(o, b) {
					t.Fatalf("blocks %+v and %+v overlap", b, o)
				}
			}
			if last != nil && last.Node >= b.Node {
				t.Fatalf("blocks of %s are not sorted", net.Name)
			}
			last = b
		}
	}
	for node := range s.Nodes() {
		hold("datapath "+node.DatapathID.String(), node.Name)
		if o, ok := s.NodeByDatapath(node.DatapathID); !ok || o != node {
			t.Fatalf("datapath %s finds %v", node.DatapathID, o)
		}
		on := names(s.PortsOnNode(node.Name))
		slices.Sort(on)
		equal(t, "ports on "+node.Name, byNode[node.Name], on)
		for net := range s.Networks() {
			equal(t, "ports of "+net.Name+" on "+node.Name, both[at{net.Name, node.Name}], names(s.PortsOfNetworkOnNode(net.Name, node.Name)))
		}
		for b := range s.BlocksOn(node.Name) {
			blocks--
			if b.Node != node.Name {
				t.Fatalf("block %+v is on %s", b, node.Name)
			}
		}
	}
	if blocks != 0 {
		t.Fatalf("%d blocks are found by network and not by node", blocks)
	}
	for r := range s.Routers() {
		hold(fmt.Sprint("router number ", r.ID), r.Name)
		for _, net := range r.Spec.Networks {
			hold("router of "+net, r.Name)
			if o, ok := s.RouterOf(net); !ok || o != r {
				t.Fatalf("router of %s is %v", net, o)
			}
		}
	}
}

// checkPolicies: each policy has a number of its own and an order, and the objects that it
// names exist and are indexed by it.
func checkPolicies(t *rapid.T, s *topology.Snapshot) {
	taken, naming, n := map[string]string{}, map[topology.Ref][]string{}, 0
	take := func(what, who string) {
		if o, ok := taken[what]; ok {
			t.Fatalf("%s is taken by %s and %s", what, o, who)
		}
		taken[what] = who
	}
	for p := range s.Policies() {
		n++
		if p.ID < 1 || p.ID > topology.MaxPolicyID {
			t.Fatalf("%s has the number %d", p.Ref(), p.ID)
		}
		take(fmt.Sprint("policy number ", p.ID), p.Name)
		for _, d := range model.PolicyDirections() {
			if p.Spec.Mixed(d) {
				take(fmt.Sprint(p.Spec.Tier, p.Spec.Priority, d), p.Name)
			}
		}
		for field, r := range p.Spec.References() {
			if _, ok := s.Object(r); !ok {
				t.Fatalf("%s: %s names %s, which is not there", p.Ref(), field, r)
			}
			if by := naming[r]; !slices.Contains(by, p.Name) {
				naming[r] = append(by, p.Name)
			}
		}
	}
	if n != s.NumPolicies() {
		t.Fatalf("%d policies counted, %d reported", n, s.NumPolicies())
	}
	for _, k := range []topology.Kind{topology.KindNetwork, model.KindPortGroup} {
		for o := range s.Objects(k) {
			var by []string
			for p := range s.PoliciesNaming(o.Ref()) {
				by = append(by, p.Name)
			}
			equal(t, "policies that name "+o.Ref().String(), naming[o.Ref()], by)
		}
	}
}

func same(t *rapid.T, want *topology.Port) func(*topology.Port, bool) {
	return func(got *topology.Port, ok bool) {
		if !ok || got != want {
			t.Fatalf("looked for %s, found %v", want.Ref(), got)
		}
	}
}

func names(ports iter.Seq[*topology.Port]) (out []string) {
	for p := range ports {
		out = append(out, p.Name)
	}
	return out
}

func equal(t *rapid.T, what string, want, got []string) {
	if !slices.Equal(want, got) {
		t.Fatalf("%s: want %s, got %s", what, strings.Join(want, " "), strings.Join(got, " "))
	}
}

// checkLoader: the objects of a snapshot make the same snapshot.
func checkLoader(t *rapid.T, s *topology.Snapshot) {
	l := topology.NewLoader()
	for _, k := range model.Kinds() {
		if k == model.KindPort {
			for b := range s.AllBlocks() {
				b := *b
				if err := l.AddBlock(&b); err != nil {
					t.Fatal(err)
				}
			}
		}
		for o := range s.Objects(k) {
			if err := l.Add(topology.Clone(o)); err != nil {
				t.Fatal(err)
			}
		}
	}
	loaded := l.Snapshot(s.Revision())
	if d := cmp.Diff(storetest.Contents(s), storetest.Contents(loaded), storetest.Values()); d != "" {
		t.Fatalf("loaded again (-want +got):\n%s", d)
	}
	if w := topology.CheckIPAM(loaded); len(w) > 0 {
		t.Fatalf("loaded again: %v", w)
	}
}

// overlap reports whether two blocks have addresses in common.
func overlap(a, b *topology.Block) bool {
	for f, r := range a.Ranges() {
		if o, ok := b.Of(f); ok && o.Prefix.Overlaps(r.Prefix) {
			return true
		}
	}
	return false
}
