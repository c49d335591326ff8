package simswitch_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/integration/simswitch"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// pipelineMods are all flow-mods that the compiler has for a node of a topology
// with every kind of object.
func pipelineMods(t *testing.T) [][]byte {
	t.Helper()
	subnets := func(cidrs ...string) (all []topology.Subnet) {
		for _, c := range cidrs {
			all = append(all, topology.Subnet{Prefix: netip.MustParsePrefix(c)})
		}
		return all
	}
	network := func(name string, vni topology.VNI, cidrs ...string) topology.Op {
		return set(topology.KindNetwork, name, topology.NetworkSpec{VNI: vni, Mode: topology.Stretched, Subnets: subnets(cidrs...)})
	}
	ops := []topology.Op{
		set(topology.KindNode, "node0", topology.NodeSpec{TunnelIP: netip.MustParseAddr("172.16.0.1")}),
		set(topology.KindNode, "node1", topology.NodeSpec{TunnelIP: netip.MustParseAddr("172.16.0.2")}),
		set(topology.KindNetwork, "pods", topology.NetworkSpec{VNI: 100, Mode: topology.Segmented, ContainersPerNode: 10, MaxNodes: 100,
			Subnets: subnets("10.244.0.0/16", "fd00:244::/48")}),
		network("lan", 200, "192.168.0.0/24", "fd00:0:0:1::/64"), network("blue", 400, "fd00:0:0:3::/64"),
		set(topology.KindNetwork, "red", topology.NetworkSpec{VNI: 300, Mode: topology.Stretched, HostAccess: true, Subnets: subnets("192.168.1.0/24", "fd00:0:0:2::/64")}),
		set(topology.KindRouter, "r1", topology.RouterSpec{Networks: []string{"red", "blue"}}),
	}
	for eth, n := range []string{"pods", "lan", "red", "blue"} {
		ops = append(ops, portOn(n, 0, eth+1), portOn(n, 1, eth+1))
	}
	port := func(text string) (p model.PolicyPort) {
		if err := p.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		return p
	}
	in := func(networks ...string) model.PolicySelection { return model.PolicySelection{Networks: networks} }
	rules := []model.PolicyRule{
		{Peers: []model.PolicyPeer{{PolicySelection: in("blue")}, {CIDR: netip.MustParsePrefix("192.0.2.0/24")}, {CIDR: netip.MustParsePrefix("fd00::/16")}},
			Ports: []model.PolicyPort{port("tcp/80"), port("udp/8000-8010"), port("sctp/7"), port("icmp/8"), port("icmpv6/128")}},
		{Action: model.ActionDeny, Ports: []model.PolicyPort{port("tcp")}},
		{Action: model.ActionPass},
	}
	ops = append(ops,
		set(model.KindPolicy, "p", model.PolicySpec{Subject: in("red"), Ingress: rules, Egress: rules}),
		set(model.KindPolicy, "rejects", model.PolicySpec{Subject: in("blue"), Priority: 6, Ingress: []model.PolicyRule{{Action: model.ActionReject, Ports: []model.PolicyPort{port("tcp/81")}}}}),
		set(model.KindPolicy, "shadow", model.PolicySpec{Subject: in("blue"), Priority: 7, Mode: model.ModeShadow, Ingress: rules, Egress: rules}),
		set(model.KindPolicy, "shadow-baseline", model.PolicySpec{Tier: model.TierBaseline, Subject: in("blue"), Mode: model.ModeShadow, Ingress: rules[:1]}),
	)
	r, err := topology.Plan(topology.NewSnapshot(), ops, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	v := pipeline.NewView(topology.NewSnapshot()).Next(pipeline.Update{Topo: r.Next, Changes: r.Changes, Blocks: r.Blocks, Identities: r.Identities, Numberings: r.Numberings, Identified: r.Identified})
	u := pipeline.Update{Tunnels: []pipeline.TunnelChange{{Node: "node0", After: 1}, {Node: "node1", After: 1}}, Hosts: []pipeline.HostChange{{Node: "node0", After: 9}}}
	for p := range r.Next.Ports() {
		u.Places = append(u.Places, pipeline.PlaceChange{Port: p.Name, Before: v.Place(p.Name), After: pipeline.Place{
			Node: p.Spec.Node, Interface: p.Spec.Interface, OFPort: openflow.PortNo(10 + len(u.Places))}})
	}
	v = v.Next(u)
	var flows pipeline.ItemSet
	new(pipeline.Compiler).CompileNode(&flows, v, "node0")
	var mods [][]byte
	for _, e := range flows.Items() {
		mods = append(mods, slices.Clone(flows.Message(e)))
	}
	for _, f := range append(pipeline.Samples(1, true), pipeline.DenialSamples(1)...) {
		f.HardTimeout = 0 // which makes no difference to either
		mods = append(mods, f.AppendAdd(nil, 0))
	}
	return mods
}

// TestPipelineFlows has both switches take the flows of the compiler, and show
// the same.
func TestPipelineFlows(t *testing.T) {
	real := startOVS(t, 1)
	d := drive(t, real, 0)
	simD := drive(t, simulate(t, simswitch.Config{Ports: portsOf(t, d)}), 0)
	mods := pipelineMods(t)
	tables := map[byte]bool{}
	for _, m := range mods {
		if openflow.FrameType(m) == openflow.TypeFlowMod {
			tables[m[24]] = true
		}
	}
	// All but TableSample, which has what is learned, TableStamp, and those of uplinks, answers
	// and services: the simulator has no connection tracker to translate, and their flows and
	// groups are tried on Open vSwitch (TestNorthSouth, TestBridgeUplink, TestFloatingIP, TestEgressIP, TestNodePorts, TestDHCPClients, TestServices).
	without := strings.Fields("sample stamp public return returned egress translate translated uplink node-address leave next-hop outside node-port entered answered out too-large too-big floating by-gateway unanswered at-gateway egress-address egress-translated dhcp ra dhcpv6 dns dns-away " +
		"client connection service endpoint chosen hairpin reflect hairpin-reply refuse affinity affinity-backend affinity-learn deliver delivered serving reports multicast flood")
	for _, table := range pipeline.Tables() {
		if !tables[byte(table.ID)] && !slices.Contains(without, table.Name) {
			t.Errorf("no flow is in table %s", table.Name)
		}
	}
	for _, to := range []*driver{d, simD} {
		to.log, to.xid = nil, 1000
		for _, m := range mods { // no bundle takes meters
			if openflow.FrameType(m) == openflow.TypeMeterMod {
				to.send(m)
			}
		}
		to.send(control(t, 1, openflow.BundleOpenRequest, both))
		for _, m := range mods {
			if openflow.FrameType(m) != openflow.TypeMeterMod {
				to.send(put(1, both, m))
			}
		}
		to.send(control(t, 1, openflow.BundleCommitRequest, both), dump(t))
		for _, m := range mods[:len(mods)/2] {
			to.send(openflow.AppendFlowDeleteByCookie(nil, 0, openflow.TableAll, openflow.Cookie(be.Uint64(m[8:]))))
		}
		to.send(dump(t), encode(t, openflow.TableStatsRequest()))
	}
	if diff := cmp.Diff(strings.Join(d.log, "\n"), strings.Join(simD.log, "\n")); diff != "" {
		t.Errorf("Open vSwitch (-) and the simulator (+) differ:\n%s", diff)
	}
}
