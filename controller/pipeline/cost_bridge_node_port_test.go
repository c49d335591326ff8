package pipeline_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// The constants of docs/cost.md for IPv6 addresses of nodes on a bridge where there are node ports.
const (
	perNodeAddress6  = 10 // what the address costs a node anyway
	perEntryAddress6 = 7  // and where there are node ports: 4 that shut, 3 for the address, and a ping
	perNodePort6     = 3  // of each node port: what comes from outside 2, what ports of the node ask 1
)

// TestCostOfBridgeNodePorts: an IPv6 address of a node on a bridge costs the node alone, and a node port 3 flows for
// each family of a node's addresses.
func TestCostOfBridgeNodePorts(t *testing.T) {
	b := build(t)
	b.dualNodes(3)
	b.stretched("blue", 100, "10.0.0.0/24", "fd00:0:0:1::/64")
	b.bridgedBy(dualBridgeUplink("br-ex", "192.0.2"), "r", "blue")
	for i := range 3 {
		b.labelled(fmt.Sprintf("web%d", i+1), "blue", fmt.Sprintf("n%d", i+1), "web")
	}
	service := func(ports ...uint16) {
		spec := model.ServiceSpec{
			Addresses: []netip.Addr{netip.MustParseAddr("10.96.0.10"), netip.MustParseAddr("fd00:96::10")}, Routers: []string{"r"},
			Backends: model.ServiceBackends{PolicySelection: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}}}},
			Ports:    []model.ServicePort{{Name: "a", Port: 80, NodePort: model.NodePort{Number: 30080}}, {Name: "b", Port: 81}, {Name: "c", Port: 82}},
		}
		for i, n := range ports {
			spec.Ports[i+1].NodePort.Number = n
		}
		b.put(model.KindService, "web", spec)
		b.commit()
	}
	service()
	b.costs("a node port", func() { service(30081) }, 2*perNodePort6, 2*perNodePort6, 2*perNodePort6)
	n, _ := b.view.Topo.Node("n1")
	spec := n.Spec
	both := spec.UplinkAddresses
	address := func(all ...netip.Addr) {
		spec.UplinkAddresses = all
		b.put(topology.KindNode, "n1", spec)
		b.commit()
	}
	const ports = 2
	const six = perNodeAddress6 + perEntryAddress6 + ports*perNodePort6
	b.costs("no IPv6 address", func() { address(both[0]) }, -six, 0, 0)
	b.costs("a node port by IPv4", func() { service(30081, 30082) }, perNodePort6, 2*perNodePort6, 2*perNodePort6)
	service(30081)
	b.costs("an IPv6 address again", func() { address(both...) }, six, 0, 0)
}

// TestCostOfServiceAddresses6: an IPv6 address of a service on an uplink costs what one of IPv4 does, and more on the
// node that answers.
func TestCostOfServiceAddresses6(t *testing.T) {
	const perHeld6 = 7 // of IPv4 perPublicHeld
	b := build(t)
	b.dualNodes(2)
	b.stretched("blue", 100, "10.0.0.0/24", "fd00:0:0:1::/64")
	b.bridgedBy(dualBridgeUplink("br-ex", "192.0.2"), "r", "blue")
	for i := range 2 {
		b.labelled(fmt.Sprintf("web%d", i+1), "blue", fmt.Sprintf("n%d", i+1), "web")
	}
	service := func(uplink ...string) {
		spec := model.ServiceSpec{
			Addresses: []netip.Addr{netip.MustParseAddr("10.96.0.10"), netip.MustParseAddr("fd00:96::10")}, Routers: []string{"r"},
			Backends: model.ServiceBackends{PolicySelection: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}}}},
			Ports:    []model.ServicePort{{Port: 80}}, Uplink: &model.ServiceUplink{Name: "ext"},
		}
		for _, a := range uplink {
			spec.Uplink.Addresses = append(spec.Uplink.Addresses, netip.MustParseAddr(a))
		}
		b.put(model.KindService, "web", spec)
		b.commit()
	}
	service("2001:db8:0:2::5a")
	const inner, both = perInnerAddress + perInnerPort, perPublicAddress + perPublicPort
	costs := map[string][]int{"n1": {inner + both + perHeld6, inner + both}, "n2": {inner + both, inner + both + perHeld6}}[b.view.ServiceHolder("web")]
	b.costs("another IPv6 address", func() { service("2001:db8:0:2::5a", "2001:db8:0:2::5b") }, costs...)
	for i := range costs {
		if costs[i] > inner+both {
			costs[i] += perPublicHeld - perHeld6
		}
	}
	b.costs("one of IPv4", func() { service("2001:db8:0:2::5a", "2001:db8:0:2::5b", "192.0.2.90") }, costs...)
}
