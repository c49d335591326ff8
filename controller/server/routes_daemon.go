package server

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/sdnctl/sdnctl/controller/api"
)

// textOutput is a response in plain text.
type textOutput struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

// daemonRoutes registers the operations for supervisors and monitoring.
func (s *Server) daemonRoutes() {
	text := func(path, id, summary, example string) huma.Operation {
		op := huma.Operation{
			Method: http.MethodGet, Path: path, OperationID: id, Summary: summary, Tags: []string{tagDaemon},
			Responses: map[string]*huma.Response{"200": {
				Description: "OK",
				Content: map[string]*huma.MediaType{"text/plain": {
					Schema:  &huma.Schema{Type: huma.TypeString},
					Example: example,
				}},
			}},
		}
		s.addProblem(&op)
		return op
	}
	huma.Register(s.api, text("/healthz", "healthz", "Report that the daemon is running", "ok\n"),
		func(context.Context, *struct{}) (*textOutput, error) {
			return &textOutput{"text/plain; charset=utf-8", []byte("ok\n")}, nil
		})
	huma.Register(s.api, text("/readyz", "readyz", "Report whether the daemon serves switches and requests", "ok\n"),
		func(context.Context, *struct{}) (*textOutput, error) {
			if err := s.cfg.Ready(); err != nil {
				return nil, newProblem(http.StatusServiceUnavailable, api.CodeUnavailable, "not ready: %v", err)
			}
			return &textOutput{"text/plain; charset=utf-8", []byte("ok\n")}, nil
		})
	if s.cfg.Metrics == nil {
		return
	}
	huma.Register(s.api, text("/metrics", "metrics", "Return metrics in the Prometheus text format", "sdnd_api_watchers 0\n"),
		func(context.Context, *struct{}) (*huma.StreamResponse, error) {
			return &huma.StreamResponse{Body: func(ctx huma.Context) {
				r, w := humago.Unwrap(ctx)
				s.cfg.Metrics.ServeHTTP(w, r)
			}}, nil
		})
}
