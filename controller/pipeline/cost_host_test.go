package pipeline_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
)

// The constants of docs/cost.md for host access.
const (
	perHostPort    = 5 // flows of a node that has the port, with an address of one family
	perHostNode    = 2 // flows of a node that knows a network with host access, by one family
	perHostNetwork = 3 // flows of such a network with one subnet, on a node that has ports of it
	perHostOther   = 1 // flows for each other node that has ports of it
)

// TestCostOfHostAccess: the cost of host access depends on the nodes that have ports of the
// network, not on how many ports they have. A new port costs what it costs without.
func TestCostOfHostAccess(t *testing.T) {
	for _, ports := range []int{3, 30} {
		b := build(t)
		b.nodes(4)
		b.segmented("pods", 300, "10.244.0.0/16", 200, 100)
		b.stretched("other", 400, "10.9.0.0/24")
		for i := range ports {
			b.port(fmt.Sprintf("p%d", i), "pods", fmt.Sprintf("n%d", 1+i%3))
		}
		b.port("q", "other", "n4")
		b.commit()
		costs := func(what string, step func(), want ...int) {
			t.Helper()
			b.costs(fmt.Sprintf("%d ports: %s", ports, what), step, want...)
		}
		costs("the port of a node", func() {
			b.step(pipeline.Update{Hosts: []pipeline.HostChange{{Node: "n1", After: 9}}})
		}, perHostPort, 0, 0, 0)
		const access = perHostNode + perHostNetwork + 2*perHostOther
		costs("host access", func() {
			b.ops = append(b.ops, topology.Op{Verb: topology.Put, Ref: topology.Ref{Kind: topology.KindNetwork, Name: "pods"}, Spec: topology.NetworkSpec{
				VNI: 300, Mode: topology.Segmented, ContainersPerNode: 200, MaxNodes: 100, HostAccess: true,
				Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.244.0.0/16")}},
			}})
			b.commit()
		}, access, access, access, 0)
		costs("a port more", func() {
			b.port("more", "pods", "n1")
			b.commit()
		}, 7, 0, 0, 0)
	}
}
