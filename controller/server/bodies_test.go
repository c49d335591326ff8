package server

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
)

// TestBodiesInWorkAreBounded: a client waits for its own bodies, and is refused while
// others are not. All clients together are limited, too, except for small bodies and the
// unix socket.
func TestBodiesInWorkAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const each, all = 1 << 20, 2 << 20
		b := newBodies(each, all, bodySafe)
		take := func(name string, n int64, want int) (release func()) {
			t.Helper()
			c := client{name: name}
			if name == unixClient.name {
				c = unixClient
			}
			release, p := b.acquire(t.Context(), c, n)
			status := http.StatusOK
			if p != nil {
				status = p.Status
				if p.GetHeaders().Get("Retry-After") == "" || p.Code != api.CodeTooMany && p.Code != api.CodeUnavailable {
					t.Errorf("%s: %+v", name, p)
				}
			}
			if status != want {
				t.Errorf("%s: %d bytes: %d, want %d", name, n, status, want)
			}
			return release
		}
		first := take("alice", each, 200)
		start := time.Now()
		take("alice", each/2, 429)
		if took := time.Since(start); took != bodyWait {
			t.Errorf("refused after %v", took)
		}
		second := take("bob", each, 200)
		take("carol", each/2, 503)
		take("carol", smallBody, 200)
		take("alice", smallBody, 200)
		take(unixClient.name, all, 200)
		take(unixClient.name, each, 503)
		// A request that waits gets the room of those that are done.
		time.AfterFunc(time.Second, first)
		start = time.Now()
		again := take("alice", each, 200)
		if took := time.Since(start); took != time.Second {
			t.Errorf("waited for %v", took)
		}
		second()
		again()
		if len(b.clients) != 0 {
			t.Errorf("%d clients are remembered", len(b.clients))
		}
	})
}
