package ovsdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestConnectionsAreBounded(t *testing.T) {
	bed(t, Config{MaxConnections: 2}, func(t *testing.T, ln *pipes, rec *recorder) {
		a, b, c := ln.dial(t, "a"), ln.dial(t, "b"), ln.dial(t, "c")
		c.ended()
		a.expect("monitor_cond")
		b.expect("monitor_cond")
		a.conn.Close()
		synctest.Wait()
		d := ln.dial(t, "d")
		d.begin(smallNode)
		check(t, rec, "a1 connected d br-int 3.1.0", "a1 interfaces veth1(web1,,)@1")
	})
}

// A machine that has all connections gives up its newest for another's first.
func TestConnectionsAreBoundedByAddress(t *testing.T) {
	bed(t, Config{MaxConnections: 3}, func(t *testing.T, ln *pipes, rec *recorder) {
		var many []*peer
		for i := range 3 {
			p := ln.dial(t, fmt.Sprint("many:", i))
			p.begin(smallNode)
			many = append(many, p)
			synctest.Wait()
		}
		rec.take()
		ln.dial(t, "many:3").ended()
		check(t, rec)

		one := ln.dial(t, "one:0")
		many[2].ended()
		check(t, rec) // the first is the one that was reported
		one.begin(strings.ReplaceAll(smallNode, "a1", "a2"))
		check(t, rec, "a2 connected one:0 br-int 3.1.0", "a2 interfaces veth1(web1,,)@1")
		// They have as many as they may: neither is thrown out for more of the other.
		ln.dial(t, "many:4").ended()
		ln.dial(t, "one:1").ended()
		check(t, rec)
	})
}

// What has shown its bridge does not have to make room for what has not.
func TestShownIsSafe(t *testing.T) {
	bed(t, Config{MaxHandshakes: 2, HandshakeTimeout: time.Hour}, func(t *testing.T, ln *pipes, rec *recorder) {
		p := ln.dial(t, "m:0")
		p.begin(smallNode)
		check(t, rec, "a1 connected m:0 br-int 3.1.0", "a1 interfaces veth1(web1,,)@1")
		start := time.Now()
		first, second := ln.dial(t, "m:1"), ln.dial(t, "m:2")
		first.expect("monitor_cond")
		second.expect("monitor_cond")
		third := ln.dial(t, "m:3")
		third.expect("monitor_cond")
		first.ended()
		if d := time.Since(start); d != handshakeGrace {
			t.Errorf("the first had to go after %v, want %v", d, handshakeGrace)
		}
		p.update(`{"Interface":{"` + i2 + `":{"modify":{"ofport":9}}}}`)
		check(t, rec, "a1 interfaces veth1(web1,,)@9")
	})
}

// TestSilentConnectionsMakeRoom: while there are too many connections of one machine
// that say nothing, another's is served. It waits for those before it.
func TestSilentConnectionsMakeRoom(t *testing.T) {
	const silent, room = 300, 50
	for name, cfg := range map[string]Config{
		"handshakes":  {MaxHandshakes: room},
		"connections": {MaxConnections: room},
	} {
		t.Run(name, func(t *testing.T) {
			var log syncBuilder
			cfg.HandshakeTimeout, cfg.Logger = time.Hour, textLogger(&log)
			port, _, _, expect := serveRecorded(t, cfg)
			dial := func(from string) net.Conn {
				t.Helper()
				d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
				c, err := d.DialContext(t.Context(), "tcp", "127.0.0.1:"+port)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { c.Close() })
				return c
			}
			for range silent {
				dial("127.0.0.1")
			}
			start := time.Now()
			c := dial("127.0.0.2")
			if _, err := io.WriteString(c, `{"id":"monitor","error":null,"result":`+smallNode+`}`); err != nil {
				t.Fatal(err)
			}
			expect("a1 connected node br-int 3.1.0")
			expect("a1 interfaces veth1(web1,,)@1")
			t.Logf("served after %v, after %d silent connections with room for %d", time.Since(start).Round(time.Millisecond), silent, room)
			if n := strings.Count(log.String(), "level=WARN"); n == 0 || n > silent/10 {
				t.Errorf("%d warnings about %d connections", n, silent)
			}
		})
	}
}

// A connection that is closed to make room while it authenticates gets the reason.
func TestManyBeforeProof(t *testing.T) {
	var log syncBuilder
	cfg := Config{MaxHandshakes: 1, HandshakeTimeout: time.Hour, Logger: textLogger(&log),
		Identify: func(ctx context.Context, conn net.Conn) (string, error) {
			if conn.RemoteAddr().String() == "mute:0" {
				<-ctx.Done()
				return "", errors.New("no proof")
			}
			return "n1", nil
		}}
	bed(t, cfg, func(t *testing.T, ln *pipes, rec *recorder) {
		mute := ln.dial(t, "mute:0")
		p := ln.dial(t, "n1")
		mute.ended()
		p.begin(smallNode)
		check(t, rec, "a1 connected n1 br-int 3.1.0", "a1 interfaces veth1(web1,,)@1")
		if want := errNoRoom.Error(); !strings.Contains(log.String(), want) {
			t.Errorf("want %q in the log:\n%s", want, log.String())
		}
	})
}
