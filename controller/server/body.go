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

// bodyTimeout is how long a client may take to send a body.
const bodyTimeout = time.Minute

type bodyKey struct{}

// body returns what readBody read.
func body(ctx context.Context) []byte {
	b, _ := ctx.Value(bodyKey{}).([]byte)
	return b
}

// readBody is a middleware that reads a body of one of the media types and of at
// most limit bytes. One that
// says it is larger is refused without being read, and one that turns out to
// be is not read further; the connection is closed then, so that the client
// stops sending.
func readBody(limit int64, media ...string) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		b, p := boundedBody(w, r, limit, media)
		if p != nil {
			w.Header().Set("Connection", "close")
			ctx.SetHeader("Content-Type", p.ContentType(""))
			ctx.SetStatus(p.Status)
			// A client that is gone needs no answer.
			_ = huma.DefaultJSONFormat.Marshal(ctx.BodyWriter(), p)
			return
		}
		next(huma.WithValue(ctx, bodyKey{}, b))
	}
}

func boundedBody(w http.ResponseWriter, r *http.Request, limit int64, media []string) ([]byte, *problem) {
	if ct := r.Header.Get("Content-Type"); ct != "" {
		// A page in a browser cannot send application/json to another site
		// without being allowed, so this also keeps forged requests out.
		if is, _, err := mime.ParseMediaType(ct); err != nil || !slices.Contains(media, is) {
			return nil, newProblem(http.StatusUnsupportedMediaType, api.CodeMalformed, "the body is said to be %s: send %s", ct, strings.Join(media, " or "))
		}
	} else if r.Header.Get("Origin") != "" {
		return nil, newProblem(http.StatusUnsupportedMediaType, api.CodeMalformed, "the body has no content type: send %s", strings.Join(media, " or "))
	}
	tooLarge := newProblem(http.StatusRequestEntityTooLarge, api.CodeTooLarge, "the body is larger than the limit of %d MiB: split it into several requests", limit>>20)
	if r.ContentLength > limit {
		return nil, tooLarge
	}
	if err := huma.SetReadDeadline(w, time.Now().Add(bodyTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, internal(err)
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	// Lifted again: the deadline would otherwise end a long transaction.
	_ = huma.SetReadDeadline(w, time.Time{})
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, tooLarge
	case err != nil:
		return nil, newProblem(http.StatusBadRequest, api.CodeMalformed, "read the body: %v", err)
	case len(bytes.TrimSpace(b)) == 0:
		return nil, newProblem(http.StatusBadRequest, api.CodeMalformed, "the body is empty: send the object in JSON")
	case !json.Valid(b):
		return nil, notJSON(b)
	}
	return b, nil
}

// notJSON says where a body is not JSON.
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
