package server

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// floatingIP shows a floating address.
func (v view) floatingIP(f *topology.FloatingIP) *api.FloatingIP {
	known := v.fabric.FloatingIPStatus(v.snap, f.Name)
	st := &api.FloatingIPStatus{
		Ready: condition.Ready(known.Conditions), Conditions: conditions(known.Conditions),
		Node: known.Node, MAC: model.OutsideMAC(f.Spec.Address).String(),
	}
	return &api.FloatingIP{Kind: api.KindFloatingIP, Name: f.Name, Labels: f.Labels, Spec: f.Spec, Status: st, Meta: metaOf(&f.Meta)}
}

func exampleFloatingIP() api.FloatingIP {
	a := netip.AddrFrom4([4]byte{192, 0, 2, 70})
	return api.FloatingIP{
		Kind: api.KindFloatingIP, Name: "web",
		Spec:   model.FloatingIPSpec{Uplink: "ext", Address: a, Port: "web1"},
		Status: &api.FloatingIPStatus{Ready: true, Conditions: []api.Condition{}, Node: "node1", MAC: model.OutsideMAC(a).String()},
		Meta:   exampleMeta(),
	}
}
