package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/sdnctl/sdnctl/controller/api"
)

const (
	// bodyTimeout is how long a client may take to send a body.
	bodyTimeout = time.Minute
	// bodyGrace is the time after which a client must have sent bodyRate bytes a second on
	// average.
	bodyGrace = 10 * time.Second
	bodyRate  = 1 << 20
)

// bodyKey is the context key of the body that readBody has read, a *[]byte.
type bodyKey struct{}

// takeBody returns the body that readBody has read, and drops the reference to it, so that
// the body can be freed once it is decoded.
func takeBody(ctx context.Context) []byte {
	held, _ := ctx.Value(bodyKey{}).(*[]byte)
	if held == nil {
		return nil
	}
	b := *held
	*held = nil
	return b
}

// readBody returns a middleware that reads a body of one of the media types, of at most
// limit bytes, and continues when the body may be processed. A body whose declared length is
// greater is refused unread.
func (s *Server) readBody(limit int64, media ...string) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		b, release, p := s.bodyInWork(w, r, limit, media)
		if p != nil {
			s.writeProblem(statusWriter{w, ctx}, r, p)
			return
		}
		defer release()
		next(huma.WithValue(ctx, bodyKey{}, &b))
	}
}

// statusWriter passes the status to huma, whose middlewares count it.
type statusWriter struct {
	http.ResponseWriter
	ctx huma.Context
}

// WriteHeader sets the status.
func (w statusWriter) WriteHeader(status int) { w.ctx.SetStatus(status) }

// Unwrap is for http.ResponseController.
func (w statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// bodyInWork reads a body and waits until it may be processed. release must be called after
// processing.
func (s *Server) bodyInWork(w http.ResponseWriter, r *http.Request, limit int64, media []string) (b []byte, release func(), p *problem) {
	if p = refusedUnread(r, limit, media); p != nil {
		return nil, nil, p
	}
	n := r.ContentLength
	if n < 0 {
		n = limit
	}
	body, leave, p := s.bodies.arrive(w, r, http.MaxBytesReader(w, r.Body, limit), n)
	if p != nil {
		return nil, nil, p
	}
	defer leave()
	if b, p = s.boundedBody(body, r.ContentLength, limit); p != nil {
		return nil, nil, p
	}
	if release, p = s.bodies.acquire(body.ctx, clientOf(r.Context()), int64(len(b))); p != nil {
		return nil, nil, p
	}
	leave()
	if body.dropped() { // meanwhile; its connection cannot read any more
		release()
		return nil, nil, s.bodies.full()
	}
	return b, release, nil
}

// refusedUnread refuses a request whose header shows that its body cannot be accepted.
func refusedUnread(r *http.Request, limit int64, media []string) *problem {
	if ct := r.Header.Get("Content-Type"); ct != "" {
		// A web page cannot send application/json to another site unless that allows it
		// (CORS). So this also prevents cross-site request forgery.
		if is, _, err := mime.ParseMediaType(ct); err != nil || !slices.Contains(media, is) {
			return newProblem(http.StatusUnsupportedMediaType, api.CodeMalformed, "the content type of the body is %s: send %s", ct, strings.Join(media, " or "))
		}
	} else if r.Header.Get("Origin") != "" {
		return newProblem(http.StatusUnsupportedMediaType, api.CodeMalformed, "the body has no content type: send %s", strings.Join(media, " or "))
	}
	if r.ContentLength > limit {
		return tooLarge(limit)
	}
	return nil
}

// tooLarge returns the problem of a body of more than limit bytes.
func tooLarge(limit int64) *problem {
	return newProblem(http.StatusRequestEntityTooLarge, api.CodeTooLarge, "the body is larger than the limit of %d MiB: split it into several requests", limit>>20)
}

// boundedBody reads a body, which must be JSON of at most limit bytes.
func (s *Server) boundedBody(body *arriving, size, limit int64) ([]byte, *problem) {
	b, err := readAll(body, size)
	// Reset the deadline, which would otherwise end a long transaction.
	_ = body.control.SetReadDeadline(time.Time{})
	var over *http.MaxBytesError
	switch {
	case errors.Is(err, errNoRoom):
		return nil, s.bodies.full()
	case errors.As(err, &over):
		return nil, tooLarge(limit)
	case err != nil:
		return nil, newProblem(http.StatusBadRequest, api.CodeMalformed, "read the body: %v", err)
	case len(bytes.TrimSpace(b)) == 0:
		return nil, newProblem(http.StatusBadRequest, api.CodeMalformed, "the body is empty: send the object in JSON")
	case !json.Valid(b):
		return nil, notJSON(b)
	}
	return b, nil
}

// readAll does what io.ReadAll does, with a buffer of the declared size, but at first of at
// most 1 MiB: the client may not send what it declares.
func readAll(r io.Reader, size int64) ([]byte, error) {
	const maxFirst = 1 << 20
	var b bytes.Buffer
	b.Grow(int(min(max(size, 0), maxFirst)) + bytes.MinRead)
	_, err := b.ReadFrom(r)
	return b.Bytes(), err
}

// notJSON returns the problem of a body that is not JSON, with the line of the first error.
func notJSON(b []byte) *problem {
	var raw json.RawMessage
	err := json.Unmarshal(b, &raw)
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return newProblem(http.StatusBadRequest, api.CodeMalformed, "the body is not JSON: %v", err)
	}
	line := 1 + bytes.Count(b[:min(int(syntax.Offset), len(b))], []byte("\n"))
	return newProblem(http.StatusBadRequest, api.CodeMalformed, "the body is not JSON: line %d: %v", line, err)
}
