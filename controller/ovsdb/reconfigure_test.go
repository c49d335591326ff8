package ovsdb

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// nextCfg answers the transaction that adds 1 to next_cfg.
const nextCfg = `{"id":"reconfigure","error":null,"result":[{"count":1}]}`

// A node is asked once at a time, by its session, and its other messages are
// handled meanwhile.
func TestReconfigure(t *testing.T) {
	var log syncBuilder
	bed(t, Config{Logger: textLogger(&log)}, func(t *testing.T, ln *pipes, rec *recorder) {
		p := ln.dial(t, "n1")
		p.begin(smallNode)
		check(t, rec, "a1 connected n1 br-int 3.1.0", "a1 interfaces veth1(web1,,)@1")
		rec.reconfigure()
		m := p.expect("transact")
		const want = `["Open_vSwitch",{"mutations":[["next_cfg","+=",1]],"op":"mutate","table":"Open_vSwitch","where":[]}]`
		if string(m.ID) != `"reconfigure"` || string(m.Params) != want {
			t.Errorf("sent id %s, params %s", m.ID, m.Params)
		}
		for range 3 {
			rec.reconfigure()
		}
		synctest.Wait()
		if len(p.got) > 0 {
			t.Errorf("asked again before the answer: %+v", <-p.got)
		}
		p.update(`{"Interface":{"` + i2 + `":{"modify":{"ofport":2}}}}`)
		check(t, rec, "a1 interfaces veth1(web1,,)@2")
		p.send(nextCfg)
		p.expect("transact") // the three of meanwhile
		p.send(nextCfg)
		synctest.Wait()
		if n := strings.Count(log.String(), "goes through its configuration again"); n != 2 {
			t.Errorf("logged %d times:\n%s", n, log.String())
		}
		// One who cannot be asked any more.
		p.conn.Close()
		check(t, rec, "a1 disconnected: the node closed the connection")
		rec.reconfigure()
		rec.reconfigure()
	})
}

// Whatever a node answers costs it neither its connection nor the next request.
func TestReconfigureRefused(t *testing.T) {
	for _, tt := range []struct{ name, answer, want string }{
		{"method", `{"id":"reconfigure","result":null,"error":{"error":"not allowed","details":"read only"}}`, "read only"},
		{"operation", `{"id":"reconfigure","error":null,"result":[{"error":"range error","details":"too much"}]}`, "too much"},
		{"commit", `{"id":"reconfigure","error":null,"result":[{"count":1},{"error":"I/O error"}]}`, "I/O error"},
		{"no row", `{"id":"reconfigure","error":null,"result":[{"count":0}]}`, "has 0 rows"},
		{"nothing", `{"id":"reconfigure","error":null,"result":[]}`, "not the answer"},
		{"null", `{"id":"reconfigure","error":null,"result":[null]}`, "not the answer"},
		{"no result", `{"id":"reconfigure"}`, "not the answer"},
		{"other type", `{"id":"reconfigure","error":null,"result":{"count":1}}`, "not the answer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log syncBuilder
			bed(t, Config{Logger: textLogger(&log)}, func(t *testing.T, ln *pipes, rec *recorder) {
				p := ln.dial(t, "n1")
				p.begin(smallNode)
				p.send(tt.answer) // to no question: passed over
				check(t, rec, "a1 connected n1 br-int 3.1.0", "a1 interfaces veth1(web1,,)@1")
				if strings.Contains(log.String(), "does not let") {
					t.Error("an answer was taken that was not asked for")
				}
				rec.reconfigure()
				p.expect("transact")
				p.send(tt.answer)
				synctest.Wait()
				if !strings.Contains(log.String(), "does not let") || !strings.Contains(log.String(), tt.want) {
					t.Errorf("want %q in the log:\n%s", tt.want, log.String())
				}
				rec.reconfigure()
				p.expect("transact")
				check(t, rec)
			})
		})
	}
}

// One that never answers is asked no more, and is served.
func TestReconfigureUnanswered(t *testing.T) {
	bed(t, Config{EchoInterval: time.Second}, func(t *testing.T, ln *pipes, rec *recorder) {
		p := ln.dial(t, "n1")
		p.begin(smallNode)
		check(t, rec, "a1 connected n1 br-int 3.1.0", "a1 interfaces veth1(web1,,)@1")
		rec.reconfigure()
		p.expect("transact")
		for range 5 {
			rec.reconfigure()
			p.expect("echo")
			p.send(`{"id":"echo","result":[],"error":null}`)
		}
		p.update(`{"Interface":{"` + i2 + `":{"modify":{"ofport":2}}}}`)
		check(t, rec, "a1 interfaces veth1(web1,,)@2")
	})
}

// A real ovsdb-server counts, and one that refuses is survived.
func TestReconfigureReal(t *testing.T) {
	p := newPrivate(t)
	var log syncBuilder
	port, _, rec, expect := serveRecorded(t, Config{Logger: textLogger(&log)})
	p.vsctl("set-manager", "tcp:127.0.0.1:"+port, "--", "set", "Manager", ".", "max_backoff=1000",
		"--", "add-br", "br-int", "--", "set", "Bridge", "br-int", "datapath_id=0000a1b2c3d4e5f6")
	expect("a1b2c3d4e5f6 connected node br-int ")
	expect("a1b2c3d4e5f6 interfaces")
	nextCfg := func() string { return strings.TrimSpace(p.vsctl("get", "Open_vSwitch", ".", "next_cfg")) }
	p.vsctl("set", "Open_vSwitch", ".", "next_cfg=41")
	rec.reconfigure()
	log.await(t, "goes through its configuration again")
	if got := nextCfg(); got != "42" {
		t.Errorf("next_cfg is %s", got)
	}

	const most = "9223372036854775807"
	p.vsctl("set", "Open_vSwitch", ".", "next_cfg="+most)
	rec.reconfigure()
	log.await(t, "out of range")
	p.vsctl("add-port", "br-int", "v1", "--", "set", "Interface", "v1", "external_ids:iface-id=web1")
	expect("a1b2c3d4e5f6 interfaces v1(web1,,)@0")
	if got := nextCfg(); got != most {
		t.Errorf("next_cfg is %s", got)
	}
}

// syncBuilder is a log that may be read while it is written.
type syncBuilder struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *syncBuilder) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuilder) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// await waits until something is written.
func (s *syncBuilder) await(t *testing.T, text string) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(20 * time.Second); !strings.Contains(s.String(), text); {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("want %q in the log:\n%s", text, s.String())
		}
	}
}
