package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
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

// takeBody returns what readBody read, once: what has become of it is to be held
// in memory without it.
func takeBody(ctx context.Context) []byte {
	held, _ := ctx.Value(bodyKey{}).(*[]byte)
	if held == nil {
		return nil
	}
	b := *held
	*held = nil
	return b
}

// readBody is a middleware that reads a body of one of the media types and of at
// most limit bytes, when there is room for it until the request is answered. One that says it is larger is
// refused without being read, and one that turns out to be is not read further;
// the connection is closed then, so that the client stops sending.
func (s *Server) readBody(limit int64, media ...string) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		n := r.ContentLength
		if n < 0 {
			n = limit
		}
		give, p := s.bodies.take(r.Context(), clientOf(r.Context()), min(n, limit))
		var b []byte
		if p == nil {
			defer give()
			b, p = boundedBody(w, r, limit, media)
		}
		if p != nil {
			w.Header().Set("Connection", "close")
			maps.Copy(w.Header(), p.GetHeaders())
			ctx.SetHeader("Content-Type", p.ContentType(""))
			ctx.SetStatus(p.Status)
			// A client that is gone needs no answer.
			_ = huma.DefaultJSONFormat.Marshal(ctx.BodyWriter(), p)
			return
		}
		next(huma.WithValue(ctx, bodyKey{}, &b))
	}
}

// pacedReader ends the connection of a client that sends too slowly.
type pacedReader struct {
	r     io.Reader
	w     http.ResponseWriter
	start time.Time
	got   int64
}

// Read reads a part of a body.
func (p *pacedReader) Read(b []byte) (int, error) {
	allowed := bodyGrace + time.Duration(p.got)*time.Second/bodyRate
	if err := huma.SetReadDeadline(p.w, p.start.Add(min(allowed, bodyTimeout))); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	n, err := p.r.Read(b)
	p.got += int64(n)
	return n, err
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
	b, err := readAll(&pacedReader{r: http.MaxBytesReader(w, r.Body, limit), w: w, start: time.Now()}, r.ContentLength)
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

// readAll is io.ReadAll with the room for what is said to come, which is not
// believed too soon.
func readAll(r io.Reader, size int64) ([]byte, error) {
	const believed = 1 << 20
	var b bytes.Buffer
	b.Grow(int(min(max(size, 0), believed)) + bytes.MinRead)
	_, err := b.ReadFrom(r)
	return b.Bytes(), err
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
