package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
)

// maxEvent bounds one line of a watch, in bytes.
const maxEvent = 16 << 20

// WatchOptions are the choices of Watch.
type WatchOptions struct {
	// From is the revision already known: the watch begins with the changes
	// after it. 0 begins now.
	From Revision
}

// Watch calls fn with every event until the context ends, the connection
// breaks or fn returns an error, and returns that error. It does not reconnect:
// the caller may do so from the last revision that it got with EventReady or
// the last event of which Complete was set.
func (c *Client) Watch(ctx context.Context, o WatchOptions, fn func(Event) error) error {
	q := url.Values{}
	if o.From > 0 {
		q.Set("from", fmt.Sprint(o.From))
	}
	resp, err := c.send(ctx, http.MethodGet, "/v1/watch", q, http.Header{"Accept": {"text/event-stream"}}, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxEvent)
	var data []byte
	var complete bool
	for lines.Scan() {
		field, value, _ := bytes.Cut(lines.Bytes(), []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch {
		case len(lines.Bytes()) == 0 && data == nil:
			complete = false // the end of an event without data, which nobody gets
		case len(lines.Bytes()) == 0:
			var e Event
			if err := json.Unmarshal(data, &e); err != nil {
				return fmt.Errorf("watch: decode an event: %w", err)
			}
			e.Complete = complete
			if err := fn(e); err != nil {
				return err
			}
			data, complete = nil, false
		case string(field) == "data":
			data = append(data, value...)
		case string(field) == "id":
			complete = true
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	return &UnreachableError{Host: c.host, Err: fmt.Errorf("the watch was closed")}
}
