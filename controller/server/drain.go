package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"strconv"
	"time"
)

// A client that sends a large body reads the response afterwards. If the server closed
// the connection with a part of the body unread, TCP would reset the connection and the
// client would not see the response. So the server reads and discards the rest of a
// refused body, within limits.
const (
	// drainBytes and drainTime limit what is discarded of one body.
	drainBytes = 2 * DefaultMaxApply
	drainTime  = 10 * time.Second
	// drainEach and drainAll limit how many bodies of a client, and of all, are
	// discarded at a time. Beyond them connections are closed at once.
	drainEach, drainAll = 4, 64
)

// writeProblem answers a request with a problem outside of huma. It discards the rest of
// the request's body and closes the connection.
func (s *Server) writeProblem(w http.ResponseWriter, r *http.Request, p *problem) {
	hasBody := r.Body != nil && r.Body != http.NoBody
	var text bytes.Buffer
	if err := json.NewEncoder(&text).Encode(p); err != nil {
		s.log.Error("a problem cannot be encoded", "err", err)
	}
	maps.Copy(w.Header(), p.GetHeaders())
	w.Header().Set("Content-Type", p.ContentType(""))
	// With a length, the response is complete while the body is still being read.
	w.Header().Set("Content-Length", strconv.Itoa(text.Len()))
	if hasBody {
		w.Header().Set("Connection", "close")
	}
	w.WriteHeader(p.Status)
	// A client that is gone needs no answer.
	_, err := w.Write(text.Bytes())
	if err == nil && hasBody {
		s.drain(w, r)
	}
}

// drain sends the response and discards the rest of the request's body.
func (s *Server) drain(w http.ResponseWriter, r *http.Request) {
	c := clientOf(r.Context())
	if c.name == "" { // refused before it was authenticated
		c.name = hostOf(r.RemoteAddr)
	}
	release, why := s.draining.acquire(c)
	if why != granted {
		return
	}
	defer release()
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Now().Add(drainTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return
	}
	if err := control.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return
	}
	// Whatever ends it, the connection is closed next.
	_, _ = io.CopyN(io.Discard, r.Body, drainBytes)
}
