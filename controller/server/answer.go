package server

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// The slowest rate at which a client may read a response, on average after a grace
// period, in bytes per second. Every real link is faster. It bounds how long a client
// can keep a response in memory.
const (
	answerGrace = 30 * time.Second
	answerRate  = 32 << 10
)

// chunk is how much of a long answer is encoded before it is sent, in bytes.
const chunk = 64 << 10

// long is a response that is encoded while it is sent, so that a client that does not read
// it costs no more memory than a chunk. rest is the response with its one long list left
// empty; items are the entries of that list.
type long[T any] struct {
	rest  T
	field string // the list's name in JSON
	items iter.Seq2[any, error]
}

// Schema returns the schema of T.
func (long[T]) Schema(r huma.Registry) *huma.Schema {
	t := reflect.TypeFor[T]()
	return r.Schema(t, true, t.Name())
}

// encodeTo writes the response.
func (l long[T]) encodeTo(w io.Writer) error {
	var b bytes.Buffer
	encode := json.NewEncoder(&b)
	encode.SetEscapeHTML(false)
	if err := encode.Encode(l.rest); err != nil {
		return err
	}
	list := fmt.Appendf(nil, "%q:[", l.field)
	head, tail, ok := bytes.Cut(b.Bytes(), append(list, ']'))
	if !ok {
		return fmt.Errorf("%T has no empty list %q", l.rest, l.field)
	}
	tail = append([]byte("]"), tail...)
	out := bufio.NewWriterSize(w, chunk)
	// An error is kept by out.
	_, _ = out.Write(head)
	_, _ = out.Write(list)
	first := true
	for item, err := range l.items {
		if err != nil {
			return err
		}
		b.Reset()
		if err := encode.Encode(item); err != nil {
			return err
		}
		if !first {
			_ = out.WriteByte(',')
		}
		first = false
		if _, err := out.Write(bytes.TrimSuffix(b.Bytes(), []byte("\n"))); err != nil {
			return err
		}
	}
	_, _ = out.Write(tail)
	return out.Flush()
}

// encoded is a response of type T that is already encoded, since several requests may share
// it.
type encoded[T any] struct{ json []byte }

// Schema returns the schema of T.
func (encoded[T]) Schema(r huma.Registry) *huma.Schema { return long[T]{}.Schema(r) }

// encodeTo writes the response.
func (e encoded[T]) encodeTo(w io.Writer) error {
	_, err := w.Write(e.json)
	return err
}

// each converts the entries of seq one by one.
func each[F, T any](seq iter.Seq[F], item func(F) (T, error)) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		for f := range seq {
			if !yield(item(f)) {
				return
			}
		}
	}
}

// jsonFormat encodes responses as huma's own format does. It sends long responses while it
// encodes them, and aborts those that the client does not read.
func jsonFormat() huma.Format {
	f := huma.DefaultJSONFormat
	f.Marshal = func(w io.Writer, v any) error {
		if rw, ok := w.(http.ResponseWriter); ok {
			w = newPacedWriter(rw)
		}
		var err error
		if l, ok := v.(interface{ encodeTo(io.Writer) error }); ok {
			err = l.encodeTo(w)
		} else {
			err = huma.DefaultJSONFormat.Marshal(w, v)
		}
		if err != nil {
			// Part of the response is sent. Abort, so that the client notices.
			panic(http.ErrAbortHandler)
		}
		return nil
	}
	return f
}

// pacedWriter aborts a connection whose client reads too slowly.
type pacedWriter struct {
	w     http.ResponseWriter
	ctl   *http.ResponseController
	start time.Time
	sent  int64
}

func newPacedWriter(w http.ResponseWriter) *pacedWriter {
	return &pacedWriter{w: w, ctl: http.NewResponseController(w), start: time.Now()}
}

// Write sends data in chunks, each with a deadline.
func (p *pacedWriter) Write(b []byte) (n int, err error) {
	for len(b) > 0 && err == nil {
		piece := b[:min(len(b), chunk)]
		b = b[len(piece):]
		allowed := answerGrace + time.Duration(p.sent+int64(len(piece)))*time.Second/answerRate
		if err := p.ctl.SetWriteDeadline(p.start.Add(min(allowed, answerTimeout))); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return n, err
		}
		var m int
		m, err = p.w.Write(piece)
		n += m
		p.sent += int64(m)
	}
	return n, err
}
