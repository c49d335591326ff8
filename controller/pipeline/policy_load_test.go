package pipeline_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestManyRulesOfOnePriority: more rules with the same subject and port than one flow can be
// part of are spread over several priorities. The longest message of a flow is 65,535 bytes.
func TestManyRulesOfOnePriority(t *testing.T) {
	const rules = 4_100
	before := pipeline.NewView(topology.NewSnapshot())
	ops := []topology.Op{
		put(topology.KindNetwork, "net", topology.NetworkSpec{Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.0.0.0/8")}}}),
		put(topology.KindNode, "n1", topology.NodeSpec{}), labelled("p", 1, "app", "web"),
	}
	for i := range rules / model.MaxPolicyRules {
		s := policy(with("app", "web"))
		for j := range model.MaxPolicyRules {
			s.Ingress = append(s.Ingress, model.PolicyRule{Peers: []model.PolicyPeer{{CIDR: netip.PrefixFrom(netip.AddrFrom4([4]byte{193, byte(i >> 8), byte(i), byte(j)}), 32)}}, Ports: tcpPorts(1)})
		}
		ops = append(ops, put(model.KindPolicy, fmt.Sprintf("many%d", i), s))
	}
	r, err := topology.Plan(before.Topo, ops, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	u := pipeline.Update{
		Topo: r.Next, Changes: r.Changes, Identities: r.Identities, Identified: r.Identified, Numberings: r.Numberings,
		Places: []pipeline.PlaceChange{{Port: "p", After: pipeline.Place{Node: "n1", OFPort: 5}}},
	}
	view := before.Next(u)
	loads := new(pipeline.PolicyCounts).Loads(before, view, u)
	if len(loads) != 1 || loads[0].Alike != rules {
		t.Errorf("%d rules: %+v", rules, loads)
	}
	priorities, compiled := map[uint16]bool{}, 0
	for _, msg := range compile(view, "n1") {
		mod, err := openflow.DecodeFlowMod(msg)
		if err != nil || pipeline.TableName(mod.Flow.Table) != "ingress-application" || !strings.Contains(mod.Flow.String(), "conj_id=") {
			continue
		}
		compiled++
		priorities[mod.Flow.Priority] = true
	}
	if compiled != rules || len(priorities) != 2 {
		t.Errorf("%d rules: %d are compiled, at %d priorities; want %d at %d", rules, compiled, len(priorities), rules, 2)
	}
}
