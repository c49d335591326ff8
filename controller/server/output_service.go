package server

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

func (v view) service(o *topology.Service) *api.Service {
	st := &api.ServiceStatus{ID: o.ID, Backends: []api.ServiceMember{}}
	for b := range v.snap.Backends(o) {
		st.Count++
		if b.Endpoint.State == model.EndpointReady {
			st.Ready++
		}
		if len(st.Backends) < api.MaxServiceMembers {
			st.Backends = append(st.Backends, api.ServiceMember{
				Port: b.Name, Node: v.nodeOf(b.Port), Addresses: b.Addresses, State: b.Endpoint.State,
			})
		}
	}
	return &api.Service{Kind: api.KindService, Name: o.Name, Labels: o.Labels, Spec: o.Spec, Status: st, Meta: metaOf(&o.Meta)}
}

func exampleService() api.Service {
	return api.Service{
		Kind: api.KindService, Name: "web",
		Spec: model.ServiceSpec{
			Addresses: []netip.Addr{netip.MustParseAddr("10.96.0.10")},
			Routers:   []string{"r1"},
			Ports:     []model.ServicePort{{Name: "http", Protocol: model.ProtocolTCP, Port: 80, TargetPort: 8080}},
			Backends: model.ServiceBackends{PolicySelection: model.PolicySelection{
				Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}},
			}},
		},
		Status: &api.ServiceStatus{ID: 1, Count: 1, Ready: 1, Backends: []api.ServiceMember{{
			Port: "web1", Node: "node1", Addresses: []netip.Addr{netip.MustParseAddr("10.244.1.5")}, State: model.EndpointReady,
		}}},
		Meta: exampleMeta(),
	}
}
