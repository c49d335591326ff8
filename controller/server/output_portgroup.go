package server

import (
	"iter"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// portGroup shows a port group.
func (v view) portGroup(g *topology.PortGroup) *api.PortGroup {
	return &api.PortGroup{
		Kind: api.KindPortGroup, Name: g.Name, Labels: g.Labels,
		Spec: g.Spec, Status: groupStatus(v.snap.Members(g)), Meta: metaOf(&g.Meta),
	}
}

// groupStatus returns the number of some ports and the names of the first of them.
func groupStatus(ports iter.Seq[*topology.Port]) *api.PortGroupStatus {
	st := &api.PortGroupStatus{Ports: []string{}}
	for p := range ports {
		if st.Count++; len(st.Ports) < api.MaxGroupPorts {
			st.Ports = append(st.Ports, p.Name)
		}
	}
	if n := len(st.Ports); st.Count > n {
		st.Continue = st.Ports[n-1]
	}
	return st
}

// members yields the ports of a group, sorted by name. network and node filter them as in
// all. The error is a *problem.
func (v view) members(group, network, node string) (iter.Seq[topology.Object], error) {
	ref := refOf(api.KindPortGroup, group)
	o, ok := v.snap.Object(ref)
	if !ok || !v.sees(o) {
		return nil, notFound(ref)
	}
	return v.filter(v.snap.Members(o.(*topology.PortGroup)), network, node), nil
}

// filter yields those ports that belong to a network and are on a node. "" stands for any
// network or node.
func (v view) filter(ports iter.Seq[*topology.Port], network, node string) iter.Seq[topology.Object] {
	return func(yield func(topology.Object) bool) {
		for p := range ports {
			if (network == "" || p.Spec.Network == network) && (node == "" || v.nodeOf(p) == node) && !yield(p) {
				return
			}
		}
	}
}

func examplePortGroup() api.PortGroup {
	return api.PortGroup{
		Kind: api.KindPortGroup, Name: "web",
		Spec:   model.PortGroupSpec{Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}}},
		Status: &api.PortGroupStatus{Count: 2, Ports: []string{"web1", "web2"}},
		Meta:   exampleMeta(),
	}
}
