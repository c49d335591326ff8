package pipeline_test

import (
	"fmt"
	"maps"
	"net/netip"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// BenchmarkPolicyDelta measures one port more in one rule, on a node with many rules: the next
// view, the units affected, and the flows to send.
func BenchmarkPolicyDelta(b *testing.B) {
	for _, policies := range []int{10, 300} {
		b.Run(fmt.Sprintf("rules=%d", 10*policies), func(b *testing.B) {
			v := pipeline.NewView(topology.NewSnapshot())
			commit := func(ops ...topology.Op) pipeline.Update {
				r, err := topology.Plan(v.Topo, ops, time.Unix(0, 0))
				if err != nil {
					b.Fatal(err)
				}
				u := pipeline.Update{Topo: r.Next, Changes: r.Changes, Identities: r.Identities, Identified: r.Identified, Numberings: r.Numberings}
				v = v.Next(u)
				return u
			}
			commit(put(topology.KindNetwork, "net", topology.NetworkSpec{Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.0.0.0/8")}}}),
				put(topology.KindNode, "n1", topology.NodeSpec{}), labelled("p", 1, "app", "web"))
			v = v.Next(pipeline.Update{Places: []pipeline.PlaceChange{{Port: "p", After: pipeline.Place{Node: "n1", OFPort: 5}}}})
			spec := func(ports int) model.PolicySpec {
				s := policy(with("app", "web"))
				for i := range 10 {
					s.Ingress = append(s.Ingress, model.PolicyRule{Peers: []model.PolicyPeer{{CIDR: netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, byte(i), 0}), 24)}}, Ports: tcpPorts(ports)})
				}
				return s
			}
			for i := range policies {
				s := spec(2)
				for j := range s.Ingress {
					s.Ingress[j].Peers[0].CIDR = netip.PrefixFrom(netip.AddrFrom4([4]byte{193, byte(i >> 8), byte(i), byte(j)}), 32)
				}
				commit(put(model.KindPolicy, fmt.Sprintf("other%d", i), s))
			}
			commit(put(model.KindPolicy, "one", spec(2)))
			before := v
			u := commit(put(model.KindPolicy, "one", spec(3)))
			var d pipeline.Delta
			b.ReportAllocs()
			for b.Loop() {
				after := before.Next(u)
				marked := map[string]map[pipeline.Unit]*pipeline.View{}
				pipeline.Affected(before, after, u, func(node string, unit pipeline.Unit) {
					if marked[node] == nil {
						marked[node] = map[pipeline.Unit]*pipeline.View{}
					}
					marked[node][unit] = before
				})
				for node, units := range marked {
					d.Compute(after, node, maps.All(units))
				}
			}
		})
	}
}
