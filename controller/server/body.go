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
	// bodyGrace is how long it may take for the beginning of it, and bodyRate how
	// many bytes a second it then has to send on average.
	bodyGrace = 10 * time.Second
	bodyRate  = 1 << 20
)

type bodyKey struct{}

// takeBody returns the body that readBody read, and drops the reference to it, so that the
// body is not held in memory beside what is made of it.
func takeBody(ctx context.Context) []byte {
	held, _ := ctx.Value(bodyKey{}).(*[]byte)
	if held == nil {
		return nil
	}
	b := *held
	*held = nil
	return b
}

// readBody is a middleware that reads a body of one of the media types, of at most limit
// bytes, and continues when the body may be processed. A body whose declared length is
// greater is refused without being read.
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
	if body.dropped() { // in this very moment, and its connection reads no more
		release()
		return nil, nil, s.bodies.full()
	}
	return b, release, nil
}

// refusedUnread refuses a request whose header shows that its body cannot be accepted.
func refusedUnread(r *http.Request, limit int64, media []string) *problem {
	if ct := r.Header.Get("Content-Type"); ct != "" {
		// A page in a browser cannot send application/json to another site
		// without being allowed, so this also keeps forged requests out.
		if is, _, err := mime.ParseMediaType(ct); err != nil || !slices.Contains(media, is) {
			return newProblem(http.StatusUnsupportedMediaType, api.CodeMalformed, "the body is said to be %s: send %s", ct, strings.Join(media, " or "))
		}
	} else if r.Header.Get("Origin") != "" {
		return newProblem(http.StatusUnsupportedMediaType, api.CodeMalformed, "the body has no content type: send %s", strings.Join(media, " or "))
	}
	if r.ContentLength > limit {
		return tooLarge(limit)
	}
	return nil
}

func tooLarge(limit int64) *problem {
	return newProblem(http.StatusRequestEntityTooLarge, api.CodeTooLarge, "the body is larger than the limit of %d MiB: split it into several requests", limit>>20)
}

// boundedBody reads a body, which must be JSON of at most limit bytes.
func (s *Server) boundedBody(body *arriving, size, limit int64) ([]byte, *problem) {
	b, err := readAll(body, size)
	// Reset: the deadline would otherwise end a long transaction.
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

// readAll does what io.ReadAll does, with a buffer for the declared length, up to a bound.
func readAll(r io.Reader, size int64) ([]byte, error) {
	const believed = 1 << 20
	var b bytes.Buffer
	b.Grow(int(min(max(size, 0), believed)) + bytes.MinRead)
	_, err := b.ReadFrom(r)
	return b.Bytes(), err
}

// notJSON says at which position a body is not valid JSON.
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
