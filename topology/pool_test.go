package topology_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestPools: a pool's capacity is how many ports get an address before there is
// none left.
func TestPools(t *testing.T) {
	blue := stretched("10.0.0.0/28", "10.0.1.0/29")
	blue.Subnets[0].Gateway = model.GatewayOf(ip("10.0.0.5"))
	// Reserved are the gateway, some addresses twice, and some of no subnet.
	blue.Subnets[0].Reserved = []topology.AddrRange{
		{From: ip("10.0.0.4"), To: ip("10.0.0.6")}, {From: ip("10.0.0.6"), To: ip("10.0.0.7")},
	}
	pods := segmented("10.244.0.0/24", 5, 4)
	s := plan(t, topology.NewSnapshot(),
		put(topology.KindNode, "node1", node("192.168.50.11")), put(topology.KindNode, "node2", node("192.168.50.12")),
		put(topology.KindNetwork, "blue", blue), put(topology.KindNetwork, "pods", pods)).Next
	fill := func(network, node string) {
		t.Helper()
		for i := 0; ; i++ {
			r, err := topology.Plan(s, []topology.Op{create(topology.KindPort, fmt.Sprintf("%s-%s-%d", network, node, i), topology.PortSpec{Network: network, Node: node})}, epoch)
			if err != nil {
				return
			}
			s = r.Next
		}
	}
	pools := func() map[string]topology.Pool {
		out := map[string]topology.Pool{}
		for _, p := range slices.Collect(s.Pools()) {
			out[p.Network+" "+p.Family.String()] = p
		}
		return out
	}
	for name, p := range pools() {
		if p.Allocated != 0 || p.Fullest != 0 || p.Capacity == 0 {
			t.Errorf("%s without ports: %+v", name, p)
		}
	}
	fill("blue", "node1")
	if p := pools()["blue IPv4"]; p.Allocated != p.Capacity || p.Fullest != 1 {
		t.Errorf("blue is full: %+v", p)
	}
	if all := pools(); len(all) != 2 {
		t.Errorf("pools: %+v", all)
	}
	s = plan(t, s, put(topology.KindNetwork, "both", stretched("10.3.0.0/29", "fd00:3::/64"))).Next
	fill("both", "node1")
	v4, v6 := pools()["both IPv4"], pools()["both IPv6"]
	if v4.Capacity != 5 || v4.Allocated != 5 || v6.Allocated != 5 || v6.Capacity < 1<<63 || v6.Fullest > 0.001 {
		t.Errorf("both is full of IPv4: %+v, %+v", v4, v6)
	}
	fill("pods", "node1")
	if p := pools()["pods IPv4"]; p.Allocated*2 != p.Capacity || p.Fullest != 1 {
		t.Errorf("the block of one of two nodes is full: %+v", p)
	}
	fill("pods", "node2")
	if p := pools()["pods IPv4"]; p.Allocated != p.Capacity {
		t.Errorf("pods is full: %+v", p)
	}
}
