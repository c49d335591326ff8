package server

import (
	"net/http"
	"strings"

	"github.com/sdnctl/sdnctl/controller/api"
)

// problemsFor serves mux. Where mux has no handler, it answers with a problem.
func (s *Server) problemsFor(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The location of the API's description (RFC 8631).
		w.Header().Add("Link", `</openapi.json>; rel="service-desc"`)
		if _, pattern := mux.Handler(r); pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		said := &headerOnly{header: http.Header{}, status: http.StatusOK}
		mux.ServeHTTP(said, r)
		p := newProblem(http.StatusNotFound, api.CodeNotFound, "there is no %s: /openapi.yaml lists all paths", r.URL.Path)
		if allow := said.header.Get("Allow"); said.status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", allow)
			p = newProblem(said.status, api.CodeInvalid, "%s does not allow %s, only %s", r.URL.Path, r.Method, strings.ReplaceAll(allow, ",", " or"))
		}
		s.writeProblem(w, r, p)
	})
}

// headerOnly is a ResponseWriter that records the status and the headers.
type headerOnly struct {
	header http.Header
	status int
}

// Header implements http.ResponseWriter.
func (h *headerOnly) Header() http.Header { return h.header }

// WriteHeader implements http.ResponseWriter.
func (h *headerOnly) WriteHeader(status int) { h.status = status }

// Write implements http.ResponseWriter. It discards the body.
func (h *headerOnly) Write(b []byte) (int, error) { return len(b), nil }
