package server

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/reconcile"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// defaultDenialWatch is how long denials are watched if the request does not say. Hosts
// retransmit the first packet of a TCP connection after one second (RFC 6298), so that a
// connection that is being attempted is seen.
const defaultDenialWatch = 3 * time.Second

type denialsInput struct {
	Name string `path:"name" doc:"Name of the policy" example:"web"`
	For  string `query:"for" doc:"How long to watch, at most 30s; 3s if absent" example:"10s"`
}

// policyDenials watches the denials of a policy for a while.
func (s *Server) policyDenials(ctx context.Context, in *denialsInput) (*output[api.PolicyDenials], error) {
	ref := refOf(api.KindPolicy, in.Name)
	v := s.viewFor(ctx)
	o, ok := v.snap.Object(ref)
	if !ok || !v.sees(o) {
		return nil, notFound(ref)
	}
	watch := defaultDenialWatch
	if in.For != "" {
		var err error
		if watch, err = time.ParseDuration(in.For); err != nil || watch <= 0 || watch > reconcile.MaxDenialWatch {
			return nil, refuse(http.StatusUnprocessableEntity, api.CodeInvalid, []api.Problem{{
				Index: -1, Field: "for", Message: fmt.Sprintf("%q is not a time to watch", in.For), Fix: "give a time of at most 30s, such as 10s",
			}})
		}
	}
	r, err := s.cfg.Fabric.PolicyDenials(ctx, in.Name, watch)
	if err != nil {
		return nil, newProblem(http.StatusServiceUnavailable, api.CodeUnavailable, "denials of %s: %v", ref, err)
	}
	return &output[api.PolicyDenials]{Body: policyDenialsOf(o.(*topology.Policy), r)}, nil
}

// policyDenialsOf converts the denials of a policy to their form in the API.
func policyDenialsOf(p *topology.Policy, r reconcile.PolicyDenials) api.PolicyDenials {
	out := api.PolicyDenials{Policy: p.Name, Complete: true, Denials: []api.PolicyDenial{}, Nodes: []api.DenialNode{}}
	for _, d := range r.Denials {
		a := api.PolicyDenial{
			Seen: d.Seen.UTC(), Node: d.Node, Direction: d.Direction, Source: d.Source.String(), Destination: d.Destination.String(), What: d.What,
		}
		if rules := p.Spec.Rules(d.Direction); d.Rule >= len(rules) {
			continue // the policy has fewer rules now
		} else if d.Rule >= 0 {
			a.Rule, a.Name = &d.Rule, rules[d.Rule].Name
		}
		if d.SourcePort != nil {
			a.SourcePort = d.SourcePort.Name
		}
		if d.DestinationPort != nil {
			a.DestinationPort = d.DestinationPort.Name
		}
		out.Denials = append(out.Denials, a)
	}
	for _, n := range r.Nodes {
		out.Complete = out.Complete && n.Watched && !n.Full
		out.Nodes = append(out.Nodes, api.DenialNode(n))
	}
	return out
}

func examplePolicyDenials() api.PolicyDenials {
	return api.PolicyDenials{
		Policy: "web",
		Denials: []api.PolicyDenial{{
			Seen: exampleTime(), Node: "node1", Direction: model.Ingress, Source: "10.7.0.9", SourcePort: "db1", Destination: "10.7.0.2", DestinationPort: "web1",
			What: model.PolicyPort{Protocol: model.ProtocolTCP, First: 22, Last: 22},
		}},
		Nodes: []api.DenialNode{{Node: "node1", Watched: true}, {Node: "node2", Reason: "its switch is not connected"}},
	}
}
