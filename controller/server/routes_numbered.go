package server

import (
	"context"
	"net/http"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/worker"
	"github.com/sdnctl/sdnctl/topology"
)

func (s *Server) groups(ctx context.Context, in *nameInput) (*output[api.Groups], error) {
	views, err := s.numbered(ctx, in.Name, "groups", s.cfg.Fabric.Groups)
	if err != nil {
		return nil, err
	}
	out := api.Groups{Node: in.Name, Groups: make([]api.Group, len(views))}
	for i, v := range views {
		out.Groups[i] = api.Group{
			ID: v.Number, Group: v.Text, Object: nameOf(v.Owner), Why: v.Why,
			Flows: v.Flows, Packets: v.Packets, Bytes: v.Bytes, Installed: installed(v.Wanted, v.Installed),
		}
	}
	return &output[api.Groups]{Body: out}, nil
}

func (s *Server) meters(ctx context.Context, in *nameInput) (*output[api.Meters], error) {
	views, err := s.numbered(ctx, in.Name, "meters", s.cfg.Fabric.Meters)
	if err != nil {
		return nil, err
	}
	out := api.Meters{Node: in.Name, Meters: make([]api.Meter, len(views))}
	for i, v := range views {
		out.Meters[i] = api.Meter{
			ID: v.Number, Meter: v.Text, Object: nameOf(v.Owner), Why: v.Why,
			Flows: v.Flows, Packets: v.Packets, Bytes: v.Bytes, Exceeded: v.Exceeded, Installed: installed(v.Wanted, v.Installed),
		}
	}
	return &output[api.Meters]{Body: out}, nil
}

// numbered reads a node's groups or meters with get. what names them in errors.
func (s *Server) numbered(ctx context.Context, node, what string, get func(context.Context, string) ([]worker.NumberedView, error)) ([]worker.NumberedView, error) {
	ref := refOf(api.KindNode, node)
	if _, ok := s.cfg.Store.Snapshot().Node(node); !ok {
		return nil, notFound(ref)
	}
	views, err := get(ctx, node)
	if err != nil {
		return nil, newProblem(http.StatusServiceUnavailable, api.CodeUnavailable, "%s of %s: %v", what, ref, err)
	}
	return views, nil
}

// nameOf returns a reference as text; "" for none.
func nameOf(r topology.Ref) string {
	if r == (topology.Ref{}) {
		return ""
	}
	return r.String()
}

// installed returns the value of Installed for an item that is wanted, on the switch, or both.
func installed(wanted, has bool) string {
	switch {
	case wanted && has:
		return api.FlowInstalled
	case wanted:
		return api.FlowMissing
	}
	return api.FlowForeign
}
