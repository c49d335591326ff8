package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNewClientRefusesOtherHosts(t *testing.T) {
	for _, host := range []string{"localhost:80", "unix://", "unix://relative/path", "ftp://x", "http://", ":"} {
		if c, err := NewClient(host, ClientOptions{}); err == nil {
			t.Errorf("%q was accepted: %+v", host, c)
		}
	}
	c, err := NewClient("", ClientOptions{})
	if err != nil || c.Host() != DefaultHost {
		t.Errorf("default: %v %v", c, err)
	}
}

// requests serves a fixed answer and records what was asked.
func requests(t *testing.T, status int, answer string) (*Client, *[]string) {
	t.Helper()
	var seen []string
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		line := r.Method + " " + r.URL.RequestURI()
		for _, h := range []string{"If-Match", AuthorHeader} {
			if v := r.Header.Get(h); v != "" {
				line += " " + h + ":" + v
			}
		}
		seen = append(seen, strings.TrimSpace(line+" "+string(body)))
		w.WriteHeader(status)
		io.WriteString(w, answer)
	}))
	t.Cleanup(ts.Close)
	c, err := NewClient(ts.URL, ClientOptions{Author: "me"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, &seen
}

func TestRequests(t *testing.T) {
	c, seen := requests(t, 200, `{"done":true}`)
	ctx := t.Context()
	port := Object{Kind: KindPort, Name: "a/b", Spec: json.RawMessage(`{"network":"n"}`)}
	calls := []func() error{
		func() error {
			_, err := c.Ports(ctx, ListOptions{Label: "a=b,!c", Network: "n", Node: "x"})
			return err
		},
		func() error { _, err := c.Objects(ctx, KindRouter, ListOptions{}); return err },
		func() error { _, err := c.Node(ctx, "n 1"); return err },
		func() error { _, err := c.Create(ctx, port); return err },
		func() error { _, err := c.Put(ctx, port, 7); return err },
		func() error { _, err := c.Delete(ctx, KindPort, "p", 0); return err },
		func() error { _, err := c.Apply(ctx, ApplyRequest{Prune: "*", DryRun: true}); return err },
		func() error { return c.Wait(ctx, 5, nil) },
		func() error { _, err := c.History(ctx, HistoryOptions{From: 3, Limit: 4}); return err },
		func() error { _, err := c.Status(ctx); return err },
		func() error { _, err := c.Switches(ctx); return err },
		func() error { _, err := c.Flows(ctx, "n1"); return err },
		func() error { _, err := c.Groups(ctx, "n1"); return err },
		func() error { _, err := c.Meters(ctx, "n1"); return err },
	}
	for _, call := range calls {
		if err := call(); err != nil {
			t.Error(err)
		}
	}
	me := " " + AuthorHeader + ":me"
	want := []string{
		"GET /v1/ports?label=a%3Db%2C%21c&network=n&node=x" + me,
		"GET /v1/routers" + me,
		"GET /v1/nodes/n%201" + me,
		"POST /v1/ports" + me + ` {"kind":"Port","name":"a/b","spec":{"network":"n"}}`,
		"PUT /v1/ports/a%2Fb" + ` If-Match:"7"` + me + ` {"kind":"Port","name":"a/b","spec":{"network":"n"}}`,
		"DELETE /v1/ports/p" + me,
		"POST /v1/apply" + me + ` {"prune":"*","dryRun":true}`,
		"GET /v1/revisions/5/acks?wait=250ms" + me,
		"GET /v1/history?from=3&limit=4" + me,
		"GET /v1/status" + me,
		"GET /v1/switches" + me,
		"GET /v1/nodes/n1/flows" + me,
		"GET /v1/nodes/n1/groups" + me,
		"GET /v1/nodes/n1/meters" + me,
	}
	if diff := cmp.Diff(want, *seen); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRefusals(t *testing.T) {
	tests := []struct {
		name   string
		status int
		answer string
		want   *Error
	}{
		{"problem", 409, `{"status":409,"code":"exists","message":"is there","errors":[{"index":2,"field":"x","message":"y"}]}`,
			&Error{Status: 409, Code: CodeExists, Message: "is there", Errors: []Problem{{Index: 2, Field: "x", Message: "y"}}}},
		{"text of a proxy", 502, "bad gateway\n", &Error{Status: 502, Code: CodeInternal, Message: "bad gateway"}},
		{"nothing", 500, "", &Error{Status: 500, Code: CodeInternal, Message: "sdnd answered 500 Internal Server Error"}},
		{"a page", 404, strings.Repeat("<html>", 1000), &Error{Status: 404, Code: CodeInternal, Message: "sdnd answered 404 Not Found"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := requests(t, tt.status, tt.answer)
			_, err := c.Status(t.Context())
			var got *Error
			if !errors.As(err, &got) {
				t.Fatalf("%v", err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	c, _ := requests(t, 200, "not JSON")
	if _, err := c.Status(t.Context()); err == nil || !strings.Contains(err.Error(), "/v1/status") {
		t.Errorf("an answer that is not JSON: %v", err)
	}
}

func TestUnreachable(t *testing.T) {
	c, err := NewClient("unix://"+filepath.Join(t.TempDir(), "none"), ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Status(t.Context())
	var unreachable *UnreachableError
	if !errors.As(err, &unreachable) || unreachable.Host != c.Host() {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Status(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ts := &httptest.Server{Listener: ln, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"revision":9}`)
	})}}
	ts.Start()
	defer ts.Close()
	c, err := NewClient("unix://"+path, ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if s, err := c.Status(t.Context()); err != nil || s.Revision != 9 {
		t.Errorf("%+v %v", s, err)
	}
}

func TestWatchReadsEvents(t *testing.T) {
	stream := ": keep-alive\n\n" +
		"id: 6\nevent: ready\ndata: {\"type\":\"ready\",\"revision\":6}\n\n" +
		"event: change\ndata: {\"type\":\"change\",\ndata: \"revision\":7}\n\n" +
		"id:7\nevent: change\ndata:{\"type\":\"change\",\"revision\":7}\n\n" +
		"event: change\ndata: {\"type\":\"change\",\"revision\":8}\n" // cut off
	c, seen := requests(t, 200, stream)
	var got []Event
	err := c.Watch(t.Context(), WatchOptions{From: 6}, func(e Event) error {
		got = append(got, e)
		return nil
	})
	want := []Event{
		{Type: EventReady, Revision: 6, Complete: true},
		{Type: EventChange, Revision: 7},
		{Type: EventChange, Revision: 7, Complete: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var unreachable *UnreachableError
	if !errors.As(err, &unreachable) {
		t.Errorf("end of the stream: %v", err)
	}
	if !strings.HasPrefix((*seen)[0], "GET /v1/watch?from=6") {
		t.Errorf("asked %q", *seen)
	}
	stop := errors.New("enough")
	if err := c.Watch(t.Context(), WatchOptions{}, func(Event) error { return stop }); err != stop {
		t.Errorf("stopped with %v", err)
	}
	c, _ = requests(t, 200, "data: {\n\n")
	if err := c.Watch(t.Context(), WatchOptions{}, func(Event) error { return nil }); err == nil || !strings.Contains(err.Error(), "decode") {
		t.Errorf("broken event: %v", err)
	}
}
