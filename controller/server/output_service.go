package server

import (
	"context"
	"net/http"
	"net/netip"
	"slices"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

func (v view) service(o *topology.Service) *api.Service {
	known := v.fabric.ServiceStatus(v.snap, o.Name)
	st := &api.ServiceStatus{
		ID: o.ID, Ready: condition.Ready(known.Conditions), Conditions: conditions(known.Conditions),
		BackendCount: known.Count, BackendsReady: known.Ready, Backends: []api.ServiceMember{},
	}
	for b := range v.snap.Backends(o) {
		if len(st.Backends) == api.MaxServiceMembers {
			break
		}
		m := api.ServiceMember{Port: b.Name, Node: v.nodeOf(b.Port), Addresses: b.Addresses, State: b.Endpoint.State}
		_, m.Bound = v.fabric.Bound(b.Name)
		m.LinkDown = known.LinkDown[b.Name]
		if h, checked := known.Health[b.Name]; checked && !m.LinkDown {
			m.Health, m.HealthWhy, m.Unchecked = healthOf(h), h.Why, h.Unchecked
		}
		for _, p := range o.Spec.Ports {
			if name := b.Endpoint.Called(p).Name; b.Target(p) == 0 && !slices.Contains(m.Unnamed, name) {
				m.Unnamed = append(m.Unnamed, name)
			}
		}
		st.Backends = append(st.Backends, m)
	}
	for _, p := range o.Spec.Ports {
		if n := o.NodePort(p); n != 0 {
			st.NodePorts = append(st.NodePorts, api.ServiceNodePort{Name: p.Name, Protocol: p.Protocol, Port: p.Port, NodePort: n})
		}
	}
	st.HealthPort = o.HealthPort()
	st.UplinkNode = known.UplinkNode
	st.NodePortNodeCount = len(known.Entries)
	for _, e := range known.Entries[:min(len(known.Entries), api.MaxServiceMembers)] {
		st.NodePortNodes = append(st.NodePortNodes, api.NodePortNode{Node: e.Node, Addresses: e.Addresses, LocalEndpoints: e.LocalEndpoints})
	}
	return &api.Service{Kind: api.KindService, Name: o.Name, Labels: o.Labels, Spec: o.Spec, Status: st, Meta: metaOf(&o.Meta)}
}

func healthOf(h status.Health) api.BackendHealth {
	switch {
	case h.Healthy:
		return api.BackendHealthy
	case h.Why == "":
		return api.BackendWaiting
	}
	return api.BackendUnhealthy
}

func (s *Server) serviceCounters(ctx context.Context, in *nameInput) (*output[api.ServiceCounters], error) {
	ref := refOf(api.KindService, in.Name)
	v := s.viewFor(ctx)
	o, ok := v.snap.Object(ref)
	if !ok || !v.sees(o) {
		return nil, notFound(ref)
	}
	r, err := s.cfg.Fabric.ServiceCounters(ctx, in.Name)
	if err != nil {
		return nil, newProblem(http.StatusServiceUnavailable, api.CodeUnavailable, "counters of %s: %v", ref, err)
	}
	out := api.ServiceCounters{Service: in.Name, Complete: true, Backends: []api.ServiceBackendCounters{}, Nodes: []api.ServiceNode{}}
	for _, b := range r.Backends {
		out.Backends = append(out.Backends, api.ServiceBackendCounters(b))
	}
	for _, n := range r.Nodes {
		out.Complete = out.Complete && n.Counted
		out.Nodes = append(out.Nodes, api.ServiceNode(n))
	}
	return &output[api.ServiceCounters]{Body: out}, nil
}

func exampleServiceCounters() api.ServiceCounters {
	return api.ServiceCounters{
		Service:  "web",
		Backends: []api.ServiceBackendCounters{{Port: "web1", Connections: 42}, {Port: "web2", Connections: 40}},
		Nodes: []api.ServiceNode{
			{Node: "node1", Counted: true},
			{Node: "node2", Reason: "its switch is not connected"},
		},
	}
}

func exampleService() api.Service {
	return api.Service{
		Kind: api.KindService, Name: "web",
		Spec: model.ServiceSpec{
			Addresses: []netip.Addr{netip.MustParseAddr("10.96.0.10")},
			Routers:   []string{"r1"},
			Ports:     []model.ServicePort{{Name: "http", Protocol: model.ProtocolTCP, Port: 80, TargetPort: model.TargetPort{Number: 8080}}},
			Backends: model.ServiceBackends{PolicySelection: model.PolicySelection{
				Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}},
			}},
		},
		Status: &api.ServiceStatus{ID: 1, Ready: true, Conditions: []api.Condition{}, BackendCount: 1, BackendsReady: 1, Backends: []api.ServiceMember{{
			Port: "web1", Node: "node1", Addresses: []netip.Addr{netip.MustParseAddr("10.244.1.5")}, Bound: true, State: model.EndpointReady,
		}}},
		Meta: exampleMeta(),
	}
}
