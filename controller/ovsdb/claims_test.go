package ovsdb

import (
	"context"
	"io"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func textLogger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// newUnreadPipe returns our end of a connection whose other end never reads, and
// a channel that is closed when we close ours.
func newUnreadPipe() (net.Conn, <-chan struct{}) {
	ours, theirs := net.Pipe()
	closed := make(chan struct{})
	return &closeSignal{Conn: namedConn{ours, "unread"}, also: theirs, closed: closed}, closed
}

type closeSignal struct {
	net.Conn
	also   net.Conn
	closed chan struct{}
	done   bool
}

func (c *closeSignal) Close() error {
	if !c.done {
		c.done = true
		close(c.closed)
	}
	c.also.Close()
	return c.Conn.Close()
}

// Of connections of one standing the oldest is reported while it answers.
func TestClaimsOldestHolds(t *testing.T) {
	bed(t, Config{}, func(t *testing.T, ln *pipes, rec *recorder) {
		old, mid := ln.dial(t, "old"), ln.dial(t, "mid")
		old.begin(smallNode)
		check(t, rec, "a1 connected old br-int 3.1.0", "a1 interfaces veth1(web1,,)@1")
		mid.begin(smallNode)
		check(t, rec)
		old.expect("echo")
		old.send(`{"id":"echo","error":null,"result":[]}`)
		time.Sleep(2 * time.Second)
		check(t, rec)

		// The newer one is silent, but not forgotten.
		mid.update(`{"Interface":{"` + i2 + `":{"modify":{"ofport":7}}}}`)
		check(t, rec)
		last := ln.dial(t, "new")
		last.begin(smallNode)
		check(t, rec)
		time.Sleep(time.Second) // this time the oldest does not answer
		check(t, rec, "a1 disconnected: no answer to echo within 1s",
			"a1 connected mid br-int 3.1.0", "a1 interfaces veth1(web1,,)@7")

		// One that ends while it does not hold is not missed.
		last.conn.Close()
		check(t, rec)
		mid.conn.Close()
		check(t, rec, "a1 disconnected: the node closed the connection")
	})
}

// The connection with the greatest standing is reported, also when standings change;
// one below 0 never is.
func TestClaimsByStanding(t *testing.T) {
	standings := map[string]int{"a": 1, "b": 2, "c": -1}
	rec := &recorder{}
	r := newClaims(rec, Config{Standing: func(c Conn) int { return standings[c.Remote] }}.withDefaults())
	wantReports := func(want ...string) {
		t.Helper()
		if d := cmp.Diff(want, rec.take()); d != "" {
			t.Fatalf("handler got (-want +got):\n%s", d)
		}
	}
	claims := map[string]*claim{}
	enter := func(who string) {
		claims[who] = &claim{conn: Conn{DatapathID: 0xa1, Remote: who}, probe: func() {}}
		r.enter(claims[who])
	}
	set := func(who string, standing int) {
		standings[who] = standing
		r.reconsider(0xa1)
	}
	const outranked = "a1 disconnected: another connection with a bridge of the same datapath id is more likely to be the node's"
	connects := func(who string) []string { return []string{"a1 connected " + who + "  ", "a1 interfaces"} }
	enter("c")
	wantReports()
	enter("a")
	wantReports(connects("a")...)
	enter("b")
	wantReports(append([]string{outranked}, connects("b")...)...)
	set("a", 2) // equal
	wantReports()
	set("b", 0)
	wantReports(append([]string{outranked}, connects("a")...)...)
	set("a", -1)
	wantReports(append([]string{outranked}, connects("b")...)...)
	r.release(t.Context(), claims["b"], errGone)
	wantReports("a1 disconnected: the bridge is gone or has another datapath id now")
	set("c", 0)
	wantReports(connects("c")...)
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
	r := newClaims(rec, Config{}.withDefaults())
	older, newer := &claim{conn: Conn{DatapathID: 1, Remote: "old"}, probe: func() {}}, &claim{conn: Conn{DatapathID: 1, Remote: "new"}}
	r.enter(older)
	r.enter(newer)
	rec.take()
	cancel()
	r.release(ctx, older, ctx.Err())
	r.update(newer, []*Interface{{Name: "late"}})
	r.release(ctx, newer, ctx.Err())
	if d := cmp.Diff([]string{"1 disconnected: context canceled"}, rec.take()); d != "" {
		t.Errorf("handler got (-want +got):\n%s", d)
	}
}
