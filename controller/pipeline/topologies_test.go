package pipeline_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// builder makes views for tests.
type builder struct {
	t      testing.TB
	view   *pipeline.View
	ops    []topology.Op
	ofport openflow.PortNo
	// uplinks says that nodes have a port to their kernel.
	uplinks bool
	// bridge is a bridge that all nodes have, and to which they have a port.
	bridge string
	// hosts says that nodes have a port for host access.
	hosts bool
	// joins are the groups that ports join with the next commit.
	joins []pipeline.JoinChange
	// last are the updates of the last commit.
	last []buildStep
}

type buildStep struct {
	before, after *pipeline.View
	update        pipeline.Update
}

func (b *builder) step(u pipeline.Update) {
	before := b.view
	b.view = before.Next(u)
	b.last = append(b.last, buildStep{before, b.view, u})
}

func build(t testing.TB) *builder {
	return &builder{t: t, view: pipeline.NewView(topology.NewSnapshot())}
}

func (b *builder) op(kind topology.Kind, name string, spec topology.Spec) {
	b.ops = append(b.ops, topology.Op{Verb: topology.Create, Ref: topology.Ref{Kind: kind, Name: name}, Spec: spec})
}

// nodes declares n1, n2, … with tunnel addresses 172.16.56.2, .3, …
func (b *builder) nodes(n int) {
	for i := range n {
		b.op(topology.KindNode, fmt.Sprintf("n%d", i+1), topology.NodeSpec{
			TunnelIP: netip.AddrFrom4([4]byte{172, 16, byte(56 + (i+2)>>8), byte(i + 2)}),
		})
	}
}

func (b *builder) stretched(name string, vni topology.VNI, cidrs ...string) {
	spec := topology.NetworkSpec{VNI: vni, Mode: topology.Stretched}
	for _, c := range cidrs {
		spec.Subnets = append(spec.Subnets, topology.Subnet{Prefix: netip.MustParsePrefix(c)})
	}
	b.op(topology.KindNetwork, name, spec)
}

// narrow declares a stretched network with an MTU.
func (b *builder) narrow(name string, vni topology.VNI, mtu int, cidrs ...string) {
	b.stretched(name, vni, cidrs...)
	last := &b.ops[len(b.ops)-1]
	spec := last.Spec.(topology.NetworkSpec)
	spec.MTU = mtu
	last.Spec = spec
}

func (b *builder) segmented(name string, vni topology.VNI, cidr string, perNode, maxNodes int) {
	b.op(topology.KindNetwork, name, topology.NetworkSpec{
		VNI: vni, Mode: topology.Segmented, ContainersPerNode: perNode, MaxNodes: maxNodes,
		Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix(cidr)}},
	})
}

// accessible declares a stretched network with host access, and gives nodes the port for it.
func (b *builder) accessible(name string, vni topology.VNI, cidrs ...string) {
	b.hosts = true
	b.stretched(name, vni, cidrs...)
	spec := b.ops[len(b.ops)-1].Spec.(topology.NetworkSpec)
	spec.HostAccess = true
	b.ops[len(b.ops)-1].Spec = spec
}

func (b *builder) router(name string, networks ...string) {
	b.op(topology.KindRouter, name, topology.RouterSpec{Networks: networks})
}

func (b *builder) port(name, network, node string) {
	b.op(topology.KindPort, name, topology.PortSpec{Network: network, Node: node})
}

// leaving declares a router with an uplink, which every node has.
func (b *builder) leaving(name string, networks ...string) {
	if !b.uplinks {
		b.uplinks = true
		b.op(topology.KindUplink, "wan", model.UplinkSpec{})
	}
	b.op(topology.KindRouter, name, topology.RouterSpec{Networks: networks, Egress: &model.RouterEgress{Uplink: "wan"}})
}

// bridged declares an uplink of the type bridge, which every node has, and a router that leaves
// by it. Call nodes first.
func (b *builder) bridged(name string, networks ...string) {
	b.bridgedBy(bridgeUplink("br-ex", "192.0.2"), name, networks...)
}

// dualNodes declares nodes with an address of each family on the uplink of dualBridgeUplink.
func (b *builder) dualNodes(n int) {
	for i := range n {
		b.op(topology.KindNode, fmt.Sprintf("n%d", i+1), topology.NodeSpec{
			TunnelIP:        netip.AddrFrom4([4]byte{172, 16, 56, byte(i + 2)}),
			UplinkAddresses: []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 65)}), netip.MustParseAddr(fmt.Sprintf("2001:db8:0:2::%d", i+65))},
		})
	}
}

// bridgedBy is bridged with another spec of the uplink.
func (b *builder) bridgedBy(uplink model.UplinkSpec, name string, networks ...string) {
	if b.bridge == "" {
		b.bridge = uplink.Bridge
		b.op(topology.KindUplink, "ext", uplink)
	}
	b.op(topology.KindRouter, name, topology.RouterSpec{Networks: networks, Egress: &model.RouterEgress{Uplink: "ext"}})
}

// routes gives the router that was declared last static routes, such as "10.51.0.0/24=10.0.0.2".
func (b *builder) routes(routes ...string) {
	spec := b.ops[len(b.ops)-1].Spec.(topology.RouterSpec)
	for _, text := range routes {
		r, err := model.ParseRoute(text)
		if err != nil {
			panic(err)
		}
		spec.Routes = append(spec.Routes, r)
	}
	b.ops[len(b.ops)-1].Spec = spec
}

// floating declares a floating address 192.0.2.LAST on the uplink of bridged.
func (b *builder) floating(name string, last byte, port string, forwards ...model.FloatingForward) {
	b.op(topology.KindFloatingIP, name, model.FloatingIPSpec{Uplink: "ext", Address: netip.AddrFrom4([4]byte{192, 0, 2, last}), Port: port, Forwards: forwards})
}

