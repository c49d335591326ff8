package server

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology"
)

// auditTimeout is the longest time that an audit waits for the switch.
const auditTimeout = 30 * time.Second

type driftsInput struct {
	Node string `query:"node" doc:"Only drifts of this node" example:"node1"`
}

func (s *Server) driftRoutes() {
	register(s, huma.Operation{
		Method: http.MethodGet, Path: "/v1/drifts", OperationID: "list-drifts", Tags: []string{tagState},
		Summary: "List changes of flows by other programs, which sdnd undid",
	}, exampleDrifts(), s.drifts)
	register(s, huma.Operation{
		Method: http.MethodPost, Path: "/v1/nodes/{name}/audit", OperationID: "audit-node", Tags: []string{tagState},
		Summary: "Compare all flows, groups and meters of a node with those it should have, and undo the differences",
	}, api.Audit{Node: "node1", Verdict: "equal", Revision: 7}, s.audit)
}

func (s *Server) drifts(_ context.Context, in *driftsInput) (*output[api.Drifts], error) {
	if in.Node != "" {
		if _, ok := s.cfg.Store.Snapshot().Node(in.Node); !ok {
			return nil, notFound(refOf(api.KindNode, in.Node))
		}
	}
	out := api.Drifts{Items: []api.Drift{}}
	for _, d := range s.cfg.Fabric.Drifts(in.Node) {
		item := api.Drift{
			Seq: d.Seq, Time: d.Time.UTC(), Node: d.Node, What: d.What, Table: d.Table,
			Before: d.Before, After: d.After, By: d.By,
		}
		if d.Owner != (topology.Ref{}) {
			item.Object = d.Owner.String()
		}
		out.Items = append(out.Items, item)
	}
	return &output[api.Drifts]{Body: out}, nil
}

func (s *Server) audit(ctx context.Context, in *nameInput) (*output[api.Audit], error) {
	if _, ok := s.cfg.Store.Snapshot().Node(in.Name); !ok {
		return nil, notFound(refOf(api.KindNode, in.Name))
	}
	ctx, cancel := context.WithTimeout(ctx, auditTimeout)
	defer cancel()
	a := s.cfg.Fabric.Audit(ctx, in.Name)
	return &output[api.Audit]{Body: api.Audit{
		Node: a.Node, Verdict: string(a.Verdict), Revision: api.Revision(a.Revision),
		Foreign: a.Foreign, Missing: a.Missing, Reason: a.Reason,
	}}, nil
}

func exampleDrifts() api.Drifts {
	return api.Drifts{Items: []api.Drift{{
		Seq: 3, Time: exampleTime(), Node: "node1", What: "deleted", Table: "forward", Object: "port/web1",
		Before: "table=80, priority=100,dl_dst=02:00:00:00:01:03 actions=output:3", By: "monitor",
	}}}
}
