package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// serve makes a client of a server with the given handler.
func serve(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	ts := httptest.NewServer(h)
	t.Cleanup(ts.Close)
	c, err := NewClient(ts.URL, ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// cut answers with the first bytes of a reply that claims to be longer, and closes the
// connection. With 0 bytes it sends not even a header.
func cut(reply string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		if reply != "" {
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s: 7\r\n\r\n%s", len(reply)+100, RevisionHeader, reply)
		}
		conn.Close()
	}
}

// TestCutReplies: a reply that ends early is an error of every call, and never a result.
// Of a change that was sent and not answered the error says that it may have been made.
func TestCutReplies(t *testing.T) {
	port := Object{Kind: KindPort, Name: "p", Spec: json.RawMessage(`{"network":"n"}`)}
	calls := map[string]struct {
		change bool
		do     func(context.Context, *Client) error
	}{
		"status": {false, func(ctx context.Context, c *Client) error { _, err := c.Status(ctx); return err }},
		"list":   {false, func(ctx context.Context, c *Client) error { _, err := c.Networks(ctx, ListOptions{}); return err }},
		"watch": {false, func(ctx context.Context, c *Client) error {
			return c.Watch(ctx, WatchOptions{}, func(Event) error { t.Error("half an event was passed on"); return nil })
		}},
		"backup": {false, func(ctx context.Context, c *Client) error { _, err := c.Backup(ctx, io.Discard); return err }},
		"create": {true, func(ctx context.Context, c *Client) error { _, err := c.Create(ctx, port); return err }},
		"put":    {true, func(ctx context.Context, c *Client) error { _, err := c.Put(ctx, port, 0); return err }},
		"delete": {true, func(ctx context.Context, c *Client) error { _, err := c.Delete(ctx, KindPort, "p", 0); return err }},
		"apply":  {true, func(ctx context.Context, c *Client) error { _, err := c.Apply(ctx, ApplyRequest{}); return err }},
		"restore": {true, func(ctx context.Context, c *Client) error {
			_, err := c.Restore(ctx, strings.NewReader("x"), 1, false)
			return err
		}},
		"invite": {true, func(ctx context.Context, c *Client) error {
			_, err := c.Invite(ctx, "n", InvitationRequest{})
			return err
		}},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			err := call.do(t.Context(), serve(t, cut("")))
			var unreachable *UnreachableError
			if !errors.As(err, &unreachable) || unreachable.MaybeDone != call.change {
				t.Errorf("without an answer: %#v, want an UnreachableError, MaybeDone %t", err, call.change)
			}
			if err := call.do(t.Context(), serve(t, cut("{\"revision\":"))); err == nil {
				t.Error("half a reply is a result")
			}
		})
	}
	c, err := NewClient("http://127.0.0.1:1", ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var unreachable *UnreachableError
	if _, err := c.Create(t.Context(), port); !errors.As(err, &unreachable) || unreachable.MaybeDone {
		t.Errorf("a change that could not be sent: %v", err)
	}
}

// TestConfirming: a change that was answered when all nodes had confirmed it needs no
// further request to wait for it, and any other does.
func TestConfirming(t *testing.T) {
	var asked []string
	pending := "0"
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.RequestURI())
		w.Header().Set(PendingHeader, pending)
		fmt.Fprint(w, `{"done":true,"revision":7,"meta":{"revision":7}}`)
	}).Confirming(2 * time.Second)
	wait := func(rev Revision) {
		t.Helper()
		if err := c.Wait(t.Context(), rev, nil); err != nil {
			t.Error(err)
		}
	}
	port := Object{Kind: KindPort, Name: "p"}
	if _, err := c.Put(t.Context(), port, 0); err != nil {
		t.Fatal(err)
	}
	wait(7) // confirmed already
	wait(8)
	pending = "2"
	if _, err := c.Delete(t.Context(), KindPort, "p", 0); err != nil {
		t.Fatal(err)
	}
	wait(0)
	fresh := c.Confirming(time.Second)
	if err := fresh.Wait(t.Context(), 7, nil); err != nil { // knows nothing of the other's changes
		t.Error(err)
	}
	want := []string{
		"PUT /v1/ports/p?wait=2s", "GET /v1/revisions/8/acks?wait=250ms",
		"DELETE /v1/ports/p?wait=2s", "GET /v1/revisions/0/acks?wait=250ms", "GET /v1/revisions/7/acks?wait=250ms",
	}
	if d := cmp.Diff(want, asked); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestWaitFollowsProgress: Wait passes each answer on and asks for the next, until all