// floating6 declares an IPv6 floating address on the uplink of bridgedBy.
func (b *builder) floating6(name, address, port string, forwards ...model.FloatingForward) {
	b.op(topology.KindFloatingIP, name, model.FloatingIPSpec{Uplink: "ext", Address: netip.MustParseAddr(address), Port: port, Forwards: forwards})
}

// egressIP declares an egress address 192.0.2.LAST on the uplink of bridged, for the ports with a label app.
func (b *builder) egressIP(name string, last byte, app string, nodes ...string) {
	b.egressIPs(name, []string{netip.AddrFrom4([4]byte{192, 0, 2, last}).String()}, app, nodes...)
}

// egressIPs declares one with several addresses.
func (b *builder) egressIPs(name string, addresses []string, app string, nodes ...string) {
	b.op(topology.KindEgressIP, name, egressSpec(addresses, app, nodes...))
}

func egressSpec(addresses []string, app string, nodes ...string) model.EgressIPSpec {
	spec := model.EgressIPSpec{Uplink: "ext", Nodes: nodes, Ports: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": app}}}}
	for _, a := range addresses {
		spec.Addresses = append(spec.Addresses, netip.MustParseAddr(a))
	}
	return spec
}

// probe gives a node a port that finds another node alive.
func (b *builder) probe(node, to string, no openflow.PortNo) {
	n, _ := b.view.Topo.Node(to)
	b.step(pipeline.Update{Contacts: []pipeline.ContactChange{{Node: node, Port: model.EgressProbe(n.DatapathID), After: pipeline.Contact{No: no, Live: true, Met: true}}}})
}

// bridgeUplink is an uplink of the type bridge, with a subnet of 24 bits.
func bridgeUplink(bridge, subnet string) model.UplinkSpec {
	return model.UplinkSpec{
		Type: model.UplinkBridge, Bridge: bridge, Subnet: netip.MustParsePrefix(subnet + ".0/24"), Gateway: netip.MustParseAddr(subnet + ".1"),
		Addresses: []netip.Prefix{netip.MustParsePrefix(subnet + ".64/26")},
	}
}

// dualBridgeUplink is an uplink of the type bridge with a subnet of both families; the gateway of IPv6
// has a link-local address.
func dualBridgeUplink(bridge, subnet string) model.UplinkSpec {
	u := bridgeUplink(bridge, subnet)
	u.Subnet6, u.Gateway6 = netip.MustParsePrefix("2001:db8:0:2::/64"), netip.MustParseAddr("fe80::1")
	u.Addresses = append(u.Addresses, netip.MustParsePrefix("2001:db8:0:2::40/122"))
	return u
}

// labelled declares a port with the label app.
func (b *builder) labelled(name, network, node, app string) {
	b.port(name, network, node)
	b.ops[len(b.ops)-1].Labels = map[string]string{"app": app}
}

func (b *builder) policy(name string, spec model.PolicySpec) { b.op(model.KindPolicy, name, spec) }

// commit applies what was declared, binds every port and tunnel, and has every
// node's tunnel port send from its tunnel address.
func (b *builder) commit() *pipeline.View {
	b.t.Helper()
	r, err := topology.Plan(b.view.Topo, b.ops, time.Time{})
	if err != nil {
		b.t.Fatal(err)
	}
	b.ops, b.last = nil, nil
	b.step(pipeline.Update{Topo: r.Next, Changes: r.Changes, Blocks: r.Blocks, Identities: r.Identities, Numberings: r.Numberings, Identified: r.Identified})
	var u pipeline.Update
	for p := range r.Next.Ports() {
		if place := b.view.Place(p.Name); place.OFPort == 0 {
			b.ofport++
			u.Places = append(u.Places, pipeline.PlaceChange{
				Port: p.Name, Before: place,
				After: pipeline.Place{Node: p.Spec.Node, Interface: "if-" + p.Name, OFPort: b.ofport},
			})
		}
	}
	for n := range r.Next.Nodes() {
		if b.view.Tunnel(n.Name) == 0 {
			u.Tunnels = append(u.Tunnels, pipeline.TunnelChange{Node: n.Name, After: 1000})
		}
		if b.uplinks && b.view.Uplink(n.Name) == 0 {
			u.Uplinks = append(u.Uplinks, pipeline.UplinkChange{Node: n.Name, After: 999})
		}
		if b.bridge != "" && b.view.Bridge(n.Name, b.bridge) == 0 {
			u.Uplinks = append(u.Uplinks, pipeline.UplinkChange{Node: n.Name, Bridge: b.bridge, After: 997})
		}
		if b.hosts && b.view.Host(n.Name) == 0 {
			u.Hosts = append(u.Hosts, pipeline.HostChange{Node: n.Name, After: 998})
		}
		if b.view.Local(n.Name) != n.Spec.TunnelIP {
			u.Locals = append(u.Locals, pipeline.LocalChange{Node: n.Name, After: n.Spec.TunnelIP})
		}
	}
	u.Joins, b.joins = b.joins, nil
	b.step(u)
	return b.view
}

// join has a port join a group with the next commit.
func (b *builder) join(port, group string) { b.joins = append(b.joins, joinOf(port, group)) }

// joinOf is the change by which a port joins a group.
func joinOf(port, group string) pipeline.JoinChange {
	return pipeline.JoinChange{Join: pipeline.Join{Port: port, Group: netip.MustParseAddr(group)}}
}

// count returns how many flows a node has.
func count(v *pipeline.View, node string) int {
	var set pipeline.ItemSet
	new(pipeline.Compiler).CompileNode(&set, v, node)
	return set.Len()
}
