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

// maxEvent is the length limit of one line of a watch, in bytes.
const maxEvent = 16 << 20

// WatchOptions are the options of Watch.
type WatchOptions struct {
	// From is the revision that the caller knows: the watch begins with the changes
	// after it. 0 begins with the next change.
	From Revision
}

// Watch calls fn with every event (server-sent events) until the context ends, the
// connection breaks or fn returns an error, and returns that error. It does not reconnect.
// The caller may continue from the revision of the last event that is an EventReady or has
// Complete set.
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
			complete = false // an event without data is ignored
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
