package server

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

// problem is an api.Error in the form that huma sends.
type problem api.Error

// Error returns the message.
func (p *problem) Error() string { return p.Message }

// GetStatus returns the HTTP status.
func (p *problem) GetStatus() int { return p.Status }

// ContentType returns the media type of RFC 9457.
func (p *problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders returns the headers for the status. A request that was refused at a limit may
// be repeated (RFC 9110, section 10.2.3).
func (p *problem) GetHeaders() http.Header {
	switch p.Status {
	case http.StatusUnauthorized:
		return http.Header{"Www-Authenticate": {`Bearer realm="sdnd"`}}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return http.Header{"Retry-After": {"1"}}
	}
	return nil
}

// newProblem returns a problem without a list of mistakes.
func newProblem(status int, code, format string, args ...any) *problem {
	p := &problem{Status: status, Title: http.StatusText(status), Code: code}
	p.say(fmt.Sprintf(format, args...))
	return p
}

// say sets the message, which RFC 9457 calls detail. Clients of version 0.1 read message, so
// both are sent.
func (p *problem) say(text string) { p.Detail, p.Message = text, text }

// maxMistakes is the greatest number of mistakes in a response. It limits the cost of a
// request that repeats a typo in 100,000 objects.
const maxMistakes = 1000

// refuse returns the problem of a request with one or more mistakes. code is the code of all
// of them together.
func refuse(status int, code string, mistakes []api.Problem) *problem {
	p := newProblem(status, code, "%s", mistakes[0])
	if len(mistakes) >= maxMistakes {
		mistakes = mistakes[:maxMistakes]
		p.say(fmt.Sprintf("%d mistakes or more, of which the first are listed; nothing was changed", maxMistakes))
	} else if len(mistakes) > 1 {
		p.say(fmt.Sprintf("%d mistakes, nothing was changed", len(mistakes)))
	}
	p.Errors = mistakes
	return p
}

// statusOf returns the HTTP status for the code of a mistake in the content of a request.
func statusOf(code string) int {
	switch code {
	case api.CodeNotFound:
		return http.StatusNotFound
	case api.CodeExists, api.CodeConflict, api.CodeInUse, api.CodeExhausted:
		return http.StatusConflict
	}
	return http.StatusUnprocessableEntity
}

// codeOf returns the code for a problem of an op. A reference to an object that does not exist
// is CodeInvalid: only a missing object of the request itself is CodeNotFound.
func codeOf(p topology.Problem) string {
	switch p.Kind {
	case topology.Conflict:
		return api.CodeConflict
	case topology.InUse:
		return api.CodeInUse
	case topology.Exhausted:
		return api.CodeExhausted
	case topology.Exists:
		return api.CodeExists
	case topology.NotFound:
		if p.Field == "" {
			return api.CodeNotFound
		}
	}
	return api.CodeInvalid
}

// mistakeOf converts a topology.Problem for the API.
func mistakeOf(p topology.Problem) api.Problem {
	return api.Problem{Index: p.Op, Object: p.Ref.String(), Field: p.Field, Message: p.Message, Fix: p.Fix}
}

// internal returns the problem of a failure of sdnd.
func internal(err error) *problem {
	code := api.CodeInternal
	if errors.Is(err, store.ErrFileLost) {
		code = api.CodeFileLost
	}
	return newProblem(http.StatusInternalServerError, code, "%s", err)
}

// fromHuma is a huma.Transformer that converts huma's own errors, which are about parameters,
// to problems.
func fromHuma(_ huma.Context, _ string, v any) (any, error) {
	var m *huma.ErrorModel
	if err, ok := v.(error); !ok || !errors.As(err, &m) {
		return v, nil
	}
	p := newProblem(m.Status, api.CodeInvalid, "%s", m.Detail)
	if m.Status >= 500 {
		p.Code = api.CodeInternal
	}
	for _, d := range m.Errors {
		p.Errors = append(p.Errors, api.Problem{Index: -1, Field: d.Location, Message: d.Message})
	}
	if len(p.Errors) > 0 {
		said := make([]string, len(p.Errors))
		for i, e := range p.Errors {
			said[i] = e.String()
		}
		p.say(strings.Join(said, "; "))
	}
	return p, nil
}
