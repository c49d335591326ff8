package server

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// egressIP shows an egress address.
func (v view) egressIP(e *topology.EgressIP) *api.EgressIP {
	known := v.fabric.EgressIPStatus(v.snap, e.Name)
	st := &api.EgressIPStatus{
		Ready: condition.Ready(known.Conditions), Conditions: conditions(known.Conditions),
		Node: known.Node, PortCount: known.Ports, Gateways: []api.EgressGateway{}, MACs: macsOf(e.Spec.Addresses),
	}
	for _, g := range known.Gateways {
		st.Gateways = append(st.Gateways, api.EgressGateway{Node: g.Node, Reached: g.Reached, Bridge: g.Bridge})
	}
	return &api.EgressIP{Kind: api.KindEgressIP, Name: e.Name, Labels: e.Labels, Spec: e.Spec, Status: st, Meta: metaOf(&e.Meta)}
}

// macsOf returns the MACs of addresses outside.
func macsOf(all []netip.Addr) []string {
	macs := make([]string, len(all))
	for i, a := range all {
		macs[i] = model.OutsideMAC(a).String()
	}
	return macs
}

func exampleEgressIP() api.EgressIP {
	addresses := []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, 80})}
	return api.EgressIP{
		Kind: api.KindEgressIP, Name: "crawlers",
		Spec: model.EgressIPSpec{
			Uplink: "ext", Addresses: addresses, Nodes: []string{"node1", "node2"},
			Ports: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "crawler"}}},
		},
		Status: &api.EgressIPStatus{
			Ready: true, Conditions: []api.Condition{}, Node: "node1", PortCount: 3, MACs: macsOf(addresses),
			Gateways: []api.EgressGateway{{Node: "node1", Reached: true, Bridge: true}, {Node: "node2", Reached: true, Bridge: true}},
		},
		Meta: exampleMeta(),
	}
}
