package ovsdb

import (
	"context"
	"io"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

func textLogger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// newDeafPipe returns our end of a connection whose other end never reads, and
// a channel that is closed when we close ours.
func newDeafPipe() (net.Conn, <-chan struct{}) {
	ours, theirs := net.Pipe()
	closed := make(chan struct{})
	return &closeTold{Conn: namedConn{ours, "deaf"}, also: theirs, closed: closed}, closed
}

type closeTold struct {
	net.Conn
	also   net.Conn
	closed chan struct{}
	done   bool
}

func (c *closeTold) Close() error {
	if !c.done {
		c.done = true
		close(c.closed)
	}
	c.also.Close()
	return c.Conn.Close()
}

func TestClaimsNewestHolds(t *testing.T) {
	const replaced = "a1 disconnected: a newer connection has a bridge with the same datapath id"
	bed(t, Config{}, func(t *testing.T, ln *pipes, rec *recorder) {
		old, mid := ln.dial(t, "old"), ln.dial(t, "mid")
		old.begin(smallNode)
		check(t, rec, "a1 connected old br-int 3.1.0", "a1 interfaces veth1(web1,,)@1")
		mid.begin(smallNode)
		check(t, rec, replaced, "a1 connected mid br-int 3.1.0", "a1 interfaces veth1(web1,,)@1")

		// The older one is silent, but not forgotten.
		old.update(`{"Interface":{"` + i2 + `":{"modify":{"ofport":7}}}}`)
		check(t, rec)
		mid.conn.Close()
		check(t, rec, "a1 disconnected: the node closed the connection",
			"a1 connected old br-int 3.1.0", "a1 interfaces veth1(web1,,)@7")

		// One that ends while it does not hold is not missed.
		next := ln.dial(t, "new")
		next.begin(smallNode)
		check(t, rec, replaced, "a1 connected new br-int 3.1.0", "a1 interfaces veth1(web1,,)@1")
		old.conn.Close()
		check(t, rec)
		next.conn.Close()
		check(t, rec, "a1 disconnected: the node closed the connection")
	})
}

// At the end each connected bridge is disconnected once, and nobody steps in.
func TestServeEndsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		ln, rec := newPipes(), &recorder{}
		done := make(chan error, 1)
		go func() { done <- Serve(ctx, ln, rec, Config{}) }()
		a, b, idle := ln.dial(t, "a"), ln.dial(t, "b"), ln.dial(t, "idle")
		a.begin(smallNode)
		synctest.Wait()
		b.begin(smallNode)
		synctest.Wait()
		rec.take()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
		check(t, rec, "a1 disconnected: context canceled")
		a.ended()
		b.ended()
		idle.ended()
	})
}

func TestServeReportsAListenerThatFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := newPipes()
		ln.Close()
		if err := Serve(t.Context(), ln, &recorder{}, Config{}); err == nil {
			t.Error("no error")
		}
	})
}

// While Serve ends, the claims left over do not step in one after the other.
func TestClaimsNobodyStepsInAtTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	rec := &recorder{}
	r := newClaims(rec, slog.New(slog.DiscardHandler))
	older, newer := &claim{conn: Conn{DatapathID: 1, Remote: "old"}}, &claim{conn: Conn{DatapathID: 1, Remote: "new"}}
	r.enter(older)
	r.enter(newer)
	rec.take()
	cancel()
	r.release(ctx, newer, ctx.Err())
	r.update(older, []*Interface{{Name: "late"}})
	r.release(ctx, older, ctx.Err())
	if d := cmp.Diff([]string{"1 disconnected: context canceled"}, rec.take()); d != "" {
		t.Errorf("handler was told (-want +got):\n%s", d)
	}
}
