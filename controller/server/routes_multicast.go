package server

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/netip"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

// defaultGroups is how many groups a page has.
const defaultGroups = 500

type multicastInput struct {
	Name     string `path:"name" doc:"Name of the network" example:"blue"`
	Limit    int    `query:"limit" doc:"Greatest number of groups to return; 500 if absent" minimum:"1" maximum:"10000" example:"500"`
	Continue string `query:"continue" doc:"Only groups after this one: the value of continue in the previous page" example:"239.1.2.3"`
}

func (s *Server) multicastRoutes() {
	register(s, huma.Operation{
		Method: http.MethodGet, Path: "/v1/networks/{name}/multicast", OperationID: "list-multicast-groups", Tags: []string{tagState},
		Summary: "List the multicast groups that ports of a network have joined",
	}, exampleMulticast(), s.multicast)
}

func (s *Server) multicast(_ context.Context, in *multicastInput) (*output[api.MulticastGroups], error) {
	n, ok := s.cfg.Store.Snapshot().Network(in.Name)
	if !ok {
		return nil, notFound(refOf(api.KindNetwork, in.Name))
	}
	invalid := func(field, message, fix string) error {
		return refuse(http.StatusUnprocessableEntity, api.CodeInvalid, []api.Problem{{Index: -1, Field: field, Message: message, Fix: fix}})
	}
	if n.Spec.Multicast != model.MulticastSnoop {
		return nil, invalid("name", fmt.Sprintf("network %q does not send groups to members only, so it has no members of groups", n.Name), "sdnctl network set "+n.Name+" --multicast snoop")
	}
	var after netip.Addr
	if in.Continue != "" {
		var err error
		if after, err = netip.ParseAddr(in.Continue); err != nil {
			return nil, invalid("continue", fmt.Sprintf("%q is not the address of a group", in.Continue), "give the value of continue in the previous page")
		}
	}
	groups, more := s.cfg.Fabric.MulticastGroups(n.Name, after, cmp.Or(in.Limit, defaultGroups), api.MaxGroupMembers)
	out := api.MulticastGroups{Network: n.Name, Items: []api.MulticastGroup{}}
	for _, g := range groups {
		item := api.MulticastGroup{Group: g.Group.String(), Count: g.Count, Members: []api.MulticastMember{}}
		for _, m := range g.Members {
			item.Members = append(item.Members, api.MulticastMember{Port: m.Port, Node: m.Node})
		}
		out.Items = append(out.Items, item)
	}
	if more {
		out.Continue = out.Items[len(out.Items)-1].Group
	}
	return &output[api.MulticastGroups]{Body: out}, nil
}

func exampleMulticast() api.MulticastGroups {
	return api.MulticastGroups{Network: "blue", Items: []api.MulticastGroup{{Group: "239.1.2.3", Count: 1, Members: []api.MulticastMember{{Port: "web1", Node: "node1"}}}}}
}
