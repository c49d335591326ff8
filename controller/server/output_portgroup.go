package server

import (
	"iter"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

func (v view) portGroup(g *topology.PortGroup) *api.PortGroup {
	st := &api.PortGroupStatus{Ports: []string{}}
	for p := range v.snap.Members(g) {
		if st.Count++; len(st.Ports) < api.MaxGroupPorts {
			st.Ports = append(st.Ports, p.Name)
		}
	}
	if n := len(st.Ports); st.Count > n {
		st.Continue = st.Ports[n-1]
	}
	return &api.PortGroup{
		Kind: api.KindPortGroup, Name: g.Name, Labels: g.Labels,
		Spec: g.Spec, Status: st, Meta: metaOf(&g.Meta),
	}
}

// members yields the ports of a group, sorted by name. network and node, unless "",
// narrow them as in all. The error is a *problem.
func (v view) members(group, network, node string) (iter.Seq[topology.Object], error) {
	ref := refOf(api.KindPortGroup, group)
	o, ok := v.snap.Object(ref)
	if !ok || !v.sees(o) {
		return nil, notFound(ref)
	}
	return func(yield func(topology.Object) bool) {
		for p := range v.snap.Members(o.(*topology.PortGroup)) {
			if (network == "" || p.Spec.Network == network) && (node == "" || v.nodeOf(p) == node) && !yield(p) {
				return
			}
		}
	}, nil
}

func examplePortGroup() api.PortGroup {
	return api.PortGroup{
		Kind: api.KindPortGroup, Name: "web",
		Spec:   model.PortGroupSpec{Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}}},
		Status: &api.PortGroupStatus{Count: 2, Ports: []string{"web1", "web2"}},
		Meta:   exampleMeta(),
	}
}