// have confirmed or sdnd refuses.
func TestWaitFollowsProgress(t *testing.T) {
	answers := []string{`{"pending":[{"node":"n1"},{"node":"n2"}]}`, `{"pending":[{"node":"n2"}]}`, `{"done":true}`}
	var asked []string
	handler := func(w http.ResponseWriter, r *http.Request) {
		if len(asked) == len(answers) {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"code":"forbidden","message":"no more"}`)
			return
		}
		asked = append(asked, r.URL.RawQuery)
		fmt.Fprint(w, answers[len(asked)-1])
	}
	var seen []int
	progress := func(a Acks) { seen = append(seen, len(a.Pending)) }
	if err := serve(t, handler).Wait(t.Context(), 5, progress); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"wait=250ms", "seen=2&wait=30s", "seen=1&wait=30s"}, asked); d != "" {
		t.Errorf("asked (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]int{2, 1, 0}, seen); d != "" {
		t.Errorf("progress (-want +got):\n%s", d)
	}
	asked, answers = nil, answers[:2]
	var refused *Error
	if err := serve(t, handler).Wait(t.Context(), 5, nil); !errors.As(err, &refused) || refused.Code != CodeForbidden {
		t.Errorf("refused on the way: %v", err)
	}
}

// TestWaitEndsWithItsContext: the caller's deadline is the error, not a broken connection.
func TestWaitEndsWithItsContext(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := c.Wait(ctx, 5, nil); err != context.DeadlineExceeded {
		t.Errorf("%v", err)
	}
	if err := c.Watch(ctx, WatchOptions{}, nil); err != context.DeadlineExceeded {
		t.Errorf("watch: %v", err)
	}
}

// TestLargeBodyIsRefusedUnsent: sdnd can refuse a large body before it is sent.
func TestLargeBodyIsRefusedUnsent(t *testing.T) {
	var read atomic.Int64
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Expect") != "100-continue" {
			n, _ := io.Copy(io.Discard, r.Body)
			read.Add(n)
		}
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		fmt.Fprint(w, `{"code":"too_large","message":"too large"}`)
	})
	large := bytes.Repeat([]byte("x"), 2<<20)
	var refused *Error
	if _, err := c.Restore(t.Context(), bytes.NewReader(large), int64(len(large)), true); !errors.As(err, &refused) || refused.Code != CodeTooLarge {
		t.Errorf("%v", err)
	}
	spec, err := json.Marshal(map[string]string{"network": string(large)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Create(t.Context(), Object{Kind: KindPort, Name: "p", Spec: spec}); !errors.As(err, &refused) {
		t.Errorf("%v", err)
	}
	if read.Load() != 0 {
		t.Errorf("%d bytes were sent for nothing", read.Load())
	}
}

// TestTokensStayPrivate: a token goes where nobody can read it on the way.
func TestTokensStayPrivate(t *testing.T) {
	for host, ok := range map[string]bool{
		"http://192.0.2.1:80": false, "http://example.com": false, "http://[2001:db8::1]": false,
		"http://127.0.0.1:1": true, "http://[::1]:1": true, "http://localhost:1": true, "https://192.0.2.1": true, "unix:///run/x": true,
	} {
		if _, err := NewClient(host, ClientOptions{Token: "secret"}); (err == nil) != ok {
			t.Errorf("%s: %v", host, err)
		} else if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error has the token: %v", err)
		}
	}
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"version":%q}`, r.Header.Get("Authorization"))
	})
	c.token = "secret"
	if s, err := c.Status(t.Context()); err != nil || s.Version != "Bearer secret" {
		t.Errorf("%q, %v", s.Version, err)
	}
}

// TestWatchBoundsAnEvent: a server that never ends an event does not fill the memory.
func TestWatchBoundsAnEvent(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		chunk := bytes.Repeat([]byte("x"), 1<<20)
		io.WriteString(w, "data: ")
		for range maxEvent>>20 + 1 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	if err := c.Watch(t.Context(), WatchOptions{}, func(Event) error { return nil }); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("%v", err)
	}
}

// TestWatchCompletesOnlyItsEvent: the id of one event says nothing about the next.
func TestWatchCompletesOnlyItsEvent(t *testing.T) {
	c, _ := requests(t, 200, "id: 6\n\ndata: {\"type\":\"change\",\"revision\":7}\n\n")
	var got []Event
	_ = c.Watch(t.Context(), WatchOptions{}, func(e Event) error { got = append(got, e); return nil })
	if d := cmp.Diff([]Event{{Type: EventChange, Revision: 7}}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
