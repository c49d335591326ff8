package server

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
)

// eventWriter writes server-sent events (WHATWG HTML, section 9.2).
type eventWriter struct {
	buf *bufio.Writer
	ctl *http.ResponseController
}

func newEventWriter(w http.ResponseWriter) *eventWriter {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	ctl := http.NewResponseController(w)
	return &eventWriter{bufio.NewWriterSize(&deadlineWriter{w, ctl}, 16<<10), ctl}
}

// event writes an event. With id, the event's id is its revision, after which a client may
// resume.
func (w *eventWriter) event(e api.Event, id bool) error {
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode an event: %w", err)
	}
	if id {
		fmt.Fprintf(w.buf, "id: %d\n", e.Revision)
	}
	_, err = fmt.Fprintf(w.buf, "event: %s\ndata: %s\n\n", e.Type, data)
	return err
}

// comment writes and sends a line that clients ignore.
func (w *eventWriter) comment(text string) error {
	if _, err := fmt.Fprintf(w.buf, ": %s\n\n", text); err != nil {
		return err
	}
	return w.flush()
}

// flush sends the events that were written.
func (w *eventWriter) flush() error {
	if err := w.buf.Flush(); err != nil {
		return err
	}
	return w.ctl.Flush()
}

// deadlineWriter sets a deadline for each write.
type deadlineWriter struct {
	w   http.ResponseWriter
	ctl *http.ResponseController
}

// Write implements io.Writer.
func (d *deadlineWriter) Write(b []byte) (int, error) {
	if err := d.ctl.SetWriteDeadline(time.Now().Add(eventTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	return d.w.Write(b)
}
