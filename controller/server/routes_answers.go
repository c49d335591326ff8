package server

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/packetin"
)

// Answers has what was answered to packets that flows sent to the controller.
type Answers interface {
	// Causes returns the names of the causes, sorted.
	Causes() []string
	// Recent returns the newest answers of a cause, newest first.
	Recent(cause string) []packetin.Answered
}

type answersInput struct {
	Port  string `query:"port" doc:"Only answers to this port" example:"web1"`
	Cause string `query:"cause" doc:"Only answers of this cause" example:"dns"`
}

func (s *Server) answersRoutes() {
	register(s, huma.Operation{
		Method: http.MethodGet, Path: "/v1/answers", OperationID: "list-answers", Tags: []string{tagState},
		Summary: "List what sdnd answered to ports: DHCP, DHCPv6, router solicitations, DNS, and what policies reject, services refuse and routers cannot forward",
	}, exampleAnswers(), s.answers)
}

func (s *Server) answers(_ context.Context, in *answersInput) (*output[api.Answers], error) {
	var causes []string
	if s.cfg.Answers != nil {
		causes = s.cfg.Answers.Causes()
	}
	if in.Cause != "" {
		if !slices.Contains(causes, in.Cause) {
			return nil, refuse(http.StatusUnprocessableEntity, api.CodeInvalid, []api.Problem{{
				Index: -1, Field: "cause", Message: fmt.Sprintf("%q is not a cause of answers", in.Cause), Fix: "give one of " + strings.Join(causes, ", "),
			}})
		}
		causes = []string{in.Cause}
	}
	if in.Port != "" {
		if _, ok := s.cfg.Store.Snapshot().Port(in.Port); !ok {
			return nil, notFound(refOf(api.KindPort, in.Port))
		}
	}
	out := api.Answers{Items: []api.Answer{}}
	for _, cause := range causes {
		for _, a := range s.cfg.Answers.Recent(cause) {
			if in.Port == "" || a.Port == in.Port {
				out.Items = append(out.Items, api.Answer{Time: a.At.UTC(), Cause: cause, Node: a.From.Node, Port: a.Port, Answered: a.Sent, What: a.What})
			}
		}
	}
	slices.SortStableFunc(out.Items, func(a, b api.Answer) int { return b.Time.Compare(a.Time) })
	return &output[api.Answers]{Body: out}, nil
}

func exampleAnswers() api.Answers {
	return api.Answers{Items: []api.Answer{
		{Time: exampleTime(), Cause: "dns", Node: "node1", Port: "web1", Answered: true, What: "A db.blue.internal.: 10.96.0.10"},
	}}
}
